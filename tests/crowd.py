"""Many who do something at the same moment, each on a connection of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from django.db import connection

One = TypeVar("One")
Answer = TypeVar("Answer")


def at_once(work: Callable[[One], Answer], crowd: Sequence[One]) -> list[Answer]:
    """Let all begin together and return their answers in the order of the crowd; what one raises is raised."""
    gate = Barrier(len(crowd))

    def begin(one: One) -> Answer:
        gate.wait()
        try:
            return work(one)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(crowd)) as pool:
        return list(pool.map(begin, crowd))
