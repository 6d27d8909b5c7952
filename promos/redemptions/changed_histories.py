"""Notes whose orders changed, beside the totals and by the same moves."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from django.db import connection

from promos.redemptions.totals import Move
from promos.statements import Statement


def note(moves: Iterable[Move]) -> list[Statement]:
    """Return the statement that notes the customers whose entries or redemptions moved; none where there are none."""
    moved = {(move.customer_id, move.began_at) for move in moves if move.customer_id is not None}
    told = {customer_id for customer_id, began_at in moved if began_at is not None}
    rows = [
        (customer_id, connection.ops.adapt_datetimefield_value(began_at))
        for customer_id, began_at in moved
        if began_at is not None or customer_id not in told
    ]
    if not rows:
        return []
    places = ", ".join(["(%s, %s)"] * len(rows))
    sql = f"INSERT INTO promos_historychange (customer_id, began_at) VALUES {places}"  # noqa: S608 - our names
    return [(sql, list(chain.from_iterable(rows)))]
