"""Push every code that differs from what Stripe has."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count
from django.utils import timezone
from rich.progress import Progress, ProgressColumn, Task
from rich.text import Text

from promos import promo_codes, stripe_gateway
from promos.models import PromoCode
from promos.sync.pool import Pool


class RateColumn(ProgressColumn):
    """How many codes a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f}/s" if task.speed else "")


class Command(BaseCommand):
    help = "Push codes to Stripe now: the pending ones, and those that Stripe refused before. Exits 1 if any is left."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the outcome as JSON")

    def handle(self, *, json: bool, **options: Any) -> None:
        promo_codes.retry_all()
        try:
            self._push_all(show_progress=not json)
        except stripe_gateway.NotAuthorised as error:
            raise CommandError(f"Stripe does not accept the key: {error}") from error
        self._report(_counts(), as_json=json)

    def _push_all(self, *, show_progress: bool) -> None:
        total = PromoCode.objects.due_for_push(timezone.now()).count()
        columns = (*Progress.get_default_columns(), RateColumn())
        with (
            Progress(*columns, disable=not (show_progress and self.stdout.isatty())) as progress,
            Pool() as pool,
        ):
            task = progress.add_task("Pushing codes", total=total)
            pool.drain(lambda count: progress.advance(task, count))

    def _report(self, counts: dict[str, int], *, as_json: bool) -> None:
        left = sum(number for status, number in counts.items() if status != PromoCode.SyncStatus.SYNCED)
        if as_json:
            self.stdout.write(json.dumps({"ok": not left, "counts": counts}))
        else:
            words = ", ".join(f"{number} {status}" for status, number in counts.items()) or "no codes"
            self.stdout.write(f"In step with Stripe: {words}.")
        if left:
            raise CommandError(f"{left} not in step; manage_promo_codes status says why.", returncode=1)


def _counts() -> dict[str, int]:
    rows = PromoCode.objects.not_archived().values_list("sync_status").annotate(number=Count("pk"))
    return dict(rows.order_by("sync_status"))
