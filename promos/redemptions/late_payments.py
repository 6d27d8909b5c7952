"""Payments that take days: the redemption is kept as pending until Stripe says how it ended."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from promos import orders
from promos.models import CheckoutAttempt, PromoCodeUsage
from promos.orders import Order
from promos.redemptions import attempts, entries, finding, holds, limits, usages

State = CheckoutAttempt.State
Status = PromoCodeUsage.Status
#: A late payment's event says how it ended; Stripe is asked for the sake of a lost one, at growing distances.
ASK_FIRST_AFTER = timedelta(days=1)


def expire(session: orders.Session, *, now: datetime) -> None:
    """Give back what the checkout of an expired session holds."""
    _give_up(orders.of_session(session), state=State.EXPIRED, now=now)


def fail(session: orders.Session, *, now: datetime) -> None:
    """Give back what the checkout of a session holds whose late payment failed."""
    order = orders.of_session(session)
    _give_up(order, state=State.FAILED, now=now)
    _note(order, status=Status.FAILED, now=now)


def note_pending(order: Order, *, now: datetime) -> None:
    """Keep the redemption of a completed checkout whose payment is under way; it goes on holding its use."""
    if order.attempt_id is not None:
        _ask_later(CheckoutAttempt.objects.filter(pk=order.attempt_id, state__in=limits.UNSETTLED), now)
    _note(order, status=Status.PENDING, now=now)


def _ask_later(waiting: QuerySet[CheckoutAttempt], now: datetime) -> None:
    """Have the worker ask again after as long as the payment has been under way, so half as often each time."""
    for created_at in waiting.values_list("created_at", flat=True):
        waiting.update(ask_at=now + max(ASK_FIRST_AFTER, now - created_at))


def _give_up(order: Order, *, state: str, now: datetime) -> None:
    attempt = attempts.of_order(order)
    if attempt:
        holds.release(attempt, state=state, now=now)


@transaction.atomic
def _note(order: Order, *, status: str, now: datetime) -> None:
    """Keep a redemption that has not settled; one that has, or has failed, stands."""
    if not order.stripe_promotion_code_id:
        return
    customer = finding.locked_customer(order)
    entry = entries.of(order, customer, event=None, at=order.opened_at or now)
    code, is_redeemed = finding.code(entry, None)
    if code is None:
        return
    if is_redeemed:
        pending = code.usages.filter(redemption_key=order.redemption_key, status=Status.PENDING)
        pending.update(status=status)
    else:
        usage = usages.open_empty(entry, code)
        usage.status = status
        usage.save(update_fields=["status"])
