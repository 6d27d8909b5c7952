"""What the messages about alerts say."""

from __future__ import annotations

import json
from collections.abc import Sequence

from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse

from analytics.models import Alert, AlertMessage


def body(message: AlertMessage) -> bytes:
    """Return the webhook's JSON. Its ``id`` is the same for every try: by that a receiver knows a second one."""
    alert = message.alert
    data = {
        "alert": alert.pk,
        "kind": alert.kind,
        "sentence": alert.sentence,
        "fix": alert.fix,
        "url": _address(alert),
        "opened_at": alert.opened_at.isoformat(),
        "closed_at": alert.closed_at.isoformat() if alert.closed_at else None,
    }
    event = {
        "id": f"alert_{alert.pk}_{message.event}",
        "type": f"alert.{message.event}",
        "created": int(message.created_at.timestamp()),
        "data": data,
    }
    return json.dumps(event).encode()


def mail(alerts: Sequence[Alert], *, to: Sequence[str]) -> EmailMessage:
    """Return one mail about several alerts."""
    first, others = alerts[0].get_kind_display(), len(alerts) - 1
    return _mail(alerts, first + (f" and {others} more" if others else ""), to=to)


def trial_mail(alert: Alert, *, to: Sequence[str]) -> EmailMessage:
    """Return a mail about an alert that is none."""
    return _mail([alert], "Test of alerts, nothing is wrong", to=to)


def _mail(alerts: Sequence[Alert], subject: str, *, to: Sequence[str]) -> EmailMessage:
    paragraphs = [f"{alert.sentence}\n{alert.fix}\n{_address(alert)}" for alert in alerts]
    home = f"Everything that needs attention: {settings.SITE_URL}{reverse('admin:index')}"
    return EmailMessage(
        subject=f"[Promodesk] {subject}",
        body="\n\n".join([*paragraphs, home]),
        to=list(to),
    )


def _address(alert: Alert) -> str:
    return f"{settings.SITE_URL}{alert.link}"
