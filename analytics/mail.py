"""Mail to the owners."""

from __future__ import annotations

import smtplib

from django.conf import settings
from django.core.mail import EmailMessage

from analytics.outbox import Undelivered
from promos import roles


def recipients() -> list[str]:
    """Return the owners' addresses and those of the settings, each once."""
    owners = roles.owners().exclude(email="").order_by("pk").values_list("email", flat=True)
    return list(dict.fromkeys([*owners, *settings.ALERT_MAIL_TO]))


def send(message: EmailMessage) -> None:
    """Hand a message over. Raises Undelivered when the mail server does not take it; no recipients, no mail."""
    try:
        message.send()
    except smtplib.SMTPResponseException as error:
        raise Undelivered(f"The mail server refused it with code {error.smtp_code}.") from None
    except (smtplib.SMTPException, OSError) as error:
        raise Undelivered(f"The mail server could not be used: {type(error).__name__}.") from None
