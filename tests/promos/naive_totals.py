"""How one keeps totals at first: once the ledger is written, read the row, add to it, write it. Kept because it must fail."""

from __future__ import annotations

import time
from collections.abc import Iterable

from django.db import transaction

from promos.models import CodeTotal
from promos.redemptions.totals import Move
from promos.statements import Statement


def additions(moves: Iterable[Move]) -> list[Statement]:
    told = [move for move in moves if move.owner]
    transaction.on_commit(lambda: _add(told))
    return []


def _add(moves: list[Move]) -> None:
    for move in moves:
        column, pk = move.owner
        row, _ = CodeTotal.objects.get_or_create(**{column: pk, "currency": move.currency})
        time.sleep(0.005)
        for name in CodeTotal.COLUMNS:
            setattr(row, name, getattr(row, name) + move.counts.get(name, 0))
        row.save()
