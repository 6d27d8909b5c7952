"""From what the database answers to rows with names and types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, TypeVar

from analytics.kept import Sums

Row = TypeVar("Row")


def of(kind: type[Row], found: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Return each row of a ``values()`` query as a dataclass with the same names."""
    return [kind(**row) for row in found]


def of_sums(kind: type[Row], sums: Sums) -> list[Row]:
    """Return each of the kept sums as a dataclass: first what they are grouped by, then sums of the same names."""
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    return [kind(*key, *(counts[name] for name in names[len(key) :])) for key, counts in sorted(sums.items())]
