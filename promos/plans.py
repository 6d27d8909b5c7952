"""The plans that customers can buy, read from dj-stripe's mirror of products and prices.

A plan is an active recurring price of an active product. Its setup fee is a
one-time price that the recurring price names in its metadata:
``setup_fee_price=price_…``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from djstripe.models import Price

from promos.discounts import Line

SETUP_FEE_KEY = "setup_fee_price"


@dataclass(frozen=True)
class SetupFee:
    price_id: str
    product_id: str
    name: str
    amount: int


@dataclass(frozen=True)
class Plan:
    """One recurring price; amounts in minor units of ``currency``."""

    price_id: str
    product_id: str
    name: str
    currency: str
    amount: int
    interval: str
    interval_count: int = 1
    setup_fee: SetupFee | None = None

    @property
    def lines(self) -> list[Line]:
        """The lines of a first order: the plan, and its setup fee if there is one."""
        fee = [Line(self.setup_fee.product_id, self.setup_fee.amount)] if self.setup_fee else []
        return [Line(self.product_id, self.amount), *fee]

    @property
    def gross_amount(self) -> int:
        return sum(line.amount for line in self.lines)


def active() -> list[Plan]:
    """Return the plans on sale, cheapest per currency and interval first."""
    plans = [plan for plan in _plans(_mirrored()) if plan]
    return sorted(
        plans, key=lambda plan: (plan.currency, plan.interval != "month", plan.amount, plan.price_id)
    )


def interval(price_id: str) -> str:
    """Return how often a price is charged, on sale or not: "month", say; empty when it is one-time or unknown."""
    price = Price.objects.filter(id=price_id).first() if price_id else None
    return str(((price.stripe_data.get("recurring") if price else None) or {}).get("interval", ""))


def get(price_id: str) -> Plan | None:
    """Return the plan of a price, or None when it is not on sale."""
    return next((plan for plan in active() if plan.price_id == price_id), None)


def find(price_id: str) -> Plan | None:
    """Return the plan of a price, on sale or not: somebody may still have it."""
    return find_all([price_id]).get(price_id) if price_id else None


def find_all(price_ids: Collection[str]) -> dict[str, Plan]:
    """Return the plans of prices, on sale or not, by price; without their setup fees."""
    prices = Price.objects.select_related("product").filter(id__in=price_ids)
    return {plan.price_id: plan for plan in _plans(prices) if plan}


def currencies() -> list[str]:
    """Return the currencies of the active prices, in order; none before any is mirrored."""
    return sorted(set(Price.objects.filter(active=True).values_list("currency", flat=True)))


def currency_refusal(currency: str) -> str:
    """Say why an amount in a currency would be of no use; empty while nothing can be said against it."""
    sold_in = currencies()
    if not sold_in or currency.lower() in sold_in:
        return ""
    return f"You sell nothing in {currency.upper()}; your Stripe prices are in {', '.join(sold_in).upper()}."


def _mirrored() -> list[Price]:
    return list(Price.objects.select_related("product").filter(active=True, product__active=True))


def _plans(prices: Iterable[Price]) -> list[Plan | None]:
    by_id = {price.id: price for price in prices}
    return [_plan(price, by_id) for price in by_id.values()]


def _plan(price: Price, by_id: dict[str, Price]) -> Plan | None:
    data = price.stripe_data
    recurring = data.get("recurring")
    if not recurring or data.get("unit_amount") is None:
        return None
    fee = by_id.get((data.get("metadata") or {}).get(SETUP_FEE_KEY, ""))
    return Plan(
        price_id=price.id,
        product_id=price.product.id,
        name=data.get("nickname") or _product_name(price),
        currency=data["currency"],
        amount=data["unit_amount"],
        interval=recurring["interval"],
        interval_count=recurring.get("interval_count", 1),
        setup_fee=_setup_fee(fee, data["currency"]) if fee else None,
    )


def _setup_fee(price: Price, currency: str) -> SetupFee | None:
    data = price.stripe_data
    if data.get("recurring") or data["currency"] != currency or data.get("unit_amount") is None:
        return None
    return SetupFee(price.id, price.product.id, _product_name(price), data["unit_amount"])


def _product_name(price: Price) -> str:
    return str(price.product.stripe_data.get("name") or price.product.id)
