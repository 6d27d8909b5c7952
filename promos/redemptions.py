"""Uses of codes: held while a checkout is open, recorded when Stripe took the payment.

Only ``hold`` can refuse. What Stripe took is always recorded and counted, even
past a limit. Every operation is one transaction that locks in the same order,
customer, attempt, usage, campaign, code: the row that most buyers share comes last.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q

from promos import orders
from promos.eligibility import Reason
from promos.models import (
    Campaign,
    CheckoutAttempt,
    Customer,
    LedgerEntry,
    PromoCode,
    PromoCodeUsage,
    WebhookEvent,
)
from promos.models.customers import email_key
from promos.orders import Order
from promos.sync.terms import moment

State = CheckoutAttempt.State
#: How long after a checkout's end its event may take before the worker asks Stripe.
EVENT_GRACE = timedelta(minutes=2)
_UNSETTLED = (State.OPENING, State.OPEN)
_PURCHASES = (LedgerEntry.Kind.CHECKOUT, LedgerEntry.Kind.INVOICE)


class NothingLeft(Exception):
    """The code cannot be held for this customer now; ``reason`` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.label)
        self.reason = reason


@transaction.atomic
def hold(attempt: CheckoutAttempt) -> CheckoutAttempt:
    """Save a new attempt and hold one use of its code, and its discount of the campaign's budget.

    Raises:
        NothingLeft: the last use, the customer's last use or the budget is gone; nothing is saved.
    """
    if attempt.promo_code is not None:
        _refuse_past_customer_limits(attempt, attempt.promo_code)
        _hold_budget(attempt, attempt.promo_code.campaign)
        _hold_use(attempt.promo_code)
    attempt.ask_at = attempt.expires_at + EVENT_GRACE
    attempt.save()
    return attempt


@transaction.atomic
def release(attempt: CheckoutAttempt, *, state: str, now: datetime) -> None:
    """Give back what an attempt holds; nothing happens when it was settled already."""
    _apply(_settle(attempt, state=state, now=now))


@transaction.atomic
def record(session: orders.Session, *, event: WebhookEvent | None, now: datetime) -> LedgerEntry | None:
    """Record a checkout session that Stripe has settled, once, with or without a code.

    Return the new ledger entry; None when the payment is still pending or was recorded before.
    """
    order = orders.of_session(session)
    if not order.is_settled:
        return None
    customer = _locked_customer(order)
    if _is_recorded(order):
        return None
    entry = _entry(order, customer, event=event, at=_occurred_at(event, now))
    attempt = _attempt(order)
    changes = _settle(attempt, state=State.COMPLETED, now=now) if attempt else []
    code = _code(order)
    if code is not None:
        entry.usage, is_first = _usage(entry, code, order)
        changes.append(_Change(code, used=int(is_first), spent_amount=_budget_share(code, order)))
    entry.save()
    _apply(changes)
    return entry


def expire(session: orders.Session, *, now: datetime) -> None:
    """Give back what the checkout of an expired session holds."""
    _give_up(session, state=State.EXPIRED, now=now)


def fail(session: orders.Session, *, now: datetime) -> None:
    """Give back what the checkout of a session holds whose late payment failed."""
    _give_up(session, state=State.FAILED, now=now)


def _give_up(session: orders.Session, *, state: str, now: datetime) -> None:
    attempt = _attempt(orders.of_session(session))
    if attempt:
        release(attempt, state=state, now=now)


def _refuse_past_customer_limits(attempt: CheckoutAttempt, code: PromoCode) -> None:
    if code.max_redemptions_per_customer is None and not code.first_time_only:
        return
    # Two checkouts of one customer come one after the other.
    Customer.objects.select_for_update().get(pk=attempt.customer_id)
    bought = LedgerEntry.objects.filter(customer=attempt.customer_id, kind__in=_PURCHASES)
    if code.first_time_only and bought.exists():
        raise NothingLeft(Reason.NOT_FIRST_PURCHASE)
    limit = code.max_redemptions_per_customer
    if limit is not None and _uses_of(attempt.customer_id, code) >= limit:
        raise NothingLeft(Reason.CUSTOMER_LIMIT)


def _uses_of(customer_id: int, code: PromoCode) -> int:
    used = PromoCodeUsage.objects.filter(promo_code=code, customer=customer_id).count()
    held = CheckoutAttempt.objects.filter(promo_code=code, customer=customer_id, state__in=_UNSETTLED).count()
    return used + held


def _hold_budget(attempt: CheckoutAttempt, campaign: Campaign | None) -> None:
    if campaign is None or campaign.currency != attempt.currency:
        attempt.held_amount = 0
        return
    has_room = Q(budget_amount__isnull=True) | Q(
        budget_amount__gte=F("spent_amount") + F("held_amount") + attempt.held_amount
    )
    held = Campaign.objects.filter(has_room, pk=campaign.pk).update(
        held_amount=F("held_amount") + attempt.held_amount
    )
    if not held:
        raise NothingLeft(Reason.BUDGET_SPENT)


def _hold_use(code: PromoCode) -> None:
    has_room = Q(max_redemptions__isnull=True) | Q(max_redemptions__gt=F("used_count") + F("held_count"))
    held = PromoCode.objects.filter(has_room, pk=code.pk).update(held_count=F("held_count") + 1)
    if not held:
        raise NothingLeft(Reason.USED_UP)


