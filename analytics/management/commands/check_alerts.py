"""Alerts from the command line."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from analytics.alerts import sending, watch
from analytics.models import Alert


class Command(BaseCommand):
    help = (
        "Look at everything now, as the worker does every five minutes, send what is due and list the open alerts. "
        "Exits 1 when there is one."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--test", action="store_true", help="send a test message by mail and webhook, and nothing else"
        )
        parser.add_argument("--json", action="store_true", help="print the outcome as JSON")

    def handle(self, *args: Any, test: bool, json: bool, **options: Any) -> None:
        now = timezone.now()
        if test:
            self._test(now, as_json=json)
        else:
            self._check(now, as_json=json)

    def _test(self, now: datetime, *, as_json: bool) -> None:
        outcomes = sending.try_out(now)
        lines = [f"{channel}: {error or 'sent'}" for channel, error in outcomes.items()]
        self._print(
            outcomes, lines or ["Nobody gets alerts: no owner has an address, no webhook is set."], as_json
        )
        if any(outcomes.values()) or not outcomes:
            raise CommandError("Not everything could be sent." if outcomes else "Nothing was sent.")

    def _check(self, now: datetime, *, as_json: bool) -> None:
        watch.keep(now)
        sent = sending.work(now)
        alerts = Alert.objects.filter(closed_at=None).order_by("pk")
        told = [
            {
                "kind": each.kind,
                "sentence": each.sentence,
                "fix": each.fix,
                "opened_at": each.opened_at.isoformat(),
            }
            for each in alerts
        ]
        lines = [f"{each['sentence']} {each['fix']}" for each in told] or ["There is no alert."]
        self._print({"alerts": told, "sent": sent}, lines, as_json)
        if told:
            raise CommandError(f"{len(told)} open.")

    def _print(self, data: dict[str, Any], lines: list[str], as_json: bool) -> None:
        self.stdout.write(json.dumps(data, indent=2) if as_json else "\n".join(lines))
