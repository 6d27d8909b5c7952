"""The admin's home (Unfold's DASHBOARD_CALLBACK)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from analytics import alerts_admin, blocks, dashboard, periods, reports
from analytics.pages import registry
from analytics.pages.page import PERMISSIONS

__all__ = ["alerts_admin", "home"]


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the dashboard of the period that the address asks for; a wrong period gets a sentence and 30 days.

    Without the right to see figures the home is Django's list of models.
    """
    if not request.user.has_perms(PERMISSIONS):
        return context
    now, zone = timezone.now(), timezone.get_default_timezone()
    asked, error = request.GET.dict(), ""
    try:
        period = periods.chosen(asked, now=now, zone=zone)
    except ValueError as wrong:
        period, error = periods.last_days(periods.DEFAULT_DAYS, now=now, zone=zone), str(wrong)
    overview = reports.overview(period, now=now)
    return context | {
        "title": "Dashboard",
        "dashboard": dashboard.build(overview),
        "period": period,
        "so_far": blocks.so_far(period, now),
        "period_error": error,
        "period_choices": periods.CHOICES,
        "pages": registry.for_person(request.user),
        "is_custom_period": bool(asked.get("from")) and not error,
    }
