"""Billing periods and the months a discount lasts."""

import calendar
from datetime import UTC, datetime, timedelta

from promos.standin.kinds import Document


def end(start: int, recurring: Document, anchor: int) -> int:
    """Return the end of the billing period that begins at `start`.

    Months are counted from the anchor, so that the 31st comes back after February.
    """
    count = recurring["interval_count"]
    if recurring["interval"] in ("day", "week"):
        days = count * (7 if recurring["interval"] == "week" else 1)
        return int((_moment(start) + timedelta(days=days)).timestamp())
    months = count * (12 if recurring["interval"] == "year" else 1)
    passed = months
    while months_later(anchor, passed) <= start:
        passed += months
    return months_later(anchor, passed)


def months_later(start: int, months: int) -> int:
    """Return the same day and time in a later month, or the last day it has."""
    begin = _moment(start)
    years, month = divmod(begin.month - 1 + months, 12)
    year, month = begin.year + years, month + 1
    day = min(begin.day, calendar.monthrange(year, month)[1])
    return int(begin.replace(year=year, month=month, day=day).timestamp())


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
