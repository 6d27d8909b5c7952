"""Compare everything here with everything at Stripe."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.progress import Progress, SpinnerColumn, TextColumn

from promos import stripe_gateway
from promos.models import DriftFinding, ReconcileRun
from promos.sync.drift import doctor

OUTCOMES = DriftFinding.Outcome


class Command(BaseCommand):
    help = (
        "Find and explain every difference between the codes here and Stripe. Changes nothing without --repair, "
        "which puts right what is safe. Exits 1 if any difference is left."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--repair", action="store_true", help="repair what is safe to repair")
        parser.add_argument("--json", action="store_true", help="print what was found as JSON")

    def handle(self, *, repair: bool, json: bool, **options: Any) -> None:
        try:
            run = self._run(is_repairing=repair, show_progress=not json)
        except stripe_gateway.NotAuthorised as error:
            raise CommandError(f"Stripe does not accept the key: {error}") from error
        findings = list(run.findings.select_related("promo_code").order_by("pk"))
        left = [finding for finding in findings if finding.outcome != OUTCOMES.REPAIRED]
        if json:
            self._print_json(run, findings, ok=not left and not run.error)
        else:
            self._print(run, findings)
        if run.error:
            raise CommandError(f"Not everything could be compared: {run.error}", returncode=1)
        if left:
            raise CommandError(f"{len(left)} of {len(findings)} differences are left.", returncode=1)

    def _run(self, *, is_repairing: bool, show_progress: bool) -> ReconcileRun:
        columns = (SpinnerColumn(), TextColumn("Compared {task.completed:.0f} objects at Stripe"))
        with Progress(
            *columns, transient=True, disable=not (show_progress and self.stdout.isatty())
        ) as progress:
            task = progress.add_task("", total=None)
            return doctor.run(
                is_repairing=is_repairing,
                now=timezone.now(),
                watch=lambda seen: progress.update(task, completed=seen),
            )

    def _print(self, run: ReconcileRun, findings: list[DriftFinding]) -> None:
        for finding in findings:
            self.stdout.write(f"{finding.get_outcome_display()}: {finding.sentence}")
        if not findings and not run.error:
            self.stdout.write(f"In step with Stripe: {run.objects_seen} objects compared, no difference.")

    def _print_json(self, run: ReconcileRun, findings: list[DriftFinding], *, ok: bool) -> None:
        rows = [
            {
                "kind": finding.kind,
                "sentence": finding.sentence,
                "outcome": finding.outcome,
                "code": finding.promo_code.code if finding.promo_code else None,
                "stripe_id": finding.stripe_id,
            }
            for finding in findings
        ]
        body = {"ok": ok, "objects_seen": run.objects_seen, "error": run.error, "differences": rows}
        self.stdout.write(json.dumps(body))
