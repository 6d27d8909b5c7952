"""What depends on the order in which a customer's orders happened, put right after one came late."""

from __future__ import annotations

from promos.models import Customer, LedgerEntry, PromoCodeUsage
from promos.redemptions import usages
from promos.redemptions.counters import Change
from promos.redemptions.limits import PURCHASES


def earliest(customer: Customer | None) -> LedgerEntry | None:
    """Return a customer's first order so far; of those of one second, by name."""
    orders = LedgerEntry.objects.filter(customer=customer, kind__in=PURCHASES)
    orders = orders.only("kind", "is_new_customer", "usage").order_by("occurred_at", "stripe_object_id")
    return orders.first() if customer else None


def straighten(customer: Customer | None, *, key: str) -> list[Change]:
    """Say anew which order was the customer's first and which code each renewal under the key belongs to.

    A renewal without a discount belongs to the code that the subscription had before it.
    """
    stale = _correct_newness(customer) | _correct_renewals(customer, key)
    return [usages.refresh(usage) for usage in usages.locked().filter(pk__in=stale).order_by("pk")]


def _correct_newness(customer: Customer | None) -> set[int]:
    """Mark the customer's first order as new, if it began something, and no other; return the redemptions changed."""
    first = earliest(customer)
    if first is None:
        return set()
    marked = LedgerEntry.objects.filter(customer=customer, is_new_customer=True)
    wrong = list(marked.exclude(pk=first.pk))
    LedgerEntry.objects.filter(pk__in=[entry.pk for entry in wrong]).update(is_new_customer=False)
    if first.kind == LedgerEntry.Kind.CHECKOUT and not first.is_new_customer:
        LedgerEntry.objects.filter(pk=first.pk).update(is_new_customer=True)
        wrong.append(first)
    return {entry.usage_id for entry in wrong if entry.usage_id}


def _correct_renewals(customer: Customer | None, key: str) -> set[int]:
    """Give each codeless renewal to the code redeemed last before it; return the redemptions changed."""
    redeemed = list(PromoCodeUsage.objects.filter(redemption_key=key).order_by("redeemed_at", "pk"))
    renewals = LedgerEntry.objects.filter(
        customer=customer,
        redemption_key=key,
        kind=LedgerEntry.Kind.INVOICE,
        stripe_promotion_code_id="",
    )
    changed: set[int] = set()
    for renewal in renewals if redeemed else ():
        before = [usage.pk for usage in redeemed if usage.redeemed_at <= renewal.occurred_at]
        owner = before[-1] if before else None
        if renewal.usage_id != owner:
            changed |= {pk for pk in (renewal.usage_id, owner) if pk}
            assign(renewal, owner)
    return changed


def assign(entry: LedgerEntry, usage_id: int | None) -> None:
    """Put an order, and what was paid back of it, under a redemption."""
    LedgerEntry.objects.filter(pk=entry.pk).update(usage=usage_id)
    entry.reversals.update(usage=usage_id)
