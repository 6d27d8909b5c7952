"""How the subscriptions of the demo's history went on: renewals month by month, and what they are like today."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from analytics.demo import catalogue as prices

#: How many of a hundred customers pay again at each renewal, with a code and without.
STAYING = {True: 78, False: 88}
#: Codes whose discount has no end; the others' is of the first payment.
FOREVER = frozenset({"TESTCLIENT70"})

Session = Mapping[str, Any]


def renewals(at: datetime, code: str, dice: random.Random, *, until: datetime) -> list[datetime]:
    """Return when a monthly subscription that began ``at`` was paid again: each month, until its customer left."""
    paid: list[datetime] = []
    due = _month_later(at)
    while due < until and dice.randrange(100) < STAYING[bool(code)]:
        paid.append(due)
        due = _month_later(due)
    return paid


def invoice(session: Session, number: int, paid_at: datetime, *, discount_amount: int) -> dict[str, Any]:
    """Return the invoice of a renewal as Stripe tells it, with its discounts."""
    net_amount = prices.MONTHLY_AMOUNT - discount_amount
    discount = f"di_{session['subscription']}"
    running = [{"id": discount, **each} for each in session["discounts"]] if discount_amount else []
    return {
        "id": f"in_{session['subscription']}_{number}",
        "customer": session["customer"],
        "customer_email": session["customer_details"]["email"],
        "billing_reason": "subscription_cycle",
        "parent": {
            "subscription_details": {
                "subscription": session["subscription"],
                "metadata": session["metadata"],
            }
        },
        "status": "paid",
        "status_transitions": {"paid_at": int(paid_at.timestamp())},
        "currency": session["currency"],
        "total": net_amount,
        "total_excluding_tax": net_amount,
        "total_discount_amounts": [{"amount": discount_amount, "discount": discount}] if running else [],
        "discounts": running,
    }


def as_of(
    today: datetime, session: Session, plan: tuple[str, str], paid: Sequence[datetime], *, is_reduced: bool
) -> dict[str, Any]:
    """Return a subscription as Stripe describes it ``today``; ``plan`` is price and interval, ``paid`` all payments."""
    price, interval = plan
    ends = paid[-1].replace(year=paid[-1].year + 1) if interval == "year" else _month_later(paid[-1])
    has_left = ends < today
    return {
        "id": session["subscription"],
        "customer": session["customer"],
        "status": "canceled" if has_left else "active",
        "start_date": int(paid[0].timestamp()),
        "items": {
            "data": [
                {
                    "price": {"id": price, "recurring": {"interval": interval}},
                    "current_period_end": int(ends.timestamp()),
                }
            ]
        },
        "discounts": [{**each, "end": None} for each in session["discounts"]] if is_reduced else [],
        "ended_at": int(ends.timestamp()) if has_left else None,
    }


def _month_later(at: datetime) -> datetime:
    """Return the same day of the next month, at the latest the 28th."""
    first = at.replace(day=1) + timedelta(days=31)
    return first.replace(day=min(at.day, 28))
