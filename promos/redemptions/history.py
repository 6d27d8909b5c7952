"""What depends on the order in which a customer's orders happened, put right after one came late."""

from __future__ import annotations

from django.db.models import Q

from promos import statements
from promos.models import Customer, LedgerEntry, PromoCodeUsage
from promos.redemptions import totals, usages
from promos.redemptions.counters import Change
from promos.redemptions.limits import PURCHASES

_ORDER = "SELECT 1 FROM promos_ledgerentry WHERE customer_id = %s AND kind IN (%s, %s) LIMIT 1"
_NEVER_PAID = (PromoCodeUsage.Status.PENDING, PromoCodeUsage.Status.FAILED)


def has_orders(customer: Customer | None) -> bool:
    """Say whether a customer has ordered before."""
    return customer is not None and statements.row(_ORDER, [customer.pk, *PURCHASES]) is not None


def earliest(customer: Customer | None) -> LedgerEntry | None:
    """Return a customer's first order so far; of those of one second, by name."""
    orders = LedgerEntry.objects.filter(customer=customer, kind__in=PURCHASES)
    orders = orders.only("kind", "is_new_customer", "usage").order_by("occurred_at", "stripe_object_id")
    return orders.first() if customer else None


def straighten(customer: Customer | None, *, key: str) -> list[Change]:
    """Say anew which order was the customer's first and which code each renewal under the key belongs to.

    A renewal without a discount belongs to the code that the subscription had before it.
    """
    stale: set[int] = set()
    changes = [*_correct_newness(customer, stale), *_correct_renewals(customer, key, stale)]
    changed = usages.locked().filter(pk__in=stale).order_by("pk")
    return [*changes, *(usages.refresh(usage) for usage in changed)]


def _correct_newness(customer: Customer | None, stale: set[int]) -> list[Change]:
    """Mark the customer's first order as new, if it began something, and no other; note the redemptions changed.

    With an order goes what further codes took off it.
    """
    first = earliest(customer)
    if first is None:
        return []
    orders = LedgerEntry.objects.filter(customer=customer).select_related("usage__promo_code")
    of_first = Q(pk=first.pk) | Q(order=first.pk, kind=LedgerEntry.Kind.SHARE)
    wrong = ~of_first & Q(is_new_customer=True)
    if first.kind == LedgerEntry.Kind.CHECKOUT:
        wrong |= of_first & Q(is_new_customer=False)
    return [_mark(entry, stale, is_new=not entry.is_new_customer) for entry in orders.filter(wrong)]


def _mark(entry: LedgerEntry, stale: set[int], *, is_new: bool) -> Change:
    before = totals.of_entry(entry)
    entry.is_new_customer = is_new
    entry.save(update_fields=["is_new_customer"])
    if entry.usage_id:
        stale.add(entry.usage_id)
    return Change(None, moves=(-before, totals.of_entry(entry)))


def _correct_renewals(customer: Customer | None, key: str, stale: set[int]) -> list[Change]:
    """Give each codeless renewal to the code redeemed last before it; note the redemptions changed."""
    usages_of_key = PromoCodeUsage.objects.filter(redemption_key=key).select_related("promo_code")
    # What was never paid reduces nothing, so no renewal is its.
    paid = usages_of_key.exclude(status__in=_NEVER_PAID)
    redeemed = list(paid.order_by("redeemed_at", "pk"))
    renewals = LedgerEntry.objects.filter(
        customer=customer,
        redemption_key=key,
        kind=LedgerEntry.Kind.INVOICE,
        stripe_promotion_code_id="",
    ).select_related("usage__promo_code")
    changes: list[Change] = []
    for renewal in renewals if redeemed else ():
        before = [usage for usage in redeemed if usage.redeemed_at <= renewal.occurred_at]
        owner = before[-1] if before else None
        if renewal.usage != owner:
            stale |= {usage.pk for usage in (renewal.usage, owner) if usage}
            changes.append(assign(renewal, owner))
    return changes


def assign(entry: LedgerEntry, usage: PromoCodeUsage | None) -> Change:
    """Put an order, and what was paid back of it, under a redemption, and return what moves."""
    # What a further code took off stays under that code.
    paid_back = entry.reversals.exclude(kind=LedgerEntry.Kind.SHARE)
    moved = [entry, *paid_back.select_related("usage__promo_code")]
    before = [-totals.of_entry(one) for one in moved]
    LedgerEntry.objects.filter(pk__in=[one.pk for one in moved]).update(usage=usage)
    for one in moved:
        one.usage = usage
    return Change(None, moves=(*before, *map(totals.of_entry, moved)))
