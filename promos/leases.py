"""Claiming rows of a queue: any number of workers, each row with one of them, a killed one's rows free again.

A queue's model has ``lease_until`` and ``lease_token``, ``attempts`` under some
name and ``next_try_at``; its query set of due rows leaves out what is leased.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import transaction
from django.db.models import Model, QuerySet

LONGEST_WAIT_SECONDS = 15 * 60

Row = TypeVar("Row", bound=Model)


class Lost(Exception):
    """The lease ran out and another worker has claimed the row: its former holder writes nothing more."""


def claim(due: QuerySet[Row], *, now: datetime, lease: timedelta, limit: int) -> list[Row]:
    """Lease up to ``limit`` due rows until ``now + lease`` and return them, each carrying its token."""
    # A look without a lock first: an idle worker must not take SQLite's one write lock twice a second.
    if not due.exists():
        return []
    token = secrets.token_hex(16)
    with transaction.atomic():
        # SQLite ignores the locking clause; there the transaction itself is the lock.
        keys = list(due.select_for_update(skip_locked=True).values_list("pk", flat=True)[:limit])
        due.filter(pk__in=keys).order_by().update(lease_token=token, lease_until=now + lease)
    return list(due.model._default_manager.filter(pk__in=keys, lease_token=token).order_by("pk"))


def extend(model: type[Model], pk: int, token: str, *, until: datetime) -> None:
    """Hold a claimed row until ``until``; in a transaction this also locks it.

    Raises:
        Lost: another worker has it.
    """
    if not model._default_manager.filter(pk=pk, lease_token=token).update(lease_until=until):
        raise Lost


def release(rows: Sequence[Row]) -> None:
    """Free claimed rows on which nothing was begun, so that another worker need not wait for their leases to end."""
    for row in rows:
        held = type(row)._default_manager.filter(pk=row.pk, lease_token=row.lease_token)  # type: ignore[attr-defined]
        held.update(lease_token="", lease_until=None)


def wait(attempts: int) -> timedelta:
    """Return how long to wait after so many tries (from 1): a random part of a longest time ("full jitter").

    The longest time doubles from a second to a quarter of an hour.
    """
    longest = min(LONGEST_WAIT_SECONDS, 2 ** min(attempts - 1, 20))
    return timedelta(seconds=random.uniform(0, longest))  # noqa: S311 - spreads load, guards nothing
