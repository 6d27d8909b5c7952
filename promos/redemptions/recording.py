"""Orders that Stripe has settled, each recorded once, in whatever order its events come.

A subscription's checkout session and first invoice are one order: the first of
the two to come makes the entry, the second adds what it alone knows. The
customer's row is locked throughout, so the orders of one customer are recorded
one after the other; where there is no customer, the ledger's own constraints
refuse a second entry, and the worker tries again.

A checkout of ours by a new customer, the common case, is kept to as few
statements as will do it (tests/benchmarks/webhook_path.py).
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from promos import orders, statements
from promos.models import CheckoutAttempt, LedgerEntry, PromoCodeUsage, WebhookEvent
from promos.orders import Order
from promos.redemptions import (
    attempts,
    counters,
    entries,
    finding,
    history,
    holds,
    late_payments,
    limits,
    totals,
    usages,
)
from promos.redemptions.counters import Change

State = CheckoutAttempt.State


def record(session: orders.Session, *, event: WebhookEvent | None, now: datetime) -> LedgerEntry | None:
    """Record a completed checkout session, once, with or without a code.

    Return the new ledger entry; None when the payment is still pending or the order was recorded before.
    """
    order = orders.of_session(session)
    if order.is_settled:
        return _record(order, event=event, at=_told_at(event) or now, now=now)
    late_payments.note_pending(order, now=now)
    return None


def record_invoice(
    invoice: orders.Invoice, *, event: WebhookEvent | None, now: datetime
) -> LedgerEntry | None:
    """Record a paid invoice whose ``discounts`` are expanded, once: a first order, or a renewal.

    Return the new ledger entry; None when it is unpaid or the order was recorded before.
    """
    order = orders.of_invoice(invoice)
    if not order.is_settled:
        return None
    return _record(order, event=event, at=order.paid_at or _told_at(event) or now, now=now)


def is_recorded(order: Order) -> bool:
    """Say whether an order is in the ledger, be it by its session or by its invoice."""
    return finding.entry(order) is not None


# Inside the inbox's transaction no savepoint: what fails there is rolled back as a whole.
@transaction.atomic(savepoint=False)
def _record(order: Order, *, event: WebhookEvent | None, at: datetime, now: datetime) -> LedgerEntry | None:
    customer = finding.locked_customer(order)
    attempt = attempts.of_order(order)
    changes = holds.settle(attempt, state=State.COMPLETED, now=now) if attempt else []
    is_first = not history.has_orders(customer)
    # A customer without orders has not had this one either.
    known = None if is_first and customer else finding.entry(order)
    if known is not None:
        completed = entries.complete(known, order, event=event, at=at)
        if completed is not None:
            changes += [completed, *_bring_up_to_date(known, attempt)]
        counters.apply(changes)
        return None
    entry = entries.of(order, customer, event=event, at=at)
    entry.is_new_customer = is_first and entry.kind == LedgerEntry.Kind.CHECKOUT
    changes += _insert(entry, attempt)
    shares = [entries.share(entry, *share) for share in order.shares]
    changes += [change for share in shares for change in _insert_share(share, order, now)]
    if not is_first:
        changes += history.straighten(customer, key=entry.redemption_key)
    counters.apply(changes)
    if any(change.used > 0 for change in changes):
        for usage in filter(None, (each.usage for each in (entry, *shares))):
            limits.note_if_past(usage)
    return entry


def _insert_share(share: LedgerEntry, order: Order, now: datetime) -> list[Change]:
    """Save what a further code took off a new order, under a redemption of its own."""
    held = attempts.given(order, share.stripe_promotion_code_id)
    settled = holds.settle(held, state=State.COMPLETED, now=now) if held else []
    return [*settled, *_insert(share, held)]


def _insert(entry: LedgerEntry, attempt: CheckoutAttempt | None) -> list[Change]:
    """Save a new entry with its redemption, and return what moves on the counters."""
    code, is_redeemed = finding.code(entry, attempt)
    reserved_amount = attempt.promised_amount if attempt else 0
    if code is None or not is_redeemed:
        changes = [usages.open_with(entry, code, reserved_amount=reserved_amount)] if code else []
        return [*changes, _save(entry)]
    entry.usage = usages.locked().get(promo_code=code, redemption_key=entry.redemption_key)
    return [_save(entry), usages.refresh(entry.usage, reserved_amount=reserved_amount)]


def _save(entry: LedgerEntry) -> Change:
    statements.insert(entry)
    return Change(None, moves=(totals.of_entry(entry),))


def _bring_up_to_date(entry: LedgerEntry, attempt: CheckoutAttempt | None) -> list[Change]:
    """Let the redemption of an entry that was added to follow it, and return what moves on the counters."""
    changes: list[Change] = []
    usage = usages.locked().get(pk=entry.usage_id) if entry.usage_id else _found_now(entry, attempt)
    if usage is not None:
        if entry.usage is None:
            changes.append(history.assign(entry, usage))
        usage.redemption_key = entry.redemption_key
        reserved_amount = attempt.promised_amount if attempt else 0
        changes.append(usages.refresh(usage, reserved_amount=reserved_amount))
    return changes + history.straighten(entry.customer, key=entry.redemption_key)


def _found_now(entry: LedgerEntry, attempt: CheckoutAttempt | None) -> PromoCodeUsage | None:
    """Return the redemption of an entry that had no code before, if it has one now."""
    code, is_redeemed = finding.code(entry, attempt)
    if code is None:
        return None
    if is_redeemed:
        return usages.locked().get(promo_code=code, redemption_key=entry.redemption_key)
    return usages.open_empty(entry, code)


def _told_at(event: WebhookEvent | None) -> datetime | None:
    return orders.moment(event.payload.get("created")) if event else None
