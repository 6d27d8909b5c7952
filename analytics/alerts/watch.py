"""The watch: opens an alert when a rule finds something new, closes it when it was not seen for half an hour.

What comes and goes within that time, as a code does that is tried again, is one
occurrence. The messages about an alert are written in the transaction that opens
or closes it: no crash loses one.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from analytics import mail
from analytics.alerts import rules
from analytics.alerts.findings import Finding
from analytics.models import Alert, AlertMessage

OVER_AFTER = timedelta(minutes=30)
#: How long closed alerts are kept.
KEEP = timedelta(days=400)

Event, Channel = AlertMessage.Event, AlertMessage.Channel


def keep(now: datetime) -> None:
    """Look at everything once."""
    for finding in rules.look(now):
        _see(finding, now)
    over = Alert.objects.filter(closed_at=None, seen_at__lte=now - OVER_AFTER)
    for alert in over.order_by("pk"):
        _close(alert, now)
    Alert.objects.filter(closed_at__lt=now - KEEP).delete()


@transaction.atomic
def _see(finding: Finding, now: datetime) -> None:
    told = {"sentence": finding.sentence, "link": finding.link, "seen_at": now}
    alert, is_new = Alert.objects.get_or_create(
        kind=finding.kind, subject=finding.subject, closed_at=None, defaults={**told, "opened_at": now}
    )
    if is_new:
        _announce(alert, Event.OPENED, now)
    else:
        Alert.objects.filter(pk=alert.pk).update(**told)


@transaction.atomic
def _close(alert: Alert, now: datetime) -> None:
    still_open = Alert.objects.filter(pk=alert.pk, closed_at=None, seen_at__lte=now - OVER_AFTER)
    if still_open.update(closed_at=now):
        _announce(alert, Event.CLOSED, now)


def _announce(alert: Alert, event: AlertMessage.Event, now: datetime) -> None:
    """Leave the messages to be sent; that something is over, mail does not tell."""
    if settings.ALERT_WEBHOOK_URL:
        AlertMessage.objects.create(alert=alert, event=event, channel=Channel.WEBHOOK, created_at=now)
    if event == Event.OPENED and mail.recipients():
        AlertMessage.objects.create(alert=alert, event=event, channel=Channel.MAIL, created_at=now)
