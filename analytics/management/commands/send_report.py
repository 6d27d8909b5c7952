"""The report of a week or month, now."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.utils import timezone

from analytics import mail, outbox, periods
from analytics.models import Report
from analytics.reporting import letter


class Command(BaseCommand):
    help = (
        "Mail the report of the last complete week or month to the owners (and ALERT_MAIL_TO) now, or look at it. "
        "The scheduled one, which REPORT_EVERY turns on, is sent all the same."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--every",
            choices=Report.Every.values,
            default=settings.REPORT_EVERY or Report.Every.WEEK,
            help="what to report on; by default REPORT_EVERY, else week",
        )
        parser.add_argument(
            "--to",
            type=_address,
            action="append",
            metavar="ADDRESS",
            help="instead of the owners; repeatable",
        )
        parser.add_argument("--preview", action="store_true", help="print its text, send nothing")
        parser.add_argument(
            "--save", type=Path, metavar="FILE.eml", help="write the mail to a file, send nothing"
        )
        parser.add_argument("--json", action="store_true", help="print the outcome as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        period = periods.last_complete(options["every"], now=now, zone=timezone.get_default_timezone())
        message = letter.mail(letter.write(period, now=now), to=options["to"] or mail.recipients())
        is_sent = not (options["preview"] or options["save"])
        if options["save"]:
            _save(message, options["save"])
        elif is_sent:
            _send(message)
        self._tell(message, is_sent=is_sent, options=options)

    def _tell(self, message: EmailMessage, *, is_sent: bool, options: dict[str, Any]) -> None:
        if options["json"]:
            outcome = {"subject": message.subject, "to": message.to, "sent": is_sent, "text": message.body}
            self.stdout.write(json.dumps(outcome, indent=2))
        elif options["preview"]:
            self.stdout.write(str(message.body))
        elif is_sent:
            self.stdout.write(f"Sent to {', '.join(message.to)}.")
        else:
            self.stdout.write(f"Saved as {options['save']}.")


def _address(text: str) -> str:
    try:
        validate_email(text)
    except ValidationError:
        raise ArgumentTypeError(f"{text!r} is not a mail address such as owner@example.com") from None
    return text


def _save(message: EmailMessage, path: Path) -> None:
    try:
        path.write_bytes(message.message().as_bytes())
    except OSError as error:
        raise CommandError(f"{path} could not be written: {error.strerror}.") from error


def _send(message: EmailMessage) -> None:
    if not message.to:
        raise CommandError("There is nobody to send it to: no owner has an address. Name one with --to.")
    try:
        mail.send(message)
    except outbox.Undelivered as error:
        raise CommandError(str(error)) from error
