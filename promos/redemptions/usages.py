"""A redemption's row: whatever came first, in the end it says what its ledger entries say.

``open_with`` writes the row of a redemption that nothing was known of, which is
nearly every one. ``refresh`` works a row out anew from all its entries, for
everything that comes later or too early. Both return what moves on the shared
counters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from django.conf import settings
from django.db.models import QuerySet

from promos import statements
from promos.models import LedgerEntry, PromoCode, PromoCodeUsage, Subscription
from promos.orders import moment
from promos.redemptions import counters, totals
from promos.redemptions.counters import Change
from promos.redemptions.limits import REDEEMING

Status = PromoCodeUsage.Status
_PAID_BACK = (LedgerEntry.Kind.REFUND, LedgerEntry.Kind.CREDIT_NOTE)
_DERIVED = (
    "redemption_key",
    "stripe_promotion_code_id",
    "stripe_session_id",
    "customer",
    "plan",
    "is_new_customer",
    "currency",
    "gross_amount",
    "discount_amount",
    "net_amount",
    "status",
    "is_given_back",
    "reserved_amount",
    "promised_amount",
    "redeemed_at",
    "discount_ends_at",
)


def locked() -> QuerySet[PromoCodeUsage]:
    """Return redemptions to be locked as they are read, with their codes and campaigns."""
    return PromoCodeUsage.objects.select_for_update(of=("self",)).select_related("promo_code__campaign")


def locked_of_order(order: LedgerEntry) -> list[PromoCodeUsage]:
    """Lock and return the redemptions that an order is part of: its own code's and those of further codes."""
    keys = [
        order.usage_id,
        *order.reversals.filter(kind=LedgerEntry.Kind.SHARE).values_list("usage", flat=True),
    ]
    return list(locked().filter(pk__in=filter(None, keys)).order_by("pk"))


def open_with(entry: LedgerEntry, code: PromoCode, *, reserved_amount: int) -> Change:
    """Make the redemption of a new entry and set it on the (unsaved) entry."""
    usage = _of_entry(entry, code)
    usage.gross_amount = entry.gross_amount
    usage.discount_amount = entry.discount_amount
    usage.net_amount = entry.net_amount
    usage.reserved_amount = usage.promised_amount = reserved_amount
    statements.insert(usage)
    entry.usage = usage
    change = _difference(usage, used=1, spent=usage.discount_amount, promised=usage.promised_amount)
    return replace(change, moves=(totals.of_usage(usage),))


def open_empty(entry: LedgerEntry, code: PromoCode) -> PromoCodeUsage:
    """Make the redemption of an entry that is saved already; it counts from its first ``refresh`` on."""
    usage = _of_entry(entry, code)
    usage.status = Status.PENDING
    statements.insert(usage)
    return usage


def refresh(usage: PromoCodeUsage, *, reserved_amount: int = 0) -> Change:
    """Work a (locked) redemption out anew from its entries and its subscription."""
    usage.reserved_amount = usage.reserved_amount or reserved_amount
    was_counted, spent, promised = _is_counted(usage), usage.discount_amount, usage.promised_amount
    was_given_back, before = usage.is_given_back, totals.of_usage(usage)
    entries = list(usage.ledger_entries.all())
    bought = sorted(
        (entry for entry in entries if entry.kind in REDEEMING),
        key=lambda entry: (entry.occurred_at, entry.stripe_object_id),
    )
    if bought:
        _describe(usage, entries, bought)
        usage.save(update_fields=_DERIVED)
    if usage.is_given_back != was_given_back:
        # Stripe never counts back: the push may have to make a successor.
        counters.mark_pending(pk=usage.promo_code_id)
    change = _difference(
        usage,
        used=_is_counted(usage) - was_counted,
        spent=usage.discount_amount - spent,
        promised=usage.promised_amount - promised,
    )
    return replace(change, moves=(-before, totals.of_usage(usage)))


