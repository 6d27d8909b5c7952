"""Codes from the command line: look at them, make them, stop them."""

import csv
import json
import os
from collections.abc import Iterable
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.measure import measure_renderables

from analytics.console import creating, figures, life, status
from analytics.console.answer import Answer
from promos import history, spreadsheets

#: Wide enough that nothing is cut when a table goes into a file or another program.
PIPED_WIDTH = 200
#: To measure how wide a table must be at least.
WIDE = Console(width=10_000)
PARTS = {"status": status, "analytics": figures, "create": creating}


class Command(BaseCommand):
    help = "Look after promo codes. Exit status 0 when all is well, 1 when something is wrong (see each action's --help)."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        for action, part in PARTS.items():
            chosen = actions.add_parser(action, help=part.HELP, description=part.HELP)
            part.add_arguments(chosen)
            self._add_json(chosen)
        for action in life.HELP:
            chosen = actions.add_parser(action, help=life.HELP[action], description=life.help_of(action))
            life.add_arguments(chosen, action=action)
            self._add_json(chosen)

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        now = timezone.now()
        part = PARTS.get(action)
        with history.because(f"manage_promo_codes {action}"):
            answer = part.run(options, now=now) if part else life.run(action, options, now=now)
        try:
            self._tell(answer, options)
            self.stdout.flush()
        except BrokenPipeError:
            self._stop_telling()
        if answer.failure:
            raise CommandError(answer.failure)

    def _tell(self, answer: Answer, options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(answer.data, indent=2))
        elif options.get("csv"):
            self._write_csv(answer.lines)
        else:
            self._print(answer)

    def _stop_telling(self) -> None:
        """Let what is left go nowhere: whoever reads it, as ``head`` does, has enough."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.stdout.fileno())
        os.close(nowhere)

    def _add_json(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON; amounts in minor units")

    def _print(self, answer: Answer) -> None:
        width = None if self.stdout.isatty() else PIPED_WIDTH
        console = Console(file=cast("IO[str]", self.stdout), width=width)
        for one in answer.shown:
            # A figure is never cut: on a narrow terminal the line goes on below.
            console.width = max(console.width, measure_renderables(WIDE, WIDE.options, [one]).minimum)
            console.print(one, markup=False, highlight=False)

    def _write_csv(self, lines: Iterable[Iterable[object]]) -> None:
        writer = csv.writer(cast("IO[str]", self.stdout), lineterminator="\n")
        for line in lines:
            writer.writerow([spreadsheets.safe(cell) for cell in line])
