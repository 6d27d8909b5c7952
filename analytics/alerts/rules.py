"""The rules: each looks at one thing and returns what it finds out of the ordinary. Thresholds are settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Count, Min, Q, QuerySet
from django.urls import reverse

from analytics import links, needs
from analytics.alerts import paces
from analytics.alerts.findings import Finding, moment_in_words, rows_within
from analytics.alerts.usual import Span
from analytics.models import Alert
from promos import brake, campaigns, money
from promos.models import (
    BrakeCounter,
    Campaign,
    CodeCheck,
    PromoCode,
    WebhookEvent,
)

Kind = Alert.Kind
#: Of one kind at once; the next ones come when these are dealt with.
AT_MOST = 20
#: For how long the brake's alarm is shown after it was last raised.
GUESSING_SHOWN = timedelta(days=1)

Rule = Callable[[datetime], list[Finding]]


def look(now: datetime) -> list[Finding]:
    """Return all that is out of the ordinary, without the kinds that ``ALERTS_OFF`` names."""
    rules = [rule for kind, rule in RULES.items() if kind not in settings.ALERTS_OFF]
    return [finding for rule in rules for finding in rule(now)[:AT_MOST]]


def refuse_unknown_kinds() -> None:
    """Raise ImproperlyConfigured when ``ALERTS_OFF`` silences something that does not exist."""
    unknown = sorted(set(settings.ALERTS_OFF) - set(Kind.values))
    if unknown:
        raise ImproperlyConfigured(
            f"ALERTS_OFF names no kind of alert: {', '.join(unknown)}. There are {', '.join(Kind.values)}."
        )


def guessing(now: datetime) -> list[Finding]:
    """Pass on the alarm that the brake raised, for a day after it was last raised."""
    alarm = BrakeCounter.objects.filter(key=brake.EVERYBODY, alarmed_at__gt=now - GUESSING_SHOWN).first()
    if alarm is None or alarm.alarmed_at is None:
        return []
    sentence = (
        f"Far more codes than usual were refused within an hour, last at {moment_in_words(alarm.alarmed_at)}."
    )
    before = alarm.alarmed_at - timedelta(hours=1)
    link = rows_within(CodeCheck, Span(before, alarm.alarmed_at), "checked_at", reason__gt="")
    return [Finding(Kind.GUESSING, "", sentence, link)]


def budget(now: datetime) -> list[Finding]:
    """Find running campaigns of which ``ALERT_BUDGET_PERCENT`` of the budget is given away or promised."""
    running = needs.nearly_spent().filter(Q(ends_at=None) | Q(ends_at__gt=now))
    return [
        Finding(Kind.BUDGET, f"campaign:{each.pk}", _spent(each, now), links.row(Campaign, each.pk))
        for each in running.order_by("pk")[:AT_MOST]
    ]


def expiring(now: datetime) -> list[Finding]:
    """Find codes about to expire; those of one offer that end together, as a batch does, are one occurrence.

    Personal codes are left out: they are made to end.
    """
    together = _together(PromoCode.objects.filter(needs.expiring(now), customer=None), "expires_at", "offer")
    return [
        Finding(
            Kind.EXPIRING,
            f"offer:{each['offer']} {each['expires_at']:%Y-%m-%dT%H:%MZ}",
            f"{_named(each)} will expire on {moment_in_words(each['expires_at'])}.",
            links.row(PromoCode, each["key"]) if each["count"] == 1 else links.expiring_codes(now),
        )
        for each in together
    ]


def sync_failed(now: datetime) -> list[Finding]:
    """Find codes that Stripe refused or that differ on both sides; those of one offer are one occurrence."""
    failed = PromoCode.objects.not_archived().filter(sync_status__in=["error", "conflict"])
    if failed.count() < settings.ALERT_SYNC_FAILED_CODES:
        return []
    return [
        Finding(
            Kind.SYNC_FAILED,
            f"offer:{each['offer']} {each['sync_status']}",
            _out_of_step(each),
            links.row(PromoCode, each["key"])
            if each["count"] == 1
            else links.rows(PromoCode, sync_status__exact=each["sync_status"]),
        )
        for each in _together(failed, "offer", "sync_status")
    ]


def webhooks_silent(now: datetime) -> list[Finding]:
    """Find out whether Stripe's events stopped; where none ever came there is nothing to miss."""
    last = WebhookEvent.objects.order_by("-received_at").values_list("received_at", flat=True).first()
    if last is None or now - last < timedelta(hours=settings.ALERT_WEBHOOKS_SILENT_HOURS):
        return []
    sentence = f"No webhook has come from Stripe since {moment_in_words(last)}."
    return [Finding(Kind.WEBHOOKS_SILENT, "", sentence, reverse("admin:promos_webhookevent_health"))]


RULES: dict[Alert.Kind, Rule] = {
    Kind.REDEMPTIONS_JUMP: paces.redemptions_jump,
    Kind.REDEMPTIONS_STOP: paces.redemptions_stop,
    Kind.FAILED_CHECKS_JUMP: paces.failed_checks_jump,
    Kind.GUESSING: guessing,
    Kind.BUDGET: budget,
    Kind.EXPIRING: expiring,
    Kind.SYNC_FAILED: sync_failed,
    Kind.WEBHOOKS_SILENT: webhooks_silent,
}


def _together(codes: QuerySet[PromoCode], *by: str) -> list[dict[str, Any]]:
    """Return the codes that are alike as one: how many, and the first of them."""
    alike: Iterable[Any] = (
        codes.values(*by)
        .annotate(count=Count("pk"), code=Min("code"), key=Min("pk"), why=Min("sync_error"))
        .order_by(*by)[:AT_MOST]
    )
    return list(alike)


def _spent(campaign: Campaign, now: datetime) -> str:
    spent, total = campaign.spent_amount + campaign.promised_amount, campaign.budget_amount or 0
    shown, whole = (money.display(amount, campaign.currency) for amount in (spent, total))
    pace = campaigns.pace(campaign, now=now)
    until = (
        f"; at this pace it lasts until {moment_in_words(pace.lasts_until)}"
        if pace and pace.lasts_until
        else ""
    )
    return f"{campaign.name} has given away or promised {shown} of its budget of {whole}{until}."


def _out_of_step(each: dict[str, Any]) -> str:
    if each["sync_status"] == PromoCode.SyncStatus.CONFLICT:
        return f"{_named(each)} changed both here and at Stripe."
    return f"Stripe refused {_named(each)}: {each['why']}"


def _named(each: dict[str, Any]) -> str:
    others = each["count"] - 1
    return f"{each['code']} and {others:,} more like it" if others else str(each["code"])
