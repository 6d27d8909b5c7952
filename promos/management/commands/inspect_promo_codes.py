"""Find rows that Stripe would refuse or that contradict themselves, and mend them."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from promos.doctor import examination
from promos.doctor.examination import Mended
from promos.doctor.findings import Finding


class Command(BaseCommand):
    help = (
        "inspect: list every offer and code that Stripe would refuse or that contradicts itself, with the repair. "
        "fix: apply the safe repairs and print each row before and after. Exits 1 when something is left."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["inspect", "fix"])
        parser.add_argument(
            "--dry-run", action="store_true", help="with fix: say what would change, save nothing"
        )
        parser.add_argument("--json", action="store_true", help="print the outcome as JSON")

    def handle(self, *, action: str, dry_run: bool, **options: Any) -> None:
        now = timezone.now()
        found = list(examination.examine(now))
        mended: list[Mended] = []
        if action == "fix":
            mended = list(examination.mend(found, now=now, dry_run=dry_run))
            found = list(examination.examine(now))
        if options["json"]:
            self._print_json(found, mended)
        else:
            self._print(found, mended)
        if found:
            raise CommandError(f"{len(found)} {'thing is' if len(found) == 1 else 'things are'} wrong.")

    def _print_json(self, found: list[Finding], mended: list[Mended]) -> None:
        data = {
            "ok": not found,
            "findings": [_finding(one) for one in found],
            "mended": [vars(one) for one in mended],
        }
        self.stdout.write(json.dumps(data, indent=2, default=str))

    def _print(self, found: list[Finding], mended: list[Mended]) -> None:
        for row in mended:
            self.stdout.write(self.style.SUCCESS(f"{row.subject}:") + f" {_change(row)}")
        for one in found:
            self.stdout.write(f"{one.subject}: {one.sentence} → {one.repair.sentence}{_mark(one)}")
        if not found:
            self.stdout.write("All offers and codes are sound.")


def _finding(one: Finding) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "row": f"{one.row._meta.model_name} {one.row.pk}",
        "subject": one.subject,
        "sentence": one.sentence,
        "repair": one.repair.sentence,
        "changes": one.repair.changes,
        "is_safe": one.repair.is_safe,
    }


def _mark(one: Finding) -> str:
    return " (fix does this)" if one.repair.is_safe else ""


def _change(row: Mended) -> str:
    changes = [f"{name} {_shown(row.before[name])} → {_shown(value)}" for name, value in row.after.items()]
    return "; ".join(changes) + (f". {row.refusal}" if row.refusal else "")


def _shown(value: object) -> str:
    return "empty" if value in (None, "") else str(value)
