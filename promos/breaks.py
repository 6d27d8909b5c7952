"""Breaks in what writes transaction after transaction, so that others get to write as well on SQLite.

There whoever waits for the one writer looks ten times a second whether it has finished, and gives up after
twenty seconds. A loop that begins its next transaction at once is hardly ever met between two.
"""

from __future__ import annotations

import time

from django.db import connection

EVERY_SECONDS = 1.0
#: A little longer than between two looks.
BREAK_SECONDS = 0.12


class Breaks:
    """The breaks of one loop: call ``take`` between its transactions."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def take(self) -> None:
        """Wait if the last break was a while ago; on PostgreSQL nobody waits for the others."""
        if connection.vendor == "sqlite" and time.monotonic() - self._last >= EVERY_SECONDS:
            time.sleep(BREAK_SECONDS)
            self._last = time.monotonic()
