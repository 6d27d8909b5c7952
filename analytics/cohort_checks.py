"""Check the kept days of cohorts against the ledger, day by day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.utils import timezone

from analytics import reckoning
from analytics.measures import cohort_days
from analytics.models import CohortDay
from analytics.periods import Period
from analytics.reckoning import Difference
from analytics.selection import Selection


def days() -> Iterator[Difference]:
    """Compare every kept day that a page would take with what the ledger says now."""
    zone = timezone.get_default_timezone()
    changed = cohort_days.changed_days(zone)
    if changed is None:
        # Then no page takes any of them.
        return
    kept = CohortDay.objects.filter(rule=cohort_days.rule(zone)).exclude(day__in=filter(None, changed))
    for row in kept.order_by("day").iterator(reckoning.CHUNK):
        of_day = Selection(Period(row.day, row.day + timedelta(days=1), zone))
        reckoned = {kind: _sorted(rows) for kind, rows in cohort_days.of_ledger(of_day).items()}
        found = {kind: _sorted(getattr(row, kind)) for kind in cohort_days.KINDS}
        yield from reckoning.compare(CohortDay._meta.db_table, row.pk, str(row.day), found, reckoned)


def _sorted(rows: list[list[object]]) -> list[list[object]]:
    return sorted(rows, key=repr)
