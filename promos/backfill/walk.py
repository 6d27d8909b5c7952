"""One walk over the account: its codes, then all that was ever paid, oldest first.

Every step may be done again: what is known is passed over, what was recorded is
not recorded twice. So a walk keeps no more than the moment it has come to; killed,
it is continued there. An order that cannot be recorded does not stop a walk, but
the next one begins before it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from promos.backfill import codes, past
from promos.backfill.steps import Tally
from promos.models import SyncCursor

CURSOR = "backfill"
#: So many orders are looked at twice after a kill.
SAVED_EVERY = 50

Watch = Callable[[Tally], object]


def run(
    *, now: datetime, since: datetime | None = None, dry_run: bool = False, watch: Watch = lambda tally: None
) -> Tally:
    """Bring in all codes, and all orders made since then, or ever; continue a walk that was stopped.

    ``watch`` is called after each object. A dry run counts what is not here yet and writes nothing.

    Raises:
        stripe_gateway.StripeError: Stripe refused or went away; run it again later.
    """
    cursor = _begun(since, is_saved=not dry_run)
    tally = Tally(continued_at=cursor.reached_at)
    for step in codes.bring(now=now, dry_run=dry_run):
        tally.add(step)
        watch(tally)
    start = cursor.reached_at or cursor.since
    for number, step in enumerate(past.bring(since=start, dry_run=dry_run), start=1):
        tally.add(step)
        watch(tally)
        if not dry_run and not tally.failures and number % SAVED_EVERY == 0:
            cursor.reached_at = tally.at
            cursor.save()
    if not dry_run and not tally.failures:
        cursor.reached_at, cursor.finished_at = tally.at, now
        cursor.save()
    return tally


def _begun(since: datetime | None, *, is_saved: bool) -> SyncCursor:
    """Return the cursor of the stopped walk if that covers what is wanted, else of a new one."""
    cursor = SyncCursor.objects.filter(name=CURSOR).first() or SyncCursor(name=CURSOR)
    if cursor.pk is None or not cursor.covers(since):
        cursor.since, cursor.reached_at, cursor.finished_at = since, None, None
        if is_saved:
            cursor.save()
    return cursor
