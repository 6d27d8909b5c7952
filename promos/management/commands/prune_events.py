"""Let go of what need not be kept."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from rich.progress import Progress

from promos import retention
from promos.retention import Ages

#: What each option is about.
KEPT = {
    "bodies": "the bodies of events",
    "triggers": "requests that dj-stripe noted",
    "mirrored": "dj-stripe's copies of events",
    "checks": "checks of codes",
}


def days(text: str) -> int:
    if not text.isdecimal() or int(text) < 4:
        raise ArgumentTypeError("Stripe sends events again for three days: keep them for at least four.")
    return int(text)


class Command(BaseCommand):
    help = "Empty the bodies of old events; delete dj-stripe's copies, old checks of codes and sessions that are over."

    def add_arguments(self, parser: ArgumentParser) -> None:
        for name, default in vars(Ages()).items():
            parser.add_argument(
                f"--{name}",
                type=days,
                default=default,
                metavar="DAYS",
                help=f"how long to keep {KEPT[name]} ({default})",
            )
        parser.add_argument("--dry-run", action="store_true", help="count only, change nothing")
        parser.add_argument("--json", action="store_true", help="print the outcome as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        now, ages = timezone.now(), Ages(**{name: options[name] for name in vars(Ages())})
        counts = {words: rows.count() for words, rows in retention.due(ages, now=now).items()}
        if not options["dry_run"]:
            with Progress(disable=options["json"] or not self.stdout.isatty(), transient=True) as progress:
                tasks = {words: progress.add_task(words, total=count) for words, count in counts.items()}
                counts = retention.prune(
                    ages, now=now, watch=lambda words, count: progress.advance(tasks[words], count)
                )
        if options["json"]:
            self.stdout.write(json.dumps({"dry_run": options["dry_run"], "pruned": counts}, indent=2))
            return
        did = "would be let go" if options["dry_run"] else "let go"
        for words, count in counts.items():
            self.stdout.write(f"{count} {words} {did}.")
