"""What the kept totals say of a period: sums that grow with codes and days, not with redemptions.

Days of totals are those of UTC. A period that begins and ends at midnight of UTC
(``is_exact``) has the very sums of its rows, and so has all time; where the site's midnight
is another, ask the rows. For figures by day every day must be UTC's (``has_same_days``).

All codes are told together, or by code, where the codes of a batch are one; a single
code of a batch, a campaign, a segment or a country has no totals.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.db.models import Q, QuerySet, Sum

from analytics.periods import Period
from promos.models import CodeDayTotal, CodeTotal, CodeWeekTotal, PlanDayTotal
from promos.models.totals import CodeSums

#: Sums by what they are grouped by: values of the columns asked for → column of the totals → sum.
Sums = dict[tuple[Any, ...], Counter[str]]
EVERY_CODE = Q()


def is_exact(period: Period) -> bool:
    """Say whether sums of whole days of UTC are the period's own."""
    return period.is_all_time or all(_is_midnight(end) for end in (period.start, period.end))


def has_same_days(period: Period) -> bool:
    """Say whether each day of the period is a day of UTC."""
    return period.zone is UTC or all(
        _is_midnight(datetime.combine(day, time.min, tzinfo=period.zone)) for day in period.each_day()
    )


def codes(period: Period, *by: str, currency: str = "", wanted: Q = EVERY_CODE) -> Sums:
    """Sum what codes, or those wanted, did, by the columns named: ``currency``, ``promo_code_id``, ``batch_id``. One query."""
    tiers = (_in(rows.filter(wanted), currency) for rows in _tiers(period))
    first, *others = (_grouped(rows, CodeSums.COLUMNS, by) for rows in tiers)
    return _added(first.union(*others, all=True) if others else first, CodeSums.COLUMNS, by)


def days_of_codes(period: Period, *by: str, currency: str = "") -> Sums:
    """Sum what codes did, by the columns named, ``day`` among them. One query."""
    rows = _in(CodeDayTotal.objects.filter(_days(period)), currency)
    return _added(_grouped(rows, CodeSums.COLUMNS, by), CodeSums.COLUMNS, by)


def plans(period: Period, *by: str, currency: str = "") -> Sums:
    """Sum all orders, with and without a code, by the columns named: ``currency``, ``plan``, ``day``. One query."""
    rows = _in(PlanDayTotal.objects.filter(_days(period)), currency)
    return _added(_grouped(rows, PlanDayTotal.COLUMNS, by), PlanDayTotal.COLUMNS, by)


def moved_days(period: Period, *, currency: str = "") -> QuerySet[CodeDayTotal]:
    """Return the rows of days on which an entry of a code, or of a batch, was; what was put elsewhere left zeros."""
    still = Q(orders=0, discount_amount=0, refunded_amount=0, disputed_amount=0)
    return _in(CodeDayTotal.objects.filter(_days(period)).exclude(still), currency)


def _tiers(period: Period) -> list[QuerySet[Any]]:
    """Return the rows that make a period up: whole weeks, and the days before and after them."""
    if period.is_all_time:
        return [CodeTotal.objects.all()]
    first = period.first_day + timedelta(days=-period.first_day.weekday() % 7)
    end = period.end_day - timedelta(days=period.end_day.weekday())
    if first >= end:
        return [CodeDayTotal.objects.filter(_days(period))]
    around = Q(day__gte=period.first_day, day__lt=first) | Q(day__gte=end, day__lt=period.end_day)
    return [CodeWeekTotal.objects.filter(week__gte=first, week__lt=end), CodeDayTotal.objects.filter(around)]


def _days(period: Period) -> Q:
    return Q(day__gte=period.first_day, day__lt=period.end_day)


def _in(rows: QuerySet[Any], currency: str) -> QuerySet[Any]:
    return rows.filter(currency=currency) if currency else rows


def _grouped(rows: QuerySet[Any], columns: tuple[str, ...], by: tuple[str, ...]) -> QuerySet[Any]:
    sums = {column: Sum(column) for column in columns}
    found: QuerySet[Any] = rows.order_by().values(*by).annotate(**sums)
    return found


def _added(rows: QuerySet[Any], columns: tuple[str, ...], by: tuple[str, ...]) -> Sums:
    found: Sums = defaultdict(Counter)
    for row in rows:
        sums = found[tuple(row[column] for column in by)]
        for column in columns:
            sums[column] += row[column]
    # A redemption that was put elsewhere leaves zeros.
    return {key: sums for key, sums in found.items() if any(sums.values())}


def _is_midnight(at: datetime) -> bool:
    return at.astimezone(UTC).time() == time.min
