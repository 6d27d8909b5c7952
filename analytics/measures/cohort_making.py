"""Makes the kept days of cohorts: those of which an order changed, then those that are not kept yet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta, tzinfo

from django.db import transaction
from django.utils import timezone

from analytics import turns
from analytics.measures import cohort_days, cohort_rows
from analytics.models import CohortDay
from analytics.periods import Period
from analytics.selection import Selection
from promos.breaks import Breaks
from promos.models import HistoryChange, LedgerEntry

#: How often, and how many days at once.
EVERY = timedelta(seconds=20)
MADE_AT_ONCE = 60
#: How long ago customers may have begun for their days to be kept.
KEPT_FOR = timedelta(days=3 * 366)


def work(now: datetime) -> int:
    """Make some of the due days when it is time, the changed ones first, and return how many."""
    if not turns.take("cohorts", every=EVERY, now=now):
        return 0
    return make_due(now, zone=timezone.get_default_timezone(), limit=MADE_AT_ONCE)


def make_due(now: datetime, *, zone: tzinfo, limit: int) -> int:
    """Make at most so many of the days that are due, and return how many were."""
    changes = cohort_days.changed_days(zone)
    if changes is None:
        return _begin_anew()
    made, breaks = 0, Breaks()
    for day, noted in list(changes.items())[:limit]:
        made += _make(day, noted, zone)
        breaks.take()
    rule = cohort_days.rule(zone)
    for day in list(_missing(now, rule, zone))[: limit - made]:
        made += _make(day, [], zone)
        breaks.take()
    return made


@transaction.atomic
def _make(day: date | None, noted: list[int], zone: tzinfo) -> int:
    """Make one day as it is now, and take the changes away that it then has; return 0 if somebody was quicker."""
    if day is None:
        # They began nothing, so nothing is kept of them.
        HistoryChange.objects.filter(pk__in=noted).delete()
        return 0
    row, _ = CohortDay.objects.select_for_update().get_or_create(day=day, defaults={"rule": ""})
    changes = HistoryChange.objects.filter(pk__in=noted)
    seen = list(changes.values_list("pk", flat=True))
    rule = cohort_days.rule(zone)
    if not seen and row.rule == rule:
        return 0
    of_day = Selection(Period(day, day + timedelta(days=1), zone))
    begins = cohort_rows.first_orders(of_day.orders()).exists()
    found = cohort_days.of_ledger(of_day) if begins else {}
    for kind in cohort_days.KINDS:
        setattr(row, kind, found.get(kind, []))
    row.rule = rule
    row.save()
    changes.filter(pk__in=seen).delete()
    return 1


def _missing(now: datetime, rule: str, zone: tzinfo) -> Iterator[date]:
    """Return the days since the first customer that are not kept, the latest first."""
    today = now.astimezone(zone).date()
    first = cohort_rows.first_orders(LedgerEntry.objects.filter(occurred_at__gt=now - KEPT_FOR))
    began = first.order_by("occurred_at").values_list("occurred_at", flat=True).first()
    if began is None:
        return
    earliest = began.astimezone(zone).date()
    kept = set(CohortDay.objects.filter(rule=rule, day__gte=earliest).values_list("day", flat=True))
    for back in range((today - earliest).days + 1):
        day = today - timedelta(days=back)
        if day not in kept:
            yield day


def _begin_anew() -> int:
    """Forget every kept day, where more changed than can be looked at one by one."""
    with transaction.atomic():
        latest = HistoryChange.objects.order_by("-pk").values_list("pk", flat=True).first()
        CohortDay.objects.all().delete()
        return HistoryChange.objects.filter(pk__lte=latest).delete()[0]
