"""Redemptions and what followed them, as the ledger keeps them: usage, entries and totals together."""

from datetime import datetime, timedelta

from promos.models import LedgerEntry, PromoCode, PromoCodeUsage
from promos.redemptions import totals
from tests.factories import LONG_AGO, LedgerEntryFactory, UsageFactory


def redeem(
    promo_code: PromoCode,
    *,
    gross: int = 10_000,
    discount: int = 2_000,
    at: datetime = LONG_AGO,
    **fields: object,
) -> PromoCodeUsage:
    """Write a redemption settled at once, with the entry of its checkout."""
    usage = UsageFactory(
        promo_code=promo_code,
        gross_amount=gross,
        discount_amount=discount,
        net_amount=gross - discount,
        redeemed_at=at,
        **fields,
    )
    totals.apply([totals.of_usage(usage)])
    _enter(usage, LedgerEntry.Kind.CHECKOUT, at, gross_amount=gross, discount_amount=discount)
    return usage


def renew(usage: PromoCodeUsage, *, gross: int, discount: int, at: datetime = LONG_AGO) -> None:
    _enter(usage, LedgerEntry.Kind.INVOICE, at, gross_amount=gross, discount_amount=discount)
    usage.gross_amount += gross
    usage.discount_amount += discount
    usage.net_amount += gross - discount
    usage.save()


def pay_back(
    usage: PromoCodeUsage, amount: int, *, kind: str = LedgerEntry.Kind.REFUND, at: datetime = LONG_AGO
) -> None:
    _enter(usage, kind, at, gross_amount=0, net_amount=-amount)
    usage.net_amount -= amount
    usage.save()


def take_more_off(order: PromoCodeUsage, promo_code: PromoCode, discount: int) -> PromoCodeUsage:
    """Write what a second code took off the first order of a redemption, as a redemption of its own."""
    names = ("customer", "plan", "is_new_customer", "currency", "redeemed_at", "redemption_key")
    usage = UsageFactory(
        promo_code=promo_code,
        gross_amount=discount,
        discount_amount=discount,
        **{name: getattr(order, name) for name in names},
    )
    totals.apply([totals.of_usage(usage)])
    first = order.ledger_entries.get(kind=LedgerEntry.Kind.CHECKOUT)
    _enter(
        usage,
        LedgerEntry.Kind.SHARE,
        usage.redeemed_at,
        order=first,
        gross_amount=discount,
        discount_amount=discount,
    )
    return usage


def buy(*, gross: int = 10_000, at: datetime = LONG_AGO, **fields: object) -> LedgerEntry:
    """Write a sale without a code."""
    entry = LedgerEntryFactory(gross_amount=gross, occurred_at=at, **fields)
    totals.apply([totals.of_entry(entry)])
    return entry


def set_sync(promo_code: PromoCode, status: str, error: str = "") -> None:
    """Leave a code as the sync would; not through save(), which would have it pushed again."""
    is_retried = status == "pending" and error
    PromoCode.objects.filter(pk=promo_code.pk).update(
        sync_status=status, sync_error=error, next_try_at=LONG_AGO if is_retried else None
    )


def after(days: float) -> datetime:
    """Return the moment so many days after the builders' usual one."""
    return LONG_AGO + timedelta(days=days)


def _enter(usage: PromoCodeUsage, kind: str, at: datetime, **fields: object) -> None:
    entry = LedgerEntryFactory(
        usage=usage,
        kind=kind,
        customer=usage.customer,
        plan=usage.plan,
        is_new_customer=usage.is_new_customer,
        currency=usage.currency,
        occurred_at=at,
        **fields,
    )
    totals.apply([totals.of_entry(entry)])
