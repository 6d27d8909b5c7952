"""Sending what waits as rows: claimed with a lease, tried again at growing distances, given up after three days.

A row is sent at least once: whoever dies after sending and before noting it
leaves a row that is sent again when its lease is over.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from analytics.models.outgoing import Outgoing, OutgoingQuerySet
from promos import leases

logger = logging.getLogger(__name__)

BATCH_SIZE = 20
#: Longer than a batch can take, even when every address hangs.
LEASE = timedelta(minutes=15)
GIVE_UP_AFTER = timedelta(days=3)

Row = TypeVar("Row", bound=Outgoing)


class Undelivered(Exception):
    """It was not taken; the message says why, without any secret, and is shown to the owner."""


def claim(rows: OutgoingQuerySet, *, now: datetime) -> Sequence[Outgoing]:
    """Return due rows, which nobody else gets until the lease is over."""
    return leases.claim(rows.due(now), now=now, lease=LEASE, limit=BATCH_SIZE)


def send(rows: Sequence[Outgoing], way: Callable[[], None], *, now: datetime) -> int:
    """Send claimed rows as one by ``way``, which raises Undelivered; note the outcome and return how many went."""
    if not rows:
        return 0
    error = ""
    try:
        way()
    except Undelivered as failure:
        error = str(failure)
        logger.warning("%d not delivered, tried again later: %s", len(rows), error)
    for row in rows:
        _note(row, error, now)
    return 0 if error else len(rows)


def _note(row: Outgoing, error: str, now: datetime) -> None:
    """Save what became of a row, unless the lease ran out and another worker has it."""
    held = type(row)._default_manager.filter(pk=row.pk, lease_token=row.lease_token)
    free = {"lease_until": None, "lease_token": "", "attempts": row.attempts + 1, "error": error}
    if not error:
        held.update(**free, sent_at=now, next_try_at=None)
    elif now - row.created_at >= GIVE_UP_AFTER:
        held.update(**free, given_up_at=now, next_try_at=None)
    else:
        held.update(**free, next_try_at=now + leases.wait(row.attempts + 1))
