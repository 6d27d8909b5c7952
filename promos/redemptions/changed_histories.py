"""Notes whose orders changed, beside the totals and by the same moves."""

from __future__ import annotations

from collections.abc import Iterable

from promos.models import HistoryChange
from promos.redemptions.totals import Move


def note(moves: Iterable[Move]) -> None:
    """Note the customers whose entries or redemptions moved, in the caller's transaction. One statement."""
    moved = {(move.customer_id, move.began_at) for move in moves if move.customer_id is not None}
    told = {customer_id for customer_id, began_at in moved if began_at is not None}
    HistoryChange.objects.bulk_create(
        HistoryChange(customer_id=customer_id, began_at=began_at)
        for customer_id, began_at in moved
        if began_at is not None or customer_id not in told
    )
