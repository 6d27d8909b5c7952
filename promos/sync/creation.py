"""Creating an object at Stripe so that a crash, a time-out or a replayed error never makes two.

The row is saved with the request before it is sent, and the request of a row
never changes: other terms take another row. Whoever tries again first looks the
object up, and only sends the request again when it is not there: with the same
idempotency key while the outcome is unknown, with a new one when Stripe would
replay a failure, or when the key is old.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from promos import stripe_gateway
from promos.models import StripeCoupon, StripePromotionCode
from promos.stripe_gateway import StripeObject
from promos.sync.run import Run
from promos.sync.terms import Terms

#: Stripe keeps idempotency keys for at least a day; an hour is left for clocks that differ.
KEY_LIFE = timedelta(hours=23)

Row = StripeCoupon | StripePromotionCode
Create = Callable[..., StripeObject]


def planned(terms: Terms, params: dict[str, Any], *, sent_at: datetime | None = None) -> dict[str, Any]:
    """Return the ``creation`` of a new row: its request, the terms it carries, and when it is sent if at once."""
    sent = {"first_sent_at": sent_at.isoformat()} if sent_at else {}
    return {"terms": terms, "params": params, "number": 1, **sent}


def was_sent(row: Row) -> bool:
    """Say whether the request may have reached Stripe, so that the object has to be looked up first."""
    return "first_sent_at" in row.creation


def note_sending(run: Run, row: Row) -> None:
    """Save that the row's request is about to be sent; an old one takes a new key."""
    first_sent_at = row.creation.get("first_sent_at")
    if first_sent_at and datetime.fromisoformat(first_sent_at) <= run.now - KEY_LIFE:
        row.creation |= {"number": row.creation["number"] + 1}
        first_sent_at = None
    row.creation |= {"first_sent_at": first_sent_at or run.now.isoformat()}
    with run.saving():
        row.save(update_fields=["creation"])


def send(run: Run, row: Row, create: Create, *, key: str) -> StripeObject:
    """Send the request that makes the row's object; it was noted, and if sent before, looked up and not found.

    Raises:
        stripe_gateway.StripeError: as it came; the row knows which key the next try takes.
        leases.Lost: another worker has the code.
    """
    try:
        return create(row.creation["params"], idempotency_key=f"{key}-{row.creation['number']}")
    except stripe_gateway.Unavailable as error:
        if error.needs_new_key:
            _take_next_key(run, row)
        raise
    except stripe_gateway.Rejected:
        # Stripe would repeat a refusal too, even after what caused it has been put right.
        _take_next_key(run, row)
        raise


def _take_next_key(run: Run, row: Row) -> None:
    with run.saving():
        row.creation |= {"number": row.creation["number"] + 1, "first_sent_at": run.now.isoformat()}
        row.save(update_fields=["creation"])
