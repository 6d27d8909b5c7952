"""When codes are redeemed: by hour, day, week or month, and by weekday and hour of the site's time zone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from django.db.models import Count, Q
from django.db.models.functions import (
    ExtractHour,
    ExtractIsoWeekDay,
    TruncDay,
    TruncHour,
    TruncMonth,
    TruncWeek,
)

from analytics import kept
from analytics.measures import rows
from analytics.periods import Period
from analytics.selection import Selection

#: So many days have their hours drawn; more would be a line of noise.
LONGEST_BY_HOUR = 31


class Step(StrEnum):
    """What one point of a chart stands for; weeks begin on Monday."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


_TRUNCATED = {Step.HOUR: TruncHour, Step.DAY: TruncDay, Step.WEEK: TruncWeek, Step.MONTH: TruncMonth}
_FORMATS = {Step.HOUR: "%d %b %H:%M", Step.DAY: "%d %b %Y", Step.WEEK: "%d %b %Y", Step.MONTH: "%b %Y"}


@dataclass(frozen=True)
class Used:
    """Redemptions of all, and of customers without an earlier order."""

    redemptions: int = 0
    by_new_customers: int = 0
    customers: int = 0


_COUNTS = {"redemptions": Count("pk"), "by_new_customers": Count("pk", filter=Q(is_new_customer=True))}


def used(selection: Selection) -> Used:
    """Count the redemptions and their customers; redemptions have no currency, so they add up."""
    return Used(**selection.usages().aggregate(**_COUNTS, customers=Count("customer", distinct=True)))


def over_time(selection: Selection, step: Step) -> dict[str, Used]:
    """Count redemptions by step, in order and without a gap; the keys are what an axis shows of ``starts``."""
    if selection.has_totals_by_day and step != Step.HOUR:
        return _kept_over_time(selection, step)
    truncated = _TRUNCATED[step]("redeemed_at", tzinfo=selection.period.zone)
    found = selection.usages().annotate(start=truncated).values("start").annotate(**_COUNTS)
    shown = {
        _name(start if step == Step.HOUR else _start(start.date(), selection.period, step), step): Used(
            *counts
        )
        for start, *counts in found.values_list("start", *_COUNTS)
    }
    names = (_name(start, step) for start in starts(selection.period, step))
    return {name: shown.get(name, Used()) for name in names}


def _kept_over_time(selection: Selection, step: Step) -> dict[str, Used]:
    period = selection.period
    sums: dict[str, Counter[str]] = {_name(start, step): Counter() for start in starts(period, step)}
    for (day,), counts in kept.days_of_codes(period, "day", currency=selection.currency).items():
        sums[_name(_start(day, period, step), step)].update(counts)
    return {
        name: Used(counts["redemptions"], counts["new_customer_redemptions"]) for name, counts in sums.items()
    }


def starts(period: Period, step: Step) -> list[date]:
    """Return the hours of a period, or the first day of each of its days, weeks or months within it."""
    if step == Step.HOUR:
        first = datetime.combine(period.first_day, datetime.min.time())
        return [first + timedelta(hours=number) for number in range(24 * period.days)]
    return sorted({_start(day, period, step) for day in period.each_day()})


def _start(day: date, period: Period, step: Step) -> date:
    if step == Step.WEEK:
        day -= timedelta(days=day.weekday())
    elif step == Step.MONTH:
        day = day.replace(day=1)
    return max(day, period.first_day)


def _name(start: date, step: Step) -> str:
    return f"{start:{_FORMATS[step]}}"


@dataclass(frozen=True)
class Hour:
    """Redemptions of one hour of the week; Monday is 1."""

    weekday: int
    hour: int
    redemptions: int


def by_weekday_and_hour(selection: Selection) -> list[Hour]:
    """Count redemptions by weekday and hour; hours without any are left out."""
    zone = selection.period.zone
    found = (
        selection.usages()
        .values(
            weekday=ExtractIsoWeekDay("redeemed_at", tzinfo=zone),
            hour=ExtractHour("redeemed_at", tzinfo=zone),
        )
        .annotate(redemptions=Count("pk"))
    )
    return rows.of(Hour, found.order_by("weekday", "hour"))
