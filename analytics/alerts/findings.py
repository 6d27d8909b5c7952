"""What a rule finds, and how it says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from analytics import links
from analytics.alerts.usual import Span
from analytics.models import Alert


@dataclass(frozen=True)
class Finding:
    """Something out of the ordinary: ``subject`` tells it from others of its kind, ``link`` leads to its rows."""

    kind: Alert.Kind
    subject: str
    sentence: str
    link: str


def rows_within(model: type[Any], span: Span, column: str, **lookups: str) -> str:
    """Return the address of the rows of a span in the admin."""
    within = {f"{column}__gte": span.start.isoformat(), f"{column}__lt": span.end.isoformat()}
    return links.rows(model, **within, **lookups)


def moment_in_words(moment: datetime) -> str:
    """Return a moment to the minute, in the site's time zone, which it names."""
    return timezone.localtime(moment, timezone.get_default_timezone()).strftime("%Y-%m-%d %H:%M %Z")
