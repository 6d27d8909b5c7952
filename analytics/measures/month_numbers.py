"""Calendar months as numbers in queries, so that they can be subtracted."""

from __future__ import annotations

from datetime import tzinfo

from django.db.models import Expression, IntegerField
from django.db.models.functions import Cast, ExtractMonth, ExtractYear


def month_number(name: str, zone: tzinfo) -> Expression:
    """Return the number of a time's month in a zone; the months of one year to the next are twelve apart."""
    # PostgreSQL extracts numerics, with which reckoning and grouping take twice as long.
    year, month = (Cast(part(name, tzinfo=zone), IntegerField()) for part in (ExtractYear, ExtractMonth))
    return year * 12 + month - 1
