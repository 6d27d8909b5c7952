"""What a walk tells after each object."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Step:
    """One object was looked at: whether it was new here, when it was made there, and why it could not be brought in."""

    name: str
    is_new: bool = False
    at: datetime | None = None
    failure: str = ""


@dataclass
class Count:
    """Objects of a kind that were looked at, and those of them that were not here yet."""

    seen: int = 0
    new: int = 0


@dataclass
class Tally:
    """How a walk stands; ``continued_at`` is where an earlier one was stopped, ``at`` the moment it has come to."""

    continued_at: datetime | None = None
    at: datetime | None = None
    counts: dict[str, Count] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def add(self, step: Step) -> None:
        count = self.counts.setdefault(step.name, Count())
        count.seen += 1
        count.new += step.is_new
        self.at = step.at or self.at
        self.failures += [step.failure] if step.failure else []


Steps = Iterator[Step]
