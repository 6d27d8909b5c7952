"""What is usual: a span of time beside the same span of the four weeks before. Pure.

The same weekdays and hours are compared, so nights and Sundays are no news. What
happens by chance at a steady pace of λ strays from λ by more than 4·√λ about once
in 15,000 spans (Poisson's distribution); trade is not that steady, so a jump must
stand out from the busiest of the four weeks, and a stop from the quietest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

WEEKS = 4
WEEK = timedelta(days=7)
DEVIATIONS = 4


@dataclass(frozen=True)
class Span:
    """From ``start`` up to and without ``end``."""

    start: datetime
    end: datetime

    def earlier(self) -> list[Span]:
        """Return the same span one to four weeks before."""
        return [Span(self.start - WEEK * n, self.end - WEEK * n) for n in range(1, WEEKS + 1)]


def last_hours(hours: int, *, now: datetime) -> Span:
    """Return so many whole hours up to the last full one."""
    end = now.replace(minute=0, second=0, microsecond=0)
    return Span(end - timedelta(hours=hours), end)


def is_jump(count: int, earlier: list[int], *, minimum: int, percent: int) -> bool:
    """Say whether a count stands out from the busiest week.

    ``count ≥ minimum``, at least ``percent`` above the highest, and above highest + 4·√highest.
    """
    highest = max(earlier)
    is_by_far = count * 100 >= highest * (100 + percent)
    is_beyond_chance = count > highest and (count - highest) ** 2 > DEVIATIONS**2 * highest
    return count >= minimum and is_by_far and is_beyond_chance


def is_stop(earlier: list[int], *, expected: int) -> bool:
    """Say whether a span without a single case stands out: even the quietest week had so many.

    At a steady pace, none where λ are expected happens once in e^λ spans; λ = 10: once in 22,000.
    """
    return min(earlier) >= expected
