"""Orders that Stripe has settled, each recorded once, in whatever order its events come.

A subscription's checkout session and first invoice are one order: the first of
the two to come makes the entry, the second adds what it alone knows. The
customer's row is locked throughout, so the orders of one customer are recorded
one after the other; where there is no customer, the ledger's own constraints
refuse a second entry, and the worker tries again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from promos import orders, plans
from promos.models import CheckoutAttempt, Customer, LedgerEntry, PromoCode, PromoCodeUsage, WebhookEvent
from promos.models.customers import email_key
from promos.orders import Order
from promos.redemptions import counters, history, holds, limits, usages
from promos.redemptions.counters import Change

State = CheckoutAttempt.State
Status = PromoCodeUsage.Status
#: A late payment takes days to arrive; its event says so, and this is only for a lost one.
ASK_ABOUT_LATE_PAYMENT = timedelta(days=1)


def record(session: orders.Session, *, event: WebhookEvent | None, now: datetime) -> LedgerEntry | None:
    """Record a completed checkout session, once, with or without a code.

    Return the new ledger entry; None when the payment is still pending or the order was recorded before.
    """
    order = orders.of_session(session)
    if order.is_settled:
        return _record(order, event=event, at=_created_at(event) or now, now=now)
    _note_late_payment(order, status=Status.PENDING, now=now)
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
    return _record(order, event=event, at=order.paid_at or _created_at(event) or now, now=now)


def is_recorded(order: Order) -> bool:
    """Say whether an order is in the ledger, be it by its session or by its invoice."""
    return _known(order) is not None


def expire(session: orders.Session, *, now: datetime) -> None:
    """Give back what the checkout of an expired session holds."""
    attempt = _attempt(orders.of_session(session))
    if attempt:
        holds.release(attempt, state=State.EXPIRED, now=now)


def fail(session: orders.Session, *, now: datetime) -> None:
    """Give back what the checkout of a session holds whose late payment failed."""
    order = orders.of_session(session)
    attempt = _attempt(order)
    if attempt:
        holds.release(attempt, state=State.FAILED, now=now)
    _note_late_payment(order, status=Status.FAILED, now=now)


@transaction.atomic
def _record(order: Order, *, event: WebhookEvent | None, at: datetime, now: datetime) -> LedgerEntry | None:
    customer = _locked_customer(order)
    attempt = _attempt(order)
    reserved_amount = attempt.promised_amount if attempt else 0
    changes = holds.settle(attempt, state=State.COMPLETED, now=now) if attempt else []
    entry = _known(order)
    if entry is None:
        entry = _entry(order, customer, event=event, at=at)
        changes += _insert(entry, reserved_amount=reserved_amount)
        counters.apply(changes)
        if entry.usage and any(change.used > 0 for change in changes):
            limits.note_if_past(entry.usage)
        return entry
    if _complete(entry, order, event=event, at=at):
        changes += _bring_up_to_date(entry, reserved_amount=reserved_amount)
    counters.apply(changes)
    return None


def _insert(entry: LedgerEntry, *, reserved_amount: int) -> list[Change]:
    """Save a new entry with its redemption, and return what moves on the counters."""
    first = history.earliest(entry.customer)
    entry.is_new_customer = first is None and entry.kind == LedgerEntry.Kind.CHECKOUT
    code, is_redeemed = _code(entry)
    if is_redeemed:
        entry.usage = usages.locked().get(promo_code=code, redemption_key=entry.redemption_key)
        entry.save(force_insert=True)
        changes = [usages.refresh(entry.usage, reserved_amount=reserved_amount)]
    else:
        changes = [usages.open_with(entry, code, reserved_amount=reserved_amount)] if code else []
        entry.save(force_insert=True)
    if first is not None:
        changes += history.straighten(entry.customer, key=entry.redemption_key)
    return changes


def _complete(entry: LedgerEntry, order: Order, *, event: WebhookEvent | None, at: datetime) -> bool:
    """Add to an entry what another account of its order knows, and return whether that was anything.

    Where session and invoice differ, the session's figures and event are kept.
    """
    known = {
        "stripe_session_id": order.session_id,
        "stripe_invoice_id": order.invoice_id,
        "stripe_payment_intent_id": order.payment_intent_id,
        "stripe_promotion_code_id": order.stripe_promotion_code_id,
        "plan": order.plan,
        "interval": order.interval,
    }
    added: dict[str, object] = {
        name: value for name, value in known.items() if value and not getattr(entry, name)
    }
    if "stripe_session_id" in added:
        added |= {
            "stripe_object_id": order.redemption_key,
            "redemption_key": order.redemption_key,
            "event": event,
        } | _amounts(order)
    if at < entry.occurred_at:
        added["occurred_at"] = at
    for name, value in added.items():
        setattr(entry, name, value)
    if added:
        entry.save(update_fields=added.keys())
    return bool(added)


def _bring_up_to_date(entry: LedgerEntry, *, reserved_amount: int) -> list[Change]:
    """Let the redemption of an entry that was added to follow it, and return what moves on the counters."""
    code, _ = _code(entry)
    if entry.usage_id is not None:
        usage = usages.locked().get(pk=entry.usage_id)
    elif code is not None:
        usage = usages.open_empty(entry, code)
        history.assign(entry, usage.pk)
    else:
        return history.straighten(entry.customer, key=entry.redemption_key)
    usage.redemption_key = entry.redemption_key
    changes = [usages.refresh(usage, reserved_amount=reserved_amount)]
    return changes + history.straighten(entry.customer, key=entry.redemption_key)


@transaction.atomic
def _note_late_payment(order: Order, *, status: str, now: datetime) -> None:
    """Keep a redemption whose payment is under way, or has failed; a settled one stands."""
    customer = _locked_customer(order)
    entry = _entry(order, customer, event=None, at=order.opened_at or now)
    code, is_redeemed = _code(entry)
    if status == Status.PENDING and order.attempt_id is not None:
        waiting = CheckoutAttempt.objects.filter(pk=order.attempt_id, state__in=limits.UNSETTLED)
        waiting.update(ask_at=now + ASK_ABOUT_LATE_PAYMENT)
    if code is None:
        return
    if is_redeemed:
        pending = code.usages.filter(redemption_key=order.redemption_key, status=Status.PENDING)
        pending.update(status=status)
    else:
        usage = usages.open_empty(entry, code)
        usage.status = status
        usage.save(update_fields=["status"])


def _created_at(event: WebhookEvent | None) -> datetime | None:
    return orders.moment(event.payload.get("created")) if event else None


def _locked_customer(order: Order) -> Customer | None:
    """Return the buyer, locked, so that the orders of one buyer are recorded one after the other."""
    if order.stripe_customer_id:
        known: dict[str, str | None] = {"stripe_customer_id": order.stripe_customer_id}
    elif order.email:
        known = {"stripe_customer_id": None, "email_key": email_key(order.email)}
    else:
        return None
    locked = Customer.objects.select_for_update().filter(**known).order_by("pk")
    customer = locked.first()
    if customer is None:
        Customer.objects.get_or_create(**known, defaults={"email": order.email})
        customer = locked.first()
    if customer and order.email and not customer.email and not customer.erased_at:
        # Made when a subscription or a refund came first, which do not tell it.
        customer.email = order.email
        customer.save(update_fields=["email", "email_key"])
    return customer


def _attempt(order: Order) -> CheckoutAttempt | None:
    """Return the checkout of ours that an order is; its session's id may not have been saved yet."""
    if order.is_renewal or not (order.attempt_id or order.session_id):
        return None
    mine = Q(pk=order.attempt_id) if order.attempt_id else Q(stripe_session_id=order.session_id)
    attempt = CheckoutAttempt.objects.filter(mine).select_related("promo_code__campaign", "customer").first()
    if attempt is None or attempt.customer.stripe_customer_id != order.stripe_customer_id:
        return None
    is_other = order.session_id and attempt.stripe_session_id not in {None, order.session_id}
    return None if is_other else attempt


