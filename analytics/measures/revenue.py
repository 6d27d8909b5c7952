"""What orders with a code would have brought at list prices, what was given away, and what was kept."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from django.db.models import Count, F, Sum, Value
from django.db.models.functions import Coalesce, TruncDate

from analytics import kept, queries
from analytics.formulas import Ratio, average
from analytics.kept import Sums
from analytics.measures import rows
from analytics.queries import DISCOUNTED, DISPUTES, ORDERS, REFUNDS, Money
from analytics.selection import Selection

_SUMS = {
    "gross_amount": Sum("gross_amount", default=0),
    "discount_amount": Sum("discount_amount", default=0),
    "net_amount": Sum("net_amount", default=0),
}
# Sums with a filter stand first: after them the columns' names mean the sums.
_MONEY = {
    "refunded_amount": -Sum("net_amount", filter=REFUNDS, default=0),
    "disputed_amount": -Sum("net_amount", filter=DISPUTES, default=0),
    "discounted_orders": Count("pk", filter=DISCOUNTED),
    "discounted_gross_amount": Sum("gross_amount", filter=DISCOUNTED, default=0),
    **_SUMS,
}


@dataclass(frozen=True)
class Impact(Money):
    """Orders with a code in one currency, and what they gave away on average."""

    @property
    def discount_rate(self) -> Ratio:
        return Ratio(self.discount_amount, self.discounted_gross_amount, self.discounted_orders)

    @property
    def average_discount_amount(self) -> int | None:
        """The discount of one discounted order; None when there is none."""
        return average(self.discount_amount, self.discounted_orders)


def impact(selection: Selection) -> dict[str, Impact]:
    """Sum the entries of orders with a code, by currency; an order with several of the codes is one. Two queries."""
    again = queries.counted_again(selection.entries())
    return {
        row.currency: replace(row, discounted_orders=row.discounted_orders - again.get(row.currency, 0))
        for row in _impact_by_code(selection)
    }


def _impact_by_code(selection: Selection) -> list[Impact]:
    """Return the same, but count an order with several codes for each of them."""
    if selection.has_totals:
        sums = kept.codes(selection.period, "currency", currency=selection.currency)
        return rows.of_sums(Impact, sums)
    found = selection.entries().values("currency").annotate(**_MONEY).order_by("currency")
    return rows.of(Impact, found)


@dataclass(frozen=True)
class Orders:
    """All paid orders in one currency, with and without a code."""

    currency: str
    orders: int = 0
    gross_amount: int = 0


def orders(selection: Selection) -> dict[str, Orders]:
    """Count the paid orders and sum their amounts before discount, by currency."""
    if selection.has_totals_of_orders:
        return {row.currency: row for row in rows.of_sums(Orders, kept_orders(selection, "currency"))}
    sums = {"orders": Count("pk", filter=ORDERS), "gross_amount": Sum("gross_amount")}
    found = selection.sales().values("currency").annotate(**sums).order_by("currency")
    return {row.currency: row for row in rows.of(Orders, found)}


def kept_orders(selection: Selection, *by: str) -> Sums:
    """Return the kept sums of paid orders by columns of the totals of plans, those without an order left out."""
    sums = kept.plans(selection.period, "plan", *by, currency=selection.currency)
    found: Sums = defaultdict(Counter)
    for (plan, *key), counts in sums.items():
        if counts["orders"] and selection.plan in ("", plan):
            found[tuple(key)].update(counts)
    return found


@dataclass(frozen=True)
class Moved:
    """What moved on one day, week or month, named by its first day."""

    day: date
    gross_amount: int = 0
    discount_amount: int = 0
    net_amount: int = 0


def over_time(selection: Selection) -> dict[str, list[Moved]]:
    """Sum the entries of orders with a code by currency and bucket of the period, empty buckets included."""
    period = selection.period
    sums: dict[tuple[str, date], Counter[str]] = defaultdict(Counter)
    for currency, day, amounts in _days(selection):
        sums[currency, period.bucket_of(day)].update(amounts)
    return {
        currency: [Moved(day, *(sums[currency, day][name] for name in _SUMS)) for day in period.buckets()]
        for currency in sorted({currency for currency, _ in sums})
    }


def _days(selection: Selection) -> Iterator[tuple[str, date, Mapping[str, int]]]:
    """Yield what moved on each day in each currency."""
    period = selection.period
    if selection.has_totals_by_day:
        kept_days = kept.days_of_codes(period, "currency", "day", currency=selection.currency)
        yield from ((currency, day, sums) for (currency, day), sums in kept_days.items())
        return
    days: Any = selection.entries().annotate(day=TruncDate("occurred_at", tzinfo=period.zone))
    for row in days.values("currency", "day").annotate(**_SUMS):
        yield row["currency"], row["day"], {name: row[name] for name in _SUMS}


@dataclass(frozen=True)
class CampaignMoney:
    """What the codes of one campaign moved in one currency; without a campaign, ``campaign_id`` is None."""

    currency: str
    campaign_id: int | None
    name: str
    gross_amount: int
    discount_amount: int
    net_amount: int
    discounted_orders: int


def by_campaign(selection: Selection) -> list[CampaignMoney]:
    """Sum the entries of orders with a code by campaign and currency, the most given away first."""
    campaign = {
        "campaign_id": F("usage__promo_code__campaign_id"),
        "name": Coalesce("usage__promo_code__campaign__name", Value("No campaign")),
    }
    # The count stands first: after the sums their names mean the sums.
    sums = {"discounted_orders": Count("pk", filter=DISCOUNTED), **_SUMS}
    found = selection.entries().values("currency", **campaign).annotate(**sums)
    return rows.of(CampaignMoney, found.order_by("currency", F("discount_amount").desc(), F("campaign_id")))
