"""Answer in steps of time, so that how long an answer took does not tell what was found.

Refusing a code that does not exist takes less work than refusing one that has
expired. Whoever measures a few refusals would read from that which codes exist.
"""

from __future__ import annotations

import time

#: Several times what any refusal takes; under load an answer takes more steps, but always whole ones.
STEP_SECONDS = 0.025


class Stopwatch:
    """The time since an answer was begun."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    def wait_for_full_step(self) -> None:
        """Sleep until a whole number of steps has passed; outside of any transaction."""
        spent = time.perf_counter() - self._began
        time.sleep(-spent % STEP_SECONDS)
