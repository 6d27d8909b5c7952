"""SQL for what every paid checkout does: there the ORM takes five times as long to make a statement as to run it.

The common path has some fifteen statements. Those that are the slowest to make and the easiest to write stand
beside what they are for and are run here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection


def change(sql: str, values: Sequence[int | str | None]) -> int:
    """Run a statement and return how many rows it changed."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return int(cursor.rowcount)


def row(sql: str, values: Sequence[int | str | None]) -> tuple[Any, ...] | None:
    """Return the first row that a query finds; None when it finds none."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        found: tuple[Any, ...] | None = cursor.fetchone()
        return found
