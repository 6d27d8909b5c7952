"""Calendar months as numbers, so that they can be subtracted; the months of one year to the next are twelve apart."""

from __future__ import annotations

from datetime import date, tzinfo

from django.db.models import Expression, IntegerField
from django.db.models.functions import Cast, ExtractMonth, ExtractYear


def of_day(day: date) -> int:
    """Return the number of a day's month."""
    return day.year * 12 + day.month - 1


def first_day(number: int) -> date:
    """Return the first day of a numbered month."""
    return date(number // 12, number % 12 + 1, 1)


def of_time(name: str, zone: tzinfo) -> Expression:
    """Return, for a query, the number of a time's month in a zone."""
    # PostgreSQL extracts numerics, with which reckoning and grouping take twice as long.
    year, month = (Cast(part(name, tzinfo=zone), IntegerField()) for part in (ExtractYear, ExtractMonth))
    return year * 12 + month - 1
