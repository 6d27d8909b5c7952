"""Prepare the database."""

import json
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection
from rich.progress import Progress

from promos import database


class Command(BaseCommand):
    help = "Prepare the database: in seconds when it has no table yet, by migrations otherwise."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the outcome as JSON")

    def handle(self, *, json: bool, **options: Any) -> None:
        began = time.monotonic()
        was_empty = database.is_empty()
        steps = database.steps()
        with Progress(disable=json or not self.stdout.isatty(), transient=True) as progress:
            for name, run in progress.track(steps, description="Preparing the database"):
                progress.update(progress.task_ids[0], description=f"Preparing the database: {name}")
                run()
        self._report(was_empty=was_empty, seconds=time.monotonic() - began, as_json=json)

    def _report(self, *, was_empty: bool, seconds: float, as_json: bool) -> None:
        if as_json:
            outcome = {"ok": True, "database": connection.vendor, "was_empty": was_empty}
            self.stdout.write(json.dumps(outcome))
        else:
            kind = "new" if was_empty else "existing"
            self.stdout.write(f"The {kind} {connection.display_name} database is ready ({seconds:.1f} s).")
