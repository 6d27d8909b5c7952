"""Which permissions the key in use has at Stripe, found out without changing anything there.

A restricted key is refused with the name of the permission it lacks before Stripe
looks at anything else; so reading asks for a list of one, and writing asks to
change an object that does not exist.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from promos import stripe_gateway

NOBODY = "promodesk_permission_check"


@dataclass(frozen=True)
class Permission:
    """One thing the product does at Stripe: ``attempt`` raises NotAuthorised when the key may not."""

    name: str
    attempt: Callable[[], object]


@dataclass(frozen=True)
class Refusal:
    name: str
    reason: str


def refused() -> list[Refusal]:
    """Try every permission and return those the key lacks, with Stripe's words.

    Raises:
        Unavailable: Stripe does not answer, so nothing can be said.
    """
    return [refusal for permission in PERMISSIONS if (refusal := _try(permission))]


def _try(permission: Permission) -> Refusal | None:
    try:
        permission.attempt()
    except stripe_gateway.NotAuthorised as error:
        return Refusal(permission.name, str(error))
    except stripe_gateway.Rejected:
        # There is no such object, as expected: the key may ask.
        return None
    return None


def _first(listing: Callable[..., object]) -> object:
    return next(iter(listing(limit=1)), None)  # type: ignore[call-overload]


def _write_subscription() -> object:
    # A new key each time: to an old one Stripe may repeat what it answered before.
    key = f"{NOBODY}-{secrets.token_hex(8)}"
    return stripe_gateway.update_subscription(NOBODY, {"description": "x"}, idempotency_key=key)


PERMISSIONS = (
    Permission("read products", partial(_first, stripe_gateway.list_products)),
    Permission("read prices", partial(_first, stripe_gateway.list_prices)),
    Permission("read coupons", partial(_first, stripe_gateway.list_coupons)),
    Permission("write coupons", partial(stripe_gateway.update_coupon, NOBODY, {"name": "x"})),
    Permission("read promotion codes", partial(_first, stripe_gateway.list_promotion_codes)),
    Permission(
        "write promotion codes", partial(stripe_gateway.update_promotion_code, NOBODY, {"active": False})
    ),
    Permission("read customers", partial(stripe_gateway.retrieve_customer, NOBODY)),
    Permission("write customers", partial(stripe_gateway.update_customer, NOBODY, {"description": "x"})),
    Permission("read Checkout sessions", partial(_first, stripe_gateway.list_checkout_sessions)),
    Permission("write Checkout sessions", partial(stripe_gateway.expire_checkout_session, NOBODY)),
    Permission("read invoices", partial(_first, stripe_gateway.list_invoices)),
    Permission("read subscriptions", partial(_first, stripe_gateway.list_subscriptions)),
    Permission("write subscriptions", _write_subscription),
    Permission(
        "open the customer portal", partial(stripe_gateway.create_portal_session, {"customer": NOBODY})
    ),
    Permission("read refunds", partial(_first, stripe_gateway.list_refunds)),
    Permission("read disputes", partial(_first, stripe_gateway.list_disputes)),
    Permission("read credit notes", partial(_first, stripe_gateway.list_credit_notes)),
    Permission("read events", partial(_first, stripe_gateway.list_events)),
    Permission("read webhook endpoints", partial(_first, stripe_gateway.list_webhook_endpoints)),
    Permission(
        "write webhook endpoints",
        partial(stripe_gateway.update_webhook_endpoint, NOBODY, {"description": "x"}),
    ),
)
