"""The alerts' part of the worker's rounds."""

from __future__ import annotations

from datetime import datetime, timedelta

from analytics import turns
from analytics.alerts import sending, watch

EVERY = timedelta(minutes=5)


def work(now: datetime) -> int:
    """Look at everything when it is time, send what is due, and return how many messages went."""
    if turns.take("alerts", every=EVERY, now=now):
        watch.keep(now)
    return sending.work(now)
