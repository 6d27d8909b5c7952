"""Bring an existing Stripe account in, or what was missed of it."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone
from rich.progress import Progress

from promos import stripe_gateway
from promos.backfill import missed, walk
from promos.backfill.steps import Tally
from promos.sync.limiter import Limiter


class Command(BaseCommand):
    help = (
        "Bring in all coupons and codes of the Stripe account, and all past paid orders and refunds with their own "
        "dates, with and without a code. Nothing is recorded twice; stopped, it continues. Exits 1 when something is left."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--missed",
            action="store_true",
            help="only the events that did not arrive while this was down, or that a restored backup lacks",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="count what is not here yet, write nothing"
        )
        parser.add_argument("--json", action="store_true", help="print the outcome as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with stripe_gateway.paced(Limiter()):
                self._catch_up(options) if options["missed"] else self._backfill(options)
        except stripe_gateway.NotAuthorised as error:
            raise CommandError(f"Stripe does not accept the key: {error}") from error
        except stripe_gateway.StripeError as error:
            raise CommandError(f"Stripe stopped it: {error} Run it again, it continues.") from error
        except DatabaseError as error:
            raise CommandError(f"The database stopped it: {error}. Run it again, it continues.") from error

    def _backfill(self, options: dict[str, Any]) -> None:
        now = timezone.now()
        shows_progress = not options["json"] and self.stdout.isatty()
        with Progress(disable=not shows_progress, transient=True) as progress:
            bar = _Bar(progress, now)
            tally = walk.run(now=now, dry_run=options["dry_run"], watch=bar.show)
        if options["json"]:
            self.stdout.write(json.dumps(_data(tally), indent=2, default=str))
        else:
            self._print(tally, dry_run=options["dry_run"])
        _fail_on(tally)

    def _catch_up(self, options: dict[str, Any]) -> None:
        outcome = missed.catch_up(now=timezone.now(), delivered_too=True, dry_run=options["dry_run"])
        if options["json"]:
            data = {
                "ok": outcome.is_complete,
                "events": outcome.taken,
                "failed": outcome.failed,
                "walked": outcome.walked and _data(outcome.walked),
            }
            self.stdout.write(json.dumps(data, indent=2, default=str))
        else:
            did = "would be taken in" if options["dry_run"] else "taken in"
            self.stdout.write(f"{outcome.taken} missed events {did}.")
            if outcome.walked:
                self._print(outcome.walked, dry_run=options["dry_run"])
        if not outcome.is_complete:
            raise CommandError("Not everything could be taken in, see the log.")

    def _print(self, tally: Tally, *, dry_run: bool) -> None:
        if tally.continued_at:
            self.stdout.write(f"Continued at {tally.continued_at:%Y-%m-%d %H:%M}, where it was stopped.")
        did = "would be brought in" if dry_run else "brought in"
        for name, count in tally.counts.items():
            self.stdout.write(f"{name}: {count.new:,} {did}, of {count.seen:,}")
        for failure in tally.failures:
            self.stdout.write(self.style.ERROR(f"✗ {failure}"))
        if not tally.counts:
            self.stdout.write("The account has no coupons and no paid orders.")


class _Bar:
    """A bar that grows with the time walked through, since Stripe does not say how many there are."""

    def __init__(self, progress: Progress, now: datetime) -> None:
        self.progress, self.now = progress, now
        self.task = progress.add_task("Coupons and codes", total=None)
        self.began: datetime | None = None

    def show(self, tally: Tally) -> None:
        done = ", ".join(f"{count.seen:,} {name}" for name, count in tally.counts.items())
        if tally.at is None:
            self.progress.update(self.task, description=done)
            return
        self.began = self.began or tally.at
        self.progress.update(
            self.task,
            description=f"{done} up to {tally.at:%Y-%m-%d}",
            completed=(tally.at - self.began).total_seconds(),
            total=(self.now - self.began).total_seconds(),
        )


def _data(tally: Tally) -> dict[str, Any]:
    return {"ok": not tally.failures, **asdict(tally)}


def _fail_on(tally: Tally) -> None:
    if tally.failures:
        raise CommandError(f"{len(tally.failures)} could not be brought in; the next run tries them again.")
