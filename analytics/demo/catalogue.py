"""The demo's plans, made at Stripe as an owner would make them in the dashboard, once."""

from __future__ import annotations

from dataclasses import dataclass

from promos import stripe_gateway
from promos.plans import SETUP_FEE_KEY

DEMO_KEY = "promodesk_demo"
CURRENCY = "usd"
MONTHLY_AMOUNT = 9_950
ANNUAL_AMOUNT = 99_500
SETUP_AMOUNT = 20_000


@dataclass(frozen=True)
class Catalogue:
    """Stripe ids of the demo's products and prices."""

    monthly_price: str
    monthly_product: str
    annual_price: str
    setup_product: str


def ensure() -> Catalogue:
    """Return the demo's products and prices, made at Stripe if they are not there yet."""
    setup = _price("setup", "Setup", SETUP_AMOUNT)
    monthly = _price(
        "monthly", "Team monthly", MONTHLY_AMOUNT, interval="month", metadata={SETUP_FEE_KEY: setup["id"]}
    )
    annual = _price("annual", "Team annual", ANNUAL_AMOUNT, interval="year")
    return Catalogue(
        monthly_price=monthly["id"],
        monthly_product=monthly["product"],
        annual_price=annual["id"],
        setup_product=setup["product"],
    )


def _price(
    key: str, name: str, amount: int, *, interval: str = "", metadata: dict[str, str] | None = None
) -> stripe_gateway.StripeObject:
    mine = {DEMO_KEY: key}
    found = (each for each in stripe_gateway.list_prices() if (each["metadata"] or {}).get(DEMO_KEY) == key)
    existing = next(found, None)
    if existing:
        return existing
    product = stripe_gateway.create_product(
        {"name": name, "metadata": mine}, idempotency_key=f"demo-{key}-product"
    )
    params = {
        "product": product["id"],
        "currency": CURRENCY,
        "unit_amount": amount,
        "metadata": mine | (metadata or {}),
        **({"recurring": {"interval": interval}} if interval else {}),
    }
    return stripe_gateway.create_price(params, idempotency_key=f"demo-{key}-price")
