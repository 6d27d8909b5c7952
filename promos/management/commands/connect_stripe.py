"""Connect this installation to the Stripe account of STRIPE_SECRET_KEY."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from promos import connect
from promos.webhooks import endpoints


class Command(BaseCommand):
    help = (
        "Check the Stripe key and what it may do, make the webhook endpoint, mirror products and prices, take over codes. "
        "Can be run again at any time; exit status 1 when something needs attention."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the steps as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        steps = []
        for step in connect.run(timezone.now()):
            steps.append(step)
            if not options["json"]:
                self._print(step)
        ok = all(step.ok for step in steps)
        if options["json"]:
            found = [{"text": step.text, "ok": step.ok} for step in steps]
            self.stdout.write(json.dumps({"ok": ok, "url": endpoints.url(), "steps": found}, indent=2))
        if not ok:
            raise CommandError("Not everything is in order, see above.", returncode=1)

    def _print(self, step: connect.Step) -> None:
        if step.ok:
            self.stdout.write(f"✓ {step.text}")
        else:
            self.stdout.write(self.style.ERROR(f"✗ {step.text}"))
