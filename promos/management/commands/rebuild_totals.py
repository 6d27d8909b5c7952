"""Work the kept totals out anew."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.progress import Progress

from promos.redemptions import rebuilding
from promos.redemptions.rebuilding import Weeks


def day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"Write dates as 2026-03-31, not “{text}”.") from None


def weeks_at_once(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError("Take at least one week at once.")
    return int(text)


class Command(BaseCommand):
    help = (
        "Work the totals of codes and plans out anew from usages and ledger: all of them, or those of some days and "
        "the rest of their weeks. Redemptions go on meanwhile; stopped, run it again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", dest="first", type=day, metavar="DAY", help="first day, in UTC")
        parser.add_argument("--to", dest="last", type=day, metavar="DAY", help="last day, in UTC")
        parser.add_argument(
            "--weeks",
            type=weeks_at_once,
            metavar="N",
            help="so many in one step (on SQLite, where redemptions wait for it, 4; on PostgreSQL 520)",
        )
        parser.add_argument("--json", action="store_true", help="print the outcome as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        weeks = self._weeks(options["first"], options["last"])
        total = (weeks.end - weeks.first).days // 7 if weeks else 0
        shows_progress = not options["json"] and self.stdout.isatty()
        with Progress(disable=not shows_progress, transient=True) as progress:
            task = progress.add_task("Summing up weeks", total=total)
            rebuilding.run(
                weeks,
                at_once=options["weeks"],
                watch=lambda step: progress.advance(task, (step.end - step.first).days // 7),
            )
        if options["json"]:
            ends = {"from": weeks.first.isoformat(), "until": weeks.end.isoformat()} if weeks else {}
            self.stdout.write(json.dumps({"weeks": total, **ends}, indent=2))
        else:
            self.stdout.write(f"Totals of {total} weeks rebuilt." if total else "There is nothing to sum up.")

    def _weeks(self, first: date | None, last: date | None) -> Weeks | None:
        known = rebuilding.all_weeks()
        if known is None or not (first or last):
            return known
        asked = Weeks.around(first or known.first, last or known.end)
        weeks = Weeks(max(asked.first, known.first), min(asked.end, known.end))
        if first and last and last < first:
            raise CommandError(f"The days end ({last}) before they start ({first}).")
        return weeks if weeks.first < weeks.end else None
