"""What the checks of kept figures share: rows merged by key, naive sums, and the differences that are found.

Rows come sorted from the database and are read one after the other, so memory does
not grow with their number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.db.models import QuerySet

CHUNK = 2_000

Row = dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """One kept figure that is not what its rows give."""

    table: str
    id: int
    name: str
    field: str
    kept: Any
    reckoned: Any

    def __str__(self) -> str:
        return f"{self.table} {self.id} ({self.name}): {self.field} is {self.kept}, its rows give {self.reckoned}"


class Sorted:
    """Rows sorted by a number, handed out for one key after the other; the keys asked for must rise."""

    def __init__(self, rows: QuerySet[Any], by: str, *fields: str) -> None:
        self._groups = groupby(stream(rows, by, *fields), key=itemgetter(by))
        self._key: int | None = None
        self._group: Iterator[Row] = iter(())
        self._advance()

    def of(self, key: int) -> Iterator[Row]:
        while self._key is not None and self._key < key:
            self._advance()
        return self._group if self._key == key else iter(())

    def _advance(self) -> None:
        self._key, self._group = next(self._groups, (None, iter(())))


def stream(rows: QuerySet[Any], by: str, *fields: str) -> Iterator[Row]:
    return iter(rows.filter(**{f"{by}__isnull": False}).order_by(by).values(by, *fields).iterator(CHUNK))


def sums(rows: Iterable[Row], fields: Iterable[str]) -> Row:
    found = dict.fromkeys(fields, 0)
    for row in rows:
        for name in found:
            found[name] += row[name]
    return found


def count(rows: Iterable[Row]) -> int:
    return sum(1 for _ in rows)


def compare(
    table: str, pk: int, name: str, kept: Mapping[str, Any], reckoned: Mapping[str, Any]
) -> Iterator[Difference]:
    for column, value in reckoned.items():
        if kept.get(column) != value:
            yield Difference(table, pk, name, column, kept.get(column), value)
