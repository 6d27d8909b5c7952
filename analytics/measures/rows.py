"""From what the database answers to rows with names and types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

Row = TypeVar("Row")


def of(kind: type[Row], found: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Return each row of a ``values()`` query as a dataclass with the same names."""
    return [kind(**row) for row in found]
