"""What a part of the command answers, for a program and for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from rich.table import Table


@dataclass(frozen=True)
class Answer:
    """``data`` is printed with --json, ``lines`` with --csv (where there is that option), ``shown`` without.

    ``failure`` is one sentence and means exit status 1.
    """

    data: dict[str, Any]
    shown: list[Table | str] = field(default_factory=list)
    lines: Sequence[Sequence[object]] = ()
    failure: str = ""


def table(title: str, *columns: str, numbers: int = 0) -> Table:
    """Return an empty table whose last ``numbers`` columns are figures."""
    made = Table(title=title, title_justify="left")
    for place, column in enumerate(columns):
        is_number = place >= len(columns) - numbers
        # What does not fit goes on below; nothing is cut.
        justify: Literal["left", "right"] = "right" if is_number else "left"
        made.add_column(column, justify=justify, no_wrap=is_number, overflow="fold")
    return made