@dataclass(frozen=True)
class _Change:
    """What moves on a code's counters and on its campaign's (minor units of the campaign's currency)."""

    code: PromoCode
    used: int = 0
    held: int = 0
    spent_amount: int = 0
    held_amount: int = 0


def _settle(attempt: CheckoutAttempt, *, state: str, now: datetime) -> list[_Change]:
    """End an unsettled attempt; return what it gives back, nothing when it was settled already."""
    unsettled = CheckoutAttempt.objects.filter(pk=attempt.pk, state__in=_UNSETTLED)
    if not unsettled.update(state=state, settled_at=now) or attempt.promo_code is None:
        return []
    return [_Change(attempt.promo_code, held=-1, held_amount=-attempt.held_amount)]


def _apply(changes: list[_Change]) -> None:
    """Move the counters: campaigns before codes, each in the order of their keys."""
    changes = sorted(changes, key=lambda change: change.code.pk)
    for change in sorted(changes, key=lambda change: change.code.campaign_id or 0):
        if change.code.campaign_id and (change.spent_amount or change.held_amount):
            Campaign.objects.filter(pk=change.code.campaign_id).update(
                spent_amount=F("spent_amount") + change.spent_amount,
                held_amount=F("held_amount") + change.held_amount,
            )
    for change in changes:
        PromoCode.objects.filter(pk=change.code.pk).update(
            used_count=F("used_count") + change.used, held_count=F("held_count") + change.held
        )


def _is_recorded(order: Order) -> bool:
    return LedgerEntry.objects.filter(
        kind=LedgerEntry.Kind.CHECKOUT, stripe_object_id=order.session_id
    ).exists()


def _occurred_at(event: WebhookEvent | None, now: datetime) -> datetime:
    return (event and moment(event.payload.get("created"))) or now


def _locked_customer(order: Order) -> Customer | None:
    """Return the buyer, locked, so that the orders of one buyer are recorded one after the other."""
    if order.stripe_customer_id:
        known: dict[str, str | None] = {"stripe_customer_id": order.stripe_customer_id}
    elif order.email:
        known = {"stripe_customer_id": None, "email_key": email_key(order.email)}
    else:
        return None
    customer = Customer.objects.filter(**known).order_by("pk").first()
    if customer is None:
        customer, _ = Customer.objects.get_or_create(**known, defaults={"email": order.email})
    return Customer.objects.select_for_update().get(pk=customer.pk)


def _attempt(order: Order) -> CheckoutAttempt | None:
    """Return the checkout of ours that a session is; its id may not have been saved yet."""
    mine = Q(stripe_session_id=order.session_id)
    if order.attempt_id is not None:
        mine |= Q(pk=order.attempt_id, stripe_session_id=None)
    return CheckoutAttempt.objects.filter(mine).select_related("promo_code").first()


def _entry(
    order: Order, customer: Customer | None, *, event: WebhookEvent | None, at: datetime
) -> LedgerEntry:
    return LedgerEntry(
        kind=LedgerEntry.Kind.CHECKOUT,
        stripe_object_id=order.session_id,
        customer=customer,
        event=event,
        stripe_promotion_code_id=order.stripe_promotion_code_id,
        plan=order.plan,
        interval=order.interval,
        is_new_customer=_is_new(customer),
        currency=order.currency,
        gross_amount=order.gross_amount,
        discount_amount=order.discount_amount,
        tax_amount=order.tax_amount,
        net_amount=order.net_amount,
        occurred_at=at,
    )


def _is_new(customer: Customer | None) -> bool:
    return not LedgerEntry.objects.filter(customer=customer, kind__in=_PURCHASES).exists()


def _code(order: Order) -> PromoCode | None:
    """Return the code that an order used, of whichever generation."""
    if not order.stripe_promotion_code_id:
        return None
    return (
        PromoCode.objects.filter(
            stripe_promotion_codes__stripe_promotion_code_id=order.stripe_promotion_code_id
        )
        .select_related("campaign")
        .first()
    )


def _usage(entry: LedgerEntry, code: PromoCode, order: Order) -> tuple[PromoCodeUsage, bool]:
    """Return the redemption that an entry belongs to, its amounts raised by the entry's, and whether it is new."""
    usage, is_first = PromoCodeUsage.objects.get_or_create(
        redemption_key=order.redemption_key,
        promo_code=code,
        defaults={
            "stripe_promotion_code_id": order.stripe_promotion_code_id,
            "stripe_session_id": order.session_id,
            "customer": entry.customer,
            "plan": order.plan,
            "is_new_customer": entry.is_new_customer,
            "is_over_limit": code.max_redemptions is not None and code.used_count >= code.max_redemptions,
            "currency": order.currency,
            "redeemed_at": entry.occurred_at,
        },
    )
    PromoCodeUsage.objects.filter(pk=usage.pk).update(
        gross_amount=F("gross_amount") + entry.gross_amount,
        discount_amount=F("discount_amount") + entry.discount_amount,
        net_amount=F("net_amount") + entry.net_amount,
    )
    return usage, is_first


def _budget_share(code: PromoCode, order: Order) -> int:
    """Return what an order takes of its campaign's budget, which is kept in one currency."""
    is_counted = code.campaign is not None and code.campaign.currency == order.currency
    return order.discount_amount if is_counted else 0