def _known(order: Order) -> LedgerEntry | None:
    """Return the entry of an order recorded before, be it from its other account."""
    same = Q(kind=order.kind, stripe_object_id=order.object_id)
    if not order.subscription_id:
        # A session without a subscription and its invoice share no name, but know of each other or of one payment.
        for name in ("stripe_invoice_id", "stripe_payment_intent_id"):
            value = getattr(order, name.removeprefix("stripe_"))
            same |= Q(kind=order.kind, **{name: value}) if value else Q()
    return LedgerEntry.objects.filter(same).select_related("customer").first()


def _entry(
    order: Order, customer: Customer | None, *, event: WebhookEvent | None, at: datetime
) -> LedgerEntry:
    return LedgerEntry(
        kind=order.kind,
        stripe_object_id=order.object_id,
        redemption_key=order.redemption_key,
        stripe_session_id=order.session_id,
        stripe_invoice_id=order.invoice_id,
        stripe_payment_intent_id=order.payment_intent_id,
        customer=customer,
        event=event,
        stripe_promotion_code_id=order.stripe_promotion_code_id,
        plan=order.plan,
        interval=order.interval or plans.interval(order.plan),
        occurred_at=at,
        **_amounts(order),
    )


def _amounts(order: Order) -> dict[str, Any]:
    return {
        "currency": order.currency,
        "gross_amount": order.gross_amount,
        "discount_amount": order.discount_amount,
        "tax_amount": order.tax_amount,
        "net_amount": order.net_amount,
    }


def _code(entry: LedgerEntry) -> tuple[PromoCode | None, bool]:
    """Return the code of an entry, of whichever generation, and whether its redemption is known already."""
    generation = entry.stripe_promotion_code_id
    if not generation:
        return None, False
    redeemed = PromoCodeUsage.objects.filter(promo_code=OuterRef("pk"), redemption_key=entry.redemption_key)
    codes = PromoCode.objects.select_related("campaign").annotate(is_redeemed=Exists(redeemed))
    code = codes.filter(stripe_promotion_codes__stripe_promotion_code_id=generation).first()
    return code, bool(code and code.is_redeemed)
