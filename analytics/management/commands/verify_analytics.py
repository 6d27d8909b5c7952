"""Check the figures against the rows they come from."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import Progress

from analytics import verification
from analytics.reckoning import Difference


class Command(BaseCommand):
    help = (
        "Reckon redemptions, counters of codes, budgets, totals and the view promo_code_analytics anew from "
        "usages and ledger, and name every figure that differs. Exits 1 when one does."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the outcome as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        found = self._differences(show_progress=not options["json"])
        if options["json"]:
            data = {"ok": not found, "differences": [asdict(one) for one in found]}
            self.stdout.write(json.dumps(data, indent=2, default=str))
        else:
            for one in found:
                self.stdout.write(str(one))
        if found:
            raise CommandError(f"{len(found)} figures differ from their rows.")
        if not options["json"]:
            self.stdout.write("All figures agree with their rows.")

    def _differences(self, *, show_progress: bool) -> list[Difference]:
        console = Console(file=cast("IO[str]", self.stderr))
        found: list[Difference] = []
        is_shown = show_progress and self.stderr.isatty()
        with (
            verification.snapshot(),
            Progress(console=console, disable=not is_shown, transient=True) as progress,
        ):
            task = progress.add_task("", total=len(verification.CHECKS))
            for words, check in verification.CHECKS.items():
                progress.update(task, description=f"Checking {words}")
                found.extend(check())
                progress.advance(task)
        return found
