"""Take codes over from an earlier system's export."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.progress import Progress

from promos.imports import columns, importer, tables
from promos.imports.importer import Outcome, Report, Request

#: Rows that were not imported and are named on a terminal; --json names all.
SHOWN_ROWS = 200


class Command(BaseCommand):
    help = (
        "Import codes from a CSV file (UTF-8). Amounts are in the currency's units (29.50), times in UTC unless they "
        "say otherwise. All rows are checked first: one bad row keeps the whole file out, unless --skip-bad. Codes that "
        f"exist are passed over. Columns: {', '.join(columns.ALIASES)}; common names of other systems are understood."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "file", type=Path, metavar="FILE.csv", help="the export; its first line names columns"
        )
        parser.add_argument(
            "--map",
            type=_pair,
            nargs="+",
            action="extend",
            default=[],
            metavar="OURS=THEIRS",
            help='which column is which, as code="Coupon Code"; an empty one is left out',
        )
        parser.add_argument(
            "--set",
            type=_pair,
            nargs="+",
            action="extend",
            default=[],
            metavar="OURS=VALUE",
            help="the same value for every row, as currency=usd",
        )
        parser.add_argument(
            "--skip-bad", action="store_true", help="import the good rows beside refused ones"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would be done and save nothing")
        parser.add_argument("--json", action="store_true", help="print every row as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        request = Request(
            _content(options["file"]),
            mapping=dict(options["map"]),
            constants=dict(options["set"]),
            skip_bad=options["skip_bad"],
            dry_run=options["dry_run"],
        )
        try:
            report = self._run(request, show_progress=not options["json"])
        except (importer.Unreadable, importer.Mismatch) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(_as_data(report), indent=2))
        else:
            self._print(report)
        if report.refusal:
            raise CommandError(report.refusal)

    def _run(self, request: Request, *, show_progress: bool) -> Report:
        with Progress(disable=not (show_progress and self.stdout.isatty()), transient=True) as progress:
            task = progress.add_task("Checking rows")

            def show(done: int, total: int) -> None:
                doing = "Saving" if done == total else "Checking rows"
                progress.update(task, completed=done, total=total, description=doing)

            return importer.run(request, now=timezone.now(), on_row=show)

    def _print(self, report: Report) -> None:
        self.stdout.write("Columns: " + ", ".join(f"{our} = “{one}”" for our, one in report.columns.items()))
        if report.ignored:
            self.stdout.write("Not used: " + ", ".join(f"“{header}”" for header in report.ignored))
        left = [row for row in report.rows if row.reason]
        for row in left[:SHOWN_ROWS]:
            self.stdout.write(f"Line {row.line}: {row.code or '(no code)'} {row.outcome}: {row.reason}")
        if len(left) > SHOWN_ROWS:
            self.stdout.write(f"… and {len(left) - SHOWN_ROWS:,} more; --json names all.")
        self.stdout.write(", ".join(f"{report.count(one):,} {one}" for one in Outcome if report.count(one)))


def _pair(text: str) -> tuple[str, str]:
    ours, equals, theirs = text.partition("=")
    if not equals:
        raise ArgumentTypeError(f"write OURS=THEIRS instead of {text}")
    return ours.strip(), theirs.strip()


def _content(path: Path) -> bytes:
    """Return what a file holds, or one byte more than is allowed of a larger one."""
    try:
        with path.open("rb") as file:
            return file.read(tables.MAX_BYTES + 1)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error


def _as_data(report: Report) -> dict[str, Any]:
    rows = [
        {"line": row.line, "code": row.code, "outcome": row.outcome, "reason": row.reason}
        for row in report.rows
    ]
    return {
        "ok": not report.refusal,
        "refusal": report.refusal,
        "counts": {one: report.count(one) for one in Outcome},
        "columns": report.columns,
        "ignored": report.ignored,
        "rows": rows,
    }
