"""Spans of whole days in the site's time zone, as half-open spans ``[start, end)`` of UTC. Pure; time is passed in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

CHOICES = (7, 30, 90)
DEFAULT_DAYS = 30
LONGEST_DAYS = 5 * 366
#: Up to so many days a chart shows each day, then weeks, then months.
LONGEST_BY_DAY = 31
LONGEST_BY_WEEK = 2 * 366


@dataclass(frozen=True)
class Period:
    """The days from ``first_day`` up to and without ``end_day``."""

    first_day: date
    end_day: date
    zone: tzinfo = UTC

    @property
    def start(self) -> datetime:
        return self._midnight(self.first_day)

    @property
    def end(self) -> datetime:
        return self._midnight(self.end_day)

    @property
    def last_day(self) -> date:
        return self.end_day - timedelta(days=1)

    @property
    def days(self) -> int:
        return (self.end_day - self.first_day).days

    def days_over(self, now: datetime) -> int:
        """Return how many of the days are over."""
        today = now.astimezone(self.zone).date()
        return min(max((today - self.first_day).days, 0), self.days)

    @property
    def is_all_time(self) -> bool:
        """Whether every moment that can hold a payment is within, wherever its midnights are."""
        return (self.first_day, self.end_day) == (ALWAYS.first_day, ALWAYS.end_day)

    @property
    def previous(self) -> Period:
        """The same number of days just before."""
        return Period(self.first_day - timedelta(days=self.days), self.first_day, self.zone)

    @property
    def bucket(self) -> str:
        """What one point of a chart stands for: day, week or month."""
        if self.days <= LONGEST_BY_DAY:
            return "day"
        return "week" if self.days <= LONGEST_BY_WEEK else "month"

    def bucket_of(self, day: date) -> date:
        """Return the first day of the bucket; weeks begin on Monday, and no bucket before the period."""
        if self.bucket == "week":
            day -= timedelta(days=day.weekday())
        elif self.bucket == "month":
            day = day.replace(day=1)
        return max(day, self.first_day)

    def buckets(self) -> list[date]:
        """Return the first day of every bucket, in order and without a gap."""
        return sorted({self.bucket_of(day) for day in self.each_day()})

    def each_day(self) -> Iterator[date]:
        return (self.first_day + timedelta(days=offset) for offset in range(self.days))

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time.min, tzinfo=self.zone).astimezone(UTC)


#: Every moment that can hold a payment.
ALWAYS = Period(date(2000, 1, 1), date(2200, 1, 1))


def last_days(days: int, *, now: datetime, zone: tzinfo) -> Period:
    """Return the last so many days, today being the last of them."""
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return Period(tomorrow - timedelta(days=days), tomorrow, zone)


def complete(every: str, first_day: date, *, zone: tzinfo) -> Period:
    """Return the ``week`` or ``month`` that begins on a day."""
    if every == "week":
        return Period(first_day, first_day + timedelta(days=7), zone)
    # No month is longer than 31 days, nor two of them shorter.
    return Period(first_day, (first_day + timedelta(days=31)).replace(day=1), zone)


def last_complete(every: str, *, now: datetime, zone: tzinfo) -> Period:
    """Return the last ``week`` (Monday to Sunday) or ``month`` that is over."""
    today = now.astimezone(zone).date()
    if every == "week":
        return complete(every, today - timedelta(days=today.weekday() + 7), zone=zone)
    return complete(every, (today.replace(day=1) - timedelta(days=1)).replace(day=1), zone=zone)


def between(first: str, last: str, *, zone: tzinfo) -> Period:
    """Return the period from one typed day to another, both included.

    Raises:
        ValueError: not a date, the wrong way round, or absurdly long; the message is for the person.
    """
    period = _days(first, last, zone)
    if period.days > LONGEST_DAYS:
        raise ValueError("The period is too long: at most five years at once.")
    return period


def since_until(first: str | None, last: str | None, *, zone: tzinfo) -> Period:
    """Return the period from one typed day to another, both included; None leaves that side open.

    Raises:
        ValueError: see ``between``, but any length is allowed.
    """
    earliest, latest = ALWAYS.first_day.isoformat(), ALWAYS.last_day.isoformat()
    return _days(earliest if first is None else first, latest if last is None else last, zone)


@dataclass(frozen=True)
class Spans:
    """The numbers of days that a page offers, up to today, and the one it begins with."""

    choices: tuple[int, ...] = CHOICES
    default: int = DEFAULT_DAYS

    @property
    def in_words(self) -> str:
        *others, last = (f"{days:,}" for days in self.choices)
        return f"{', '.join(others)} or {last} days"


USUAL = Spans()


def chosen(parameters: Mapping[str, str], *, now: datetime, zone: tzinfo, spans: Spans = USUAL) -> Period:
    """Return the period a page's address asks for: ``?days=90``, or ``?from=2026-01-01&to=2026-03-31``.

    Raises:
        ValueError: see ``between``; also for a number of days that is not offered.
    """
    first, last = parameters.get("from", ""), parameters.get("to", "")
    if first or last:
        return between(first, last, zone=zone)
    days = parameters.get("days", str(spans.default))
    if days not in {str(choice) for choice in spans.choices}:
        raise ValueError(f"Choose {spans.in_words}, or two dates.")
    return last_days(int(days), now=now, zone=zone)


def _days(first: str, last: str, zone: tzinfo) -> Period:
    first_day, last_day = _day(first), _day(last)
    if last_day < first_day:
        raise ValueError(f"The period ends ({last_day}) before it starts ({first_day}).")
    if first_day < ALWAYS.first_day or last_day >= ALWAYS.end_day:
        raise ValueError("The period must lie between the years 2000 and 2199.")
    return Period(first_day, last_day + timedelta(days=1), zone)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"Write dates as 2026-03-31, not “{text}”.") from None
