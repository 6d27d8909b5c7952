"""A code's redemptions day by day as bars of SVG, which need no script."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db.models import Sum
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from promos.models import CodeDayTotal, PromoCode

DAYS = 90
#: In units of the drawing; a day is as wide as one bar and the gap beside it.
DAY_WIDTH, BAR_WIDTH, HEIGHT = 8, 6, 80


@dataclass(frozen=True)
class Bar:
    """The redemptions of one day of UTC; ``x`` and ``height`` in units of the drawing."""

    day: date
    redemptions: int
    x: int
    height: int

    @property
    def y(self) -> int:
        return HEIGHT - self.height


def render(code: PromoCode, *, now: datetime) -> SafeString | str:
    """Return the chart of the last 90 days, today included, or the words for there being none."""
    if code.batch_id is not None:
        return "Codes of a batch are counted together."
    first = now.astimezone(UTC).date() - timedelta(days=DAYS - 1)
    counts = _counts(code, since=first)
    if not counts:
        return f"Not redeemed in the last {DAYS} days."
    context = {
        "bars": list(_bars(counts, first)),
        "first": first,
        "days": DAYS,
        "total": sum(counts.values()),
        "most": max(counts.values()),
        "width": DAYS * DAY_WIDTH,
        "bar_width": BAR_WIDTH,
        "height": HEIGHT,
    }
    return render_to_string("admin/promos/code_chart.html", context)


def _counts(code: PromoCode, *, since: date) -> dict[date, int]:
    """Return the redemptions of each day that had any, whatever the currency."""
    days = CodeDayTotal.objects.filter(promo_code=code, day__gte=since).values_list("day")
    return dict(days.annotate(count=Sum("redemptions")).filter(count__gt=0))


def _bars(counts: dict[date, int], first: date) -> Iterator[Bar]:
    most = max(counts.values())
    for day, count in sorted(counts.items()):
        # A single redemption beside a thousand is still to be seen.
        height = max(2, HEIGHT * count // most)
        yield Bar(day, count, (day - first).days * DAY_WIDTH, height)
