"""Customers with a history: a first order, renewals month by month, money paid back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from promos.models import Customer, LedgerEntry, PromoCode, PromoCodeUsage
from promos.redemptions import totals
from tests.factories import CustomerFactory, LedgerEntryFactory, SubscriptionFactory, UsageFactory


def month(number: int, *, day: int = 15, year: int = 2026) -> datetime:
    """Return noon of a day in a month; months past December are those of the next year."""
    return datetime(year + (number - 1) // 12, (number - 1) % 12 + 1, day, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Subscriber:
    """A customer and their first order, with what later orders have in common with it."""

    customer: Customer
    first: LedgerEntry
    usage: PromoCodeUsage | None

    def renew(self, at: datetime, *, gross: int = 10_000, discount: int = 0, **fields: object) -> LedgerEntry:
        common = {"plan": self.first.plan, "interval": self.first.interval, "currency": self.first.currency}
        return _enter(
            kind=LedgerEntry.Kind.INVOICE,
            customer=self.customer,
            usage=self.usage,
            occurred_at=at,
            gross_amount=gross,
            discount_amount=discount,
            **common | fields,
        )

    def pay_back(
        self, order: LedgerEntry, amount: int, *, at: datetime, kind: str = LedgerEntry.Kind.REFUND
    ) -> None:
        _enter(
            kind=kind,
            order=order,
            customer=self.customer,
            usage=self.usage,
            plan=order.plan,
            interval=order.interval,
            currency=order.currency,
            occurred_at=at,
            gross_amount=0,
            net_amount=-amount,
        )


def subscribe(
    code: PromoCode | None = None,
    *,
    at: datetime,
    gross: int = 10_000,
    discount: int = 0,
    **fields: object,
) -> Subscriber:
    """Write a customer's first order, with a code or without one."""
    customer = CustomerFactory()
    usage = None
    if code is not None:
        described = {name: fields[name] for name in ("plan", "currency", "redemption_key") if name in fields}
        usage = UsageFactory(
            promo_code=code,
            customer=customer,
            is_new_customer=True,
            redeemed_at=at,
            gross_amount=gross,
            discount_amount=discount,
            net_amount=gross - discount,
            **described,
        )
        totals.apply([totals.of_usage(usage)])
    first = _enter(
        customer=customer,
        usage=usage,
        is_new_customer=True,
        occurred_at=at,
        gross_amount=gross,
        discount_amount=discount,
        **fields,
    )
    return Subscriber(customer, first, usage)


def _enter(**fields: object) -> LedgerEntry:
    entry = LedgerEntryFactory(**fields)
    totals.apply([totals.of_entry(entry)])
    return entry


def subscribe_many(count: int, code: PromoCode | None = None, **fields: object) -> list[Subscriber]:
    return [subscribe(code, **fields) for _ in range(count)]


def run_on(
    code: PromoCode,
    *,
    began: datetime,
    renews: datetime,
    ends: datetime | None = None,
    **fields: object,
) -> PromoCodeUsage:
    """Write a redemption whose subscription goes on, its discount until ``ends``."""
    subscription = SubscriptionFactory(started_at=began, current_period_ends_at=renews, **fields)
    return UsageFactory(
        promo_code=code,
        customer=subscription.customer,
        redemption_key=subscription.stripe_subscription_id,
        plan=subscription.plan,
        redeemed_at=began,
        discount_ends_at=ends,
    )
