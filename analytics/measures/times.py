"""When codes are redeemed: by hour, day, week or month, and by weekday and hour of the site's time zone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
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
    """Count redemptions by step, in order and without a gap; the keys are what an axis shows."""
    if selection.has_totals_by_day and step != Step.HOUR:
        return _kept_over_time(selection, step)
    starts = _TRUNCATED[step]("redeemed_at", tzinfo=selection.period.zone)
    found = selection.usages().annotate(start=starts).values("start").annotate(**_COUNTS)
    shown = {
        f"{start:{_FORMATS[step]}}": Used(redemptions, by_new_customers)
        for start, redemptions, by_new_customers in found.values_list("start", *_COUNTS)
    }
    return {name: shown.get(name, Used()) for name in _names(selection.period, step)}


def _kept_over_time(selection: Selection, step: Step) -> dict[str, Used]:
    sums: dict[str, Counter[str]] = {name: Counter() for name in _names(selection.period, step)}
    days = kept.days_of_codes(selection.period, "day", currency=selection.currency)
    for (day,), counts in days.items():
        sums[f"{_start(day, step):{_FORMATS[step]}}"].update(counts)
    return {
        name: Used(counts["redemptions"], counts["new_customer_redemptions"]) for name, counts in sums.items()
    }


def _names(period: Period, step: Step) -> Iterator[str]:
    starts = (_start(moment, step) for moment in _moments(period, step))
    # Of the moments of one week or month the first is enough.
    yield from dict.fromkeys(f"{start:{_FORMATS[step]}}" for start in starts)


def _moments(period: Period, step: Step) -> Iterator[datetime]:
    length = timedelta(hours=1) if step == Step.HOUR else timedelta(days=1)
    moment = datetime.combine(period.first_day, datetime.min.time())
    while moment.date() < period.end_day:
        yield moment
        moment += length


def _start(moment: date, step: Step) -> date:
    if step == Step.WEEK:
        return moment - timedelta(days=moment.weekday())
    return moment.replace(day=1) if step == Step.MONTH else moment


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
