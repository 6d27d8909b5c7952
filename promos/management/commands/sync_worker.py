"""Run the worker in the foreground."""

import json
import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from promos import stripe_gateway, worker


class Command(BaseCommand):
    help = "Push codes to Stripe and finish webhook events, until stopped by Ctrl-C or SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="do all that is due now, then exit")
        parser.add_argument("--json", action="store_true", help="with --once: print the count as JSON")

    def handle(self, *, once: bool, json: bool, **options: Any) -> None:
        try:
            if once:
                self._report(_do_all(), as_json=json)
            else:
                worker.run(_stopped_by_signal())
        except stripe_gateway.NotAuthorised as error:
            raise CommandError(f"Stripe does not accept the key, so the worker stopped: {error}") from error

    def _report(self, done: int, *, as_json: bool) -> None:
        self.stdout.write(json.dumps({"done": done}) if as_json else f"{done} done, nothing else is due.")


def _do_all() -> int:
    """Work until nothing is due and return how many things were taken up."""
    done = 0
    while found := worker.work(timezone.now()):
        done += found
    return done


def _stopped_by_signal() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop
