"""Checkouts that should have ended, codes that should have been paid with: the worker asks Stripe.

A hold never ends by our clock alone: the customer may have paid at the last moment.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime, timedelta

from django.db import DatabaseError

from promos import customers, orders, redemptions, stripe_gateway
from promos.billing import given
from promos.models import CheckoutAttempt
from promos.stripe_gateway import StripeObject

logger = logging.getLogger(__name__)

State = CheckoutAttempt.State
ASK_AGAIN_AFTER = timedelta(minutes=5)


def work(now: datetime, *, limit: int = 20) -> int:
    """Settle up to ``limit`` overdue checkouts by what Stripe says of them, and return how many were asked for.

    Raises:
        stripe_gateway.StripeError: Stripe could not be asked; the checkouts are due again later.
    """
    overdue = CheckoutAttempt.objects.filter(state__in=[State.OPENING, State.OPEN], ask_at__lte=now)
    asked = 0
    for attempt in overdue.order_by("ask_at", "pk")[:limit]:
        # Each is taken just before it is asked for: when Stripe goes away, the rest is due at once and not later.
        if _claim(attempt, now):
            asked += 1
            _settle_or_leave(attempt, now)
    return asked


def _claim(attempt: CheckoutAttempt, now: datetime) -> bool:
    """Take a checkout, so that no other worker asks as well; it is due again later in case this one dies."""
    mine = CheckoutAttempt.objects.filter(pk=attempt.pk, ask_at=attempt.ask_at)
    return mine.update(ask_at=now + ASK_AGAIN_AFTER) == 1


def _settle_or_leave(attempt: CheckoutAttempt, now: datetime) -> None:
    """Settle a checkout; one that is strange must not stop the others, which wait behind it."""
    try:
        _settle(attempt, now)
    except (stripe_gateway.Unavailable, stripe_gateway.NotAuthorised, DatabaseError):
        raise
    except Exception:
        logger.exception("Checkout %s could not be settled yet", attempt.pk)


def _settle(attempt: CheckoutAttempt, now: datetime) -> None:
    if attempt.stripe_subscription_id:
        given.ask_after(attempt, now=now)
        return
    session = _session(attempt)
    if session is None:
        # Its request was never answered, or it is gone, and Stripe has no such session: nobody can pay it.
        redemptions.release(attempt, state=State.FAILED, now=now)
    elif session["status"] == "complete":
        redemptions.record(session, event=None, now=now)
    elif session["status"] == "expired":
        redemptions.expire(session, now=now)


def _session(attempt: CheckoutAttempt) -> StripeObject | None:
    if attempt.stripe_session_id:
        with suppress(stripe_gateway.NotFound):
            return stripe_gateway.retrieve_checkout_session(attempt.stripe_session_id)
        return None
    if not attempt.customer.stripe_customer_id:
        return None
    sessions = stripe_gateway.list_checkout_sessions(
        customer=attempt.customer.stripe_customer_id,
        created={"gte": int(attempt.created_at.timestamp()) - 60},
    )
    mine = (each for each in sessions if orders.of_session(each).attempt_id == attempt.pk)
    try:
        return next(mine, None)
    except stripe_gateway.Rejected as error:
        if customers.is_gone(error):
            return None
        raise