def _of_entry(entry: LedgerEntry, code: PromoCode) -> PromoCodeUsage:
    return PromoCodeUsage(
        redemption_key=entry.redemption_key,
        promo_code=code,
        stripe_promotion_code_id=entry.stripe_promotion_code_id,
        stripe_session_id=entry.stripe_session_id,
        customer=entry.customer,
        plan=entry.plan,
        is_new_customer=entry.is_new_customer,
        currency=entry.currency,
        redeemed_at=entry.occurred_at,
    )


def _describe(usage: PromoCodeUsage, entries: Sequence[LedgerEntry], bought: Sequence[LedgerEntry]) -> None:
    first = bought[0]
    usage.stripe_promotion_code_id = first.stripe_promotion_code_id
    usage.stripe_session_id = first.stripe_session_id
    usage.customer_id, usage.plan, usage.currency = first.customer_id, first.plan, first.currency
    usage.is_new_customer, usage.redeemed_at = first.is_new_customer, first.occurred_at
    usage.gross_amount = sum(entry.gross_amount for entry in entries)
    usage.discount_amount = sum(entry.discount_amount for entry in entries)
    usage.net_amount = sum(entry.net_amount for entry in entries)
    subscription = Subscription.objects.filter(stripe_subscription_id=usage.redemption_key).first()
    usage.discount_ends_at = _discount_ends_at(usage, bought, subscription)
    usage.promised_amount = _promised(usage, bought, subscription)
    _settle(usage, is_paid_back=_is_paid_back(first, entries))


def _settle(usage: PromoCodeUsage, *, is_paid_back: bool) -> None:
    if not is_paid_back:
        usage.status, usage.is_given_back = Status.SETTLED, False
    elif usage.status != Status.REFUNDED:
        # What the campaign says now is final: a later change of mind moves no uses.
        campaign = usage.promo_code.campaign
        gives_back = campaign.gives_back_on_refund if campaign else settings.GIVES_BACK_ON_REFUND
        usage.status, usage.is_given_back = Status.REFUNDED, gives_back


def _is_paid_back(first: LedgerEntry, entries: Sequence[LedgerEntry]) -> bool:
    """Whether all that the first order brought in, tax included, was refunded; disputes are no refunds.

    A further code's share brought in nothing itself: it goes the way of the order that it is part of.
    """
    if first.kind == LedgerEntry.Kind.SHARE and first.order is not None:
        return _is_paid_back(first.order, list(first.order.reversals.all()))
    paid = first.net_amount + first.tax_amount
    back = (
        entry.net_amount + entry.tax_amount
        for entry in entries
        if entry.order_id == first.pk and entry.kind in _PAID_BACK
    )
    return paid > 0 and paid + sum(back) <= 0


def _discount_ends_at(
    usage: PromoCodeUsage, bought: Sequence[LedgerEntry], subscription: Subscription | None
) -> datetime | None:
    """Return the end of the discount by the subscription's word; its last discounted order when it has gone."""
    if subscription is None:
        return None
    if usage.stripe_promotion_code_id not in subscription.discounts:
        return max(entry.occurred_at for entry in bought if entry.discount_amount or entry is bought[0])
    end = moment(subscription.discounts[usage.stripe_promotion_code_id])
    return min((at for at in (end, subscription.ended_at) if at), default=None)


def _promised(usage: PromoCodeUsage, bought: Sequence[LedgerEntry], subscription: Subscription | None) -> int:
    """Return what is still to come of the discount that was set aside for renewals."""
    if subscription and (
        subscription.ended_at or usage.stripe_promotion_code_id not in subscription.discounts
    ):
        return 0
    return max(0, usage.reserved_amount - sum(entry.discount_amount for entry in bought[1:]))


def _is_counted(usage: PromoCodeUsage) -> bool:
    return usage.status in {Status.SETTLED, Status.REFUNDED} and not usage.is_given_back


def _difference(usage: PromoCodeUsage, *, used: int, spent: int, promised: int) -> Change:
    code = usage.promo_code
    if code.campaign is None or code.campaign.currency != usage.currency:
        return Change(code, used=used, uncounted_amount=abs(spent) + abs(promised))
    return Change(code, used=used, spent_amount=spent, promised_amount=promised)
