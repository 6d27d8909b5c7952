"""What orders with a code would have brought at list prices, what was given away, and what was kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, F, Sum, Value
from django.db.models.functions import Coalesce, TruncDate

from analytics.formulas import Ratio, average
from analytics.measures import rows
from analytics.queries import DISCOUNTED, DISPUTES, REFUNDS
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
class Impact:
    """Orders with a code in one currency; ``net = gross − discount − refunded − disputed``."""

    currency: str
    gross_amount: int = 0
    discount_amount: int = 0
    refunded_amount: int = 0
    disputed_amount: int = 0
    net_amount: int = 0
    discounted_orders: int = 0
    discounted_gross_amount: int = 0

    @property
    def discount_rate(self) -> Ratio:
        return Ratio(self.discount_amount, self.discounted_gross_amount, self.discounted_orders)

    @property
    def average_discount_amount(self) -> int | None:
        """The discount of one discounted order; None when there is none."""
        return average(self.discount_amount, self.discounted_orders)


def impact(selection: Selection) -> dict[str, Impact]:
    """Sum the entries of orders with a code, by currency."""
    found = selection.entries().values("currency").annotate(**_MONEY).order_by("currency")
    return {row.currency: row for row in rows.of(Impact, found)}


@dataclass(frozen=True)
class Orders:
    """All paid orders in one currency, with and without a code."""

    currency: str
    orders: int = 0
    gross_amount: int = 0


def orders(selection: Selection) -> dict[str, Orders]:
    """Count the paid orders and sum their amounts before discount, by currency."""
    sums = {"orders": Count("pk"), "gross_amount": Sum("gross_amount")}
    found = selection.orders().values("currency").annotate(**sums).order_by("currency")
    return {row.currency: row for row in rows.of(Orders, found)}


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
    days = selection.entries().annotate(day=TruncDate("occurred_at", tzinfo=period.zone))
    sums = list(days.values("currency", "day").annotate(**_SUMS).order_by("currency", "day"))
    buckets = period.buckets()
    found: dict[str, dict[date, Moved]] = {
        row["currency"]: {bucket: Moved(bucket) for bucket in buckets} for row in sums
    }
    for row in sums:
        moved, bucket = found[row["currency"]], period.bucket_of(row["day"])
        moved[bucket] = _add(moved[bucket], row)
    return {currency: list(moved.values()) for currency, moved in found.items()}


def _add(moved: Moved, row: Mapping[str, Any]) -> Moved:
    return Moved(moved.day, *(getattr(moved, name) + row[name] for name in _SUMS))


@dataclass(frozen=True)
class CampaignMoney:
    """What the codes of one campaign moved in one currency; without a campaign, ``campaign_id`` is None."""

    currency: str
    campaign_id: int | None
    name: str
    gross_amount: int
    discount_amount: int
    net_amount: int


def by_campaign(selection: Selection) -> list[CampaignMoney]:
    """Sum the entries of orders with a code by campaign and currency, the most given away first."""
    campaign = {
        "campaign_id": F("usage__promo_code__campaign_id"),
        "name": Coalesce("usage__promo_code__campaign__name", Value("No campaign")),
    }
    found = selection.entries().values("currency", **campaign).annotate(**_SUMS)
    return rows.of(CampaignMoney, found.order_by("currency", F("discount_amount").desc(), F("campaign_id")))
