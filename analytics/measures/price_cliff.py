"""Customers whose discount ends next month, with their price before and after. Plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Q, QuerySet

from analytics.measures import month_numbers, running
from analytics.measures.running import Prices
from analytics.periods import Period
from analytics.selection import Selection
from promos.models import Customer, PromoCodeUsage

PRICE_CLIFF = (
    "Customers whose discount ends in the next calendar month and whose subscription goes on: the price of a "
    "renewal before and after, at today's price, quantity one."
)


@dataclass(frozen=True)
class Fall:
    """One customer whose price rises; prices in minor units, None where the plan's price is not known."""

    usage_id: int
    customer: Customer
    code: str
    plan: str
    currency: str
    ends_at: datetime
    before_amount: int | None
    after_amount: int | None


@dataclass(frozen=True)
class Cliff:
    """How many discounts end next month in each currency, and the first of them."""

    counts: dict[str, int]
    falls: Sequence[Fall]


def next_month(period: Period, *, now: datetime) -> Period:
    """Return the calendar month after this one, in the zone of a period."""
    number = month_numbers.of_day(now.astimezone(period.zone).date()) + 1
    return Period(month_numbers.first_day(number), month_numbers.first_day(number + 1), period.zone)


def cliff(chosen: Selection, *, now: datetime, limit: int) -> Cliff:
    """Return the customers whose discount ends next month, the soonest first. Five queries."""
    ending = _ending(chosen, now)
    found = list(ending.select_related("customer", "promo_code").order_by("discount_ends_at", "pk")[:limit])
    rows = [_row(usage) for usage in found]
    prices = Prices(rows)
    counts = dict(ending.values_list("currency").annotate(count=Count("pk")).order_by("currency"))
    return Cliff(counts, [_fall(usage, row, prices) for usage, row in zip(found, rows, strict=True)])


def _ending(chosen: Selection, now: datetime) -> QuerySet[PromoCodeUsage]:
    month = next_month(chosen.period, now=now)
    goes_on = Q(customer__subscriptions__cancel_at=None) | Q(
        customer__subscriptions__cancel_at__gt=F("discount_ends_at")
    )
    ends = Q(discount_ends_at__gte=month.start, discount_ends_at__lt=month.end)
    rows = running.usages(chosen, ends, goes_on, now=now)
    return rows.annotate(plan_now=F("customer__subscriptions__plan"), coupon_id=running.coupon_id())


def _row(usage: PromoCodeUsage) -> dict[str, Any]:
    names = ("currency", "plan_now", "coupon_id")
    return {name: getattr(usage, name) for name in names} | {"offer_id": usage.promo_code.offer_id}


def _fall(usage: PromoCodeUsage, row: dict[str, Any], prices: Prices) -> Fall:
    plan, discount = prices.plan(row), prices.discount(row)
    assert usage.customer is not None  # joined to the customer's subscription
    assert usage.discount_ends_at is not None  # within the month
    return Fall(
        usage_id=usage.pk,
        customer=usage.customer,
        code=usage.promo_code.code,
        plan=row["plan_now"],
        currency=usage.currency,
        ends_at=usage.discount_ends_at,
        before_amount=plan.amount - discount if plan and discount is not None else None,
        after_amount=plan.amount if plan else None,
    )
