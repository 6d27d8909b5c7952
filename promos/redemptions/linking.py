"""Redemptions of codes that were unknown here when they happened, counted when the code arrives."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from promos.models import Customer, LedgerEntry, PromoCode, StripePromotionCode
from promos.redemptions import counters, history, limits, usages


def link(stripe_promotion_code_id: str, *, now: datetime) -> int:
    """Put the raw orders of a promotion code under the code it belongs to now, and return how many redemptions came.

    Without waiting orders this is one look at a small index.
    """
    raw = _raw().filter(stripe_promotion_code_id=stripe_promotion_code_id)
    waiting = set(raw.values_list("redemption_key", "customer"))
    code = _code(stripe_promotion_code_id) if waiting else None
    if code is None:
        return 0
    for key, customer_id in sorted(waiting, key=str):
        _link(raw.filter(redemption_key=key), code, customer_id)
    return len(waiting)


def link_known(*, now: datetime) -> int:
    """Link every raw order whose code is known: those recorded in the very moment in which the code arrived."""
    known = StripePromotionCode.objects.values("stripe_promotion_code_id")
    waiting = _raw().filter(stripe_promotion_code_id__in=known)
    ids = set(waiting.values_list("stripe_promotion_code_id", flat=True))
    return sum(link(stripe_promotion_code_id, now=now) for stripe_promotion_code_id in ids)


def _raw() -> QuerySet[LedgerEntry]:
    orders = LedgerEntry.objects.filter(usage__isnull=True, kind__in=limits.REDEEMING)
    return orders.exclude(stripe_promotion_code_id="")


def _code(stripe_promotion_code_id: str) -> PromoCode | None:
    codes = PromoCode.objects.select_related("campaign")
    return codes.filter(stripe_promotion_codes__stripe_promotion_code_id=stripe_promotion_code_id).first()


@transaction.atomic
def _link(raw: QuerySet[LedgerEntry], code: PromoCode, customer_id: int | None) -> None:
    customer = Customer.objects.select_for_update().get(pk=customer_id) if customer_id else None
    entries = list(raw.order_by("occurred_at", "stripe_object_id").select_related("customer"))
    if not entries:
        return
    key = entries[0].redemption_key
    usage = usages.locked().filter(promo_code=code, redemption_key=key).first()
    usage = usage or usages.open_empty(entries[0], code)
    changes = [history.assign(entry, usage) for entry in entries]
    changes += [usages.refresh(usage), *history.straighten(customer, key=key)]
    counters.apply(changes)
    if any(change.used > 0 for change in changes):
        limits.note_if_past(usage)
