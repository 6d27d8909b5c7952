"""Sending the messages about alerts: mails together as one, webhooks one by one. No transaction is open meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import cast

from django.conf import settings
from django.db.models import prefetch_related_objects
from django.urls import reverse

from analytics import mail, outbox, webhook
from analytics.alerts import messages
from analytics.models import Alert, AlertMessage

Channel = AlertMessage.Channel


def work(now: datetime) -> int:
    """Send what is due and return how many messages went."""
    return _mails(now) + _webhooks(now)


def try_out(now: datetime) -> dict[str, str]:
    """Send a test message by each way that is set up; return, by way, what went wrong, or nothing."""
    alert = Alert(
        pk=0, kind=Alert.Kind.WEBHOOKS_SILENT, sentence="This is a test; nothing is wrong.", opened_at=now
    )
    alert.link = reverse("admin:index")
    row = AlertMessage(alert=alert, event="test", created_at=now)
    ways: dict[str, Callable[[], None]] = {}
    if recipients := mail.recipients():
        ways[Channel.MAIL] = partial(mail.send, messages.trial_mail(alert, to=recipients))
    if settings.ALERT_WEBHOOK_URL:
        ways[Channel.WEBHOOK] = partial(_post, row, now)
    return {channel: _tried(way) for channel, way in ways.items()}


def _tried(way: Callable[[], None]) -> str:
    try:
        way()
    except outbox.Undelivered as error:
        return str(error)
    return ""


def _mails(now: datetime) -> int:
    rows = _claim(Channel.MAIL, now)
    return outbox.send(rows, partial(_mail, rows), now=now)


def _webhooks(now: datetime) -> int:
    rows = _claim(Channel.WEBHOOK, now)
    return sum(outbox.send([row], partial(_post, row, now), now=now) for row in rows)


def _claim(channel: Channel, now: datetime) -> Sequence[AlertMessage]:
    rows = outbox.claim(AlertMessage.objects.filter(channel=channel), now=now)
    prefetch_related_objects(rows, "alert")
    return cast("Sequence[AlertMessage]", rows)


def _mail(rows: Sequence[AlertMessage]) -> None:
    mail.send(messages.mail([row.alert for row in rows], to=mail.recipients()))


def _post(row: AlertMessage, now: datetime) -> None:
    if not settings.ALERT_WEBHOOK_URL:
        raise outbox.Undelivered("ALERT_WEBHOOK_URL is no longer set.")
    webhook.post(
        messages.body(row), url=settings.ALERT_WEBHOOK_URL, secret=settings.ALERT_WEBHOOK_SECRET, now=now
    )
