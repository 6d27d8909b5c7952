"""One worker of many takes a turn; the database says which."""

from __future__ import annotations

from datetime import datetime, timedelta

from analytics.models import Turn


def take(name: str, *, every: timedelta, now: datetime) -> bool:
    """Say whether it is time and the caller's turn; whoever else asks in the next ``every`` is told no."""
    _, is_first = Turn.objects.get_or_create(name=name, defaults={"taken_at": now})
    return is_first or bool(Turn.objects.filter(name=name, taken_at__lte=now - every).update(taken_at=now))
