"""The reports' part of the worker's rounds: each week's or month's is sent once, by one of the workers.

After a time without a worker only the newest complete week or month is told of.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import cast

from django.conf import settings
from django.utils import timezone

from analytics import mail, outbox, periods
from analytics.models import Report
from analytics.reporting import letter


def work(now: datetime) -> int:
    """Plan the report that ``REPORT_EVERY`` asks for, send what is due, and return how many went."""
    if settings.REPORT_EVERY:
        _plan(settings.REPORT_EVERY, now)
    rows = cast("list[Report]", outbox.claim(Report.objects.all(), now=now))
    return sum(outbox.send([row], partial(_send, row, now), now=now) for row in rows)


def _plan(every: str, now: datetime) -> None:
    period = periods.last_complete(every, now=now, zone=timezone.get_default_timezone())
    Report.objects.get_or_create(every=every, first_day=period.first_day, defaults={"created_at": now})


def _send(row: Report, now: datetime) -> None:
    period = periods.complete(row.every, row.first_day, zone=timezone.get_default_timezone())
    mail.send(letter.mail(letter.write(period, now=now), to=mail.recipients()))
