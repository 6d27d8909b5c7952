"""Rules about how often something happens, beside the same hours of the four weeks before (see usual)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Q, QuerySet

from analytics import links, queries
from analytics.alerts import usual
from analytics.alerts.findings import Finding, moment_in_words, rows_within
from analytics.alerts.usual import Span
from analytics.models import Alert
from promos.models import CodeCheck, PromoCodeUsage

Kind = Alert.Kind
#: A longer silence is compared by its last week.
LONGEST_SILENCE = timedelta(days=7)


def redemptions_jump(now: datetime) -> list[Finding]:
    """Compare the last hours with the same hours of the four weeks before."""
    span = usual.last_hours(settings.ALERT_WINDOW_HOURS, now=now)
    count, earlier = _settled_redemptions(span)
    if not _is_jump(count, earlier):
        return []
    sentence = f"{count:,} redemptions in {_hours(span)}; {_busiest(earlier)}."
    return [Finding(Kind.REDEMPTIONS_JUMP, "", sentence, rows_within(PromoCodeUsage, span, "redeemed_at"))]


def redemptions_stop(now: datetime) -> list[Finding]:
    """Compare the silence since the last redemption with the same hours of the four weeks before."""
    settled = PromoCodeUsage.objects.filter(status__in=queries.SETTLED, redeemed_at__lte=now)
    last = settled.order_by("-redeemed_at").values_list("redeemed_at", flat=True).first()
    if last is None:
        return []
    _, earlier = _settled_redemptions(Span(max(last, now - LONGEST_SILENCE), now))
    if not usual.is_stop(earlier, expected=settings.ALERT_STOP_EXPECTED):
        return []
    sentence = (
        f"Nobody has redeemed a code since {moment_in_words(last)}; "
        f"in the same hours of the last four weeks there were at least {min(earlier):,} redemptions."
    )
    return [Finding(Kind.REDEMPTIONS_STOP, "", sentence, links.rows(PromoCodeUsage))]


def failed_checks_jump(now: datetime) -> list[Finding]:
    """Compare the refused codes of the last hours with the same hours of the four weeks before."""
    span = usual.last_hours(settings.ALERT_WINDOW_HOURS, now=now)
    count, earlier = _counts(CodeCheck.objects.exclude(reason=""), "checked_at", span)
    if not _is_jump(count, earlier):
        return []
    sentence = f"{count:,} codes were refused in {_hours(span)}; {_busiest(earlier)}."
    link = rows_within(CodeCheck, span, "checked_at", reason__gt="")
    return [Finding(Kind.FAILED_CHECKS_JUMP, "", sentence, link)]


def _settled_redemptions(span: Span) -> tuple[int, list[int]]:
    return _counts(PromoCodeUsage.objects.filter(status__in=queries.SETTLED), "redeemed_at", span)


def _counts(rows: QuerySet[Any], column: str, span: Span) -> tuple[int, list[int]]:
    """Count rows in a span and in the same span of each of the four weeks before, in one query."""
    spans = [span, *span.earlier()]
    within = [Q(**{f"{column}__gte": each.start, f"{column}__lt": each.end}) for each in spans]
    anywhere = Q()
    for each in within:
        anywhere |= each
    counts = {f"span_{n}": Count("pk", filter=each) for n, each in enumerate(within)}
    found = rows.filter(anywhere).aggregate(**counts)
    count, *earlier = (found[name] for name in counts)
    return count, earlier


def _is_jump(count: int, earlier: list[int]) -> bool:
    return usual.is_jump(
        count, earlier, minimum=settings.ALERT_MINIMUM_CASES, percent=settings.ALERT_JUMP_PERCENT
    )


def _busiest(earlier: list[int]) -> str:
    return f"in the same hours of the last four weeks there were at most {max(earlier):,}"


def _hours(span: Span) -> str:
    hours = int((span.end - span.start) / timedelta(hours=1))
    return f"the {hours} hours before {moment_in_words(span.end)}"
