"""What waits for the owner, counted: codes, campaigns, webhooks, differences from Stripe, alerts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F, Q, QuerySet

from analytics.models import Alert, AlertMessage
from promos.models import Campaign, DriftFinding, PromoCode, WebhookEvent
from promos.sync.drift import doctor

#: For so long a message that could not be sent is told of.
MESSAGES_SHOWN = timedelta(days=7)


@dataclass(frozen=True)
class CodesInNeed:
    failed: int
    conflicting: int
    retrying: int
    expiring: int
    running_out: int
    waiting: int
    to_review: int


def codes_in_need(now: datetime) -> CodesInNeed:
    """Count the codes that wait for the owner, each kind by an index of its own: there may be a million codes."""
    status, rows = PromoCode.SyncStatus, PromoCode.objects
    return CodesInNeed(
        failed=rows.filter(archived_at=None, sync_status=status.ERROR).count(),
        conflicting=rows.filter(sync_status=status.CONFLICT).count(),
        retrying=rows.filter(
            sync_status=status.PENDING, next_try_at__isnull=False, sync_error__gt=""
        ).count(),
        expiring=rows.filter(expiring(now)).count(),
        running_out=rows.running_out().count(),
        waiting=rows.filter(archived_at=None, approved_at=None, submitted_at__isnull=False).count(),
        to_review=rows.filter(needs_review=True).count(),
    )


def expiring(now: datetime) -> Q:
    """Return the condition on codes in use that expire within ``ALERT_EXPIRES_DAYS``."""
    soon = now + timedelta(days=settings.ALERT_EXPIRES_DAYS)
    return Q(archived_at=None, approved_at__isnull=False, expires_at__gt=now, expires_at__lte=soon)


def nearly_spent() -> QuerySet[Campaign]:
    """Return the campaigns of which ``ALERT_BUDGET_PERCENT`` of the budget is given away or promised."""
    used = (F("spent_amount") + F("promised_amount")) * 100
    return Campaign.objects.alias(used=used).filter(
        used__gte=F("budget_amount") * settings.ALERT_BUDGET_PERCENT
    )


def budgets_nearly_spent() -> int:
    return nearly_spent().count()


def campaigns_waiting() -> int:
    return Campaign.objects.filter(needs_approval=True, approved_at=None).count()


def failed_webhooks() -> int:
    return WebhookEvent.objects.failed().count()


def differences() -> int:
    """Count the differences from Stripe that the last comparison left; refusals and conflicts are counted as such."""
    named = (DriftFinding.Kind.CONFLICT, DriftFinding.Kind.NOT_PUSHED)
    return doctor.left().exclude(kind__in=named).count()


def open_alerts() -> list[Alert]:
    """Return the alerts that are open, less those about what is counted here by itself: codes and budgets."""
    counted = (Alert.Kind.BUDGET, Alert.Kind.EXPIRING, Alert.Kind.SYNC_FAILED)
    return list(Alert.objects.filter(closed_at=None).exclude(kind__in=counted).order_by("pk"))


def undelivered_messages(now: datetime) -> int:
    """Count the messages about alerts of the last week that could not be sent, those given up included."""
    return AlertMessage.objects.undelivered().filter(created_at__gt=now - MESSAGES_SHOWN).count()
