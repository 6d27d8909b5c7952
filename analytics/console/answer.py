"""What a part of the command answers, for a program and for a person."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rich.table import Table


@dataclass(frozen=True)
class Answer:
    """``data`` is printed with --json, ``shown`` without; ``failure`` is one sentence and means exit status 1."""

    data: dict[str, Any]
    shown: list[Table | str] = field(default_factory=list)
    failure: str = ""


def table(title: str, *columns: str, numbers: int = 0) -> Table:
    """Return an empty table whose last ``numbers`` columns are figures."""
    made = Table(title=title, title_justify="left")
    for place, column in enumerate(columns):
        is_number = place >= len(columns) - numbers
        made.add_column(column, justify="right" if is_number else "left", no_wrap=is_number)
    return made
