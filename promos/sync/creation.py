"""Creating an object at Stripe so that a crash, a time-out or a replayed error never makes two.

The row is saved with the request before it is sent. Whoever tries again first
looks the object up, and only sends the request again when it is not there:
with the same idempotency key while the outcome is unknown, with a new one when
Stripe would replay an error, when the request changed, or when the key is old.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from promos import stripe_gateway
from promos.models import StripeCoupon, StripePromotionCode
from promos.stripe_gateway import StripeObject

#: Stripe keeps idempotency keys for at least a day; an hour is left for clocks that differ.
KEY_LIFE = timedelta(hours=23)

Create = Callable[..., StripeObject]


def send(
    row: StripeCoupon | StripePromotionCode,
    create: Create,
    params: Mapping[str, Any],
    *,
    key: str,
    now: datetime,
) -> StripeObject:
    """Send the request that makes the row's object; the caller has looked it up and not found it.

    Raises:
        stripe_gateway.StripeError: as it came; the row knows which key the next try takes.
    """
    number = _key_number(row, params, now)
    try:
        return create(params, idempotency_key=f"{key}-{number}")
    except stripe_gateway.Conflict as error:
        if error.code != "resource_already_exists":
            _spoil_key(row)
        raise
    except stripe_gateway.Unavailable as error:
        if error.needs_new_key:
            _spoil_key(row)
        raise


def _key_number(row: StripeCoupon | StripePromotionCode, params: Mapping[str, Any], now: datetime) -> int:
    """Save what is about to be sent and return the number of its key."""
    last = row.creation
    is_same_try = (
        last.get("params") == params
        and not last.get("is_spoilt")
        and datetime.fromisoformat(last["first_sent_at"]) > now - KEY_LIFE
    )
    if not is_same_try:
        number = last.get("number", 0) + 1
        row.creation = {"params": dict(params), "number": number, "first_sent_at": now.isoformat()}
        row.save(update_fields=["creation"])
    return int(row.creation["number"])


def _spoil_key(row: StripeCoupon | StripePromotionCode) -> None:
    row.creation = row.creation | {"is_spoilt": True}
    row.save(update_fields=["creation"])
