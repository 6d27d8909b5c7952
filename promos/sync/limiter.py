"""Keeping the workers' calls under Stripe's limits, all workers together through the database.

Each request takes the next free moment from a row and waits for it. When Stripe
answers 429 all the same, the pace falls at once and climbs back slowly. The web's
own calls (a customer at the checkout) are not paced: Stripe's limit leaves them room.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from django.conf import settings
from django.db import transaction

from promos.models import StripePace

EVERYTHING = "all"
#: What is left of the pace after a 429.
SLOWER = 0.8
#: Requests a second that each request gives back.
FASTER = 0.08
LEAST_RATE = 0.5
#: How long a first 429 stops everybody, in seconds.
PAUSE_SECONDS = 1.0


class Limiter:
    """Paces requests to at most ``rate`` a second in all and ``endpoint_rate`` to each endpoint."""

    def __init__(
        self,
        *,
        rate: float | None = None,
        endpoint_rate: float | None = None,
        clock: Callable[[], float] = time.time,
        sleep_until: Callable[[float], None] | None = None,
    ) -> None:
        self.rate = rate or settings.STRIPE_REQUESTS_PER_SECOND
        self.endpoint_rate = endpoint_rate or settings.STRIPE_REQUESTS_PER_SECOND_PER_ENDPOINT
        self.clock, self.sleep_until = clock, sleep_until or self._sleep_until
        # One thread of a process at a time asks the database, so that they do not queue there.
        self.lock = threading.Lock()

    def wait(self, endpoint: str) -> None:
        """Wait until a request to the endpoint may be sent."""
        with self.lock:
            at = self._take(endpoint)
        self.sleep_until(at)

    def slow_down(self) -> None:
        """Lower everybody's pace: Stripe said 429."""
        with transaction.atomic():
            [pace] = self._rows({EVERYTHING: self.rate})
            pace.rate = max(LEAST_RATE, pace.rate * SLOWER)
            pace.next_at = max(pace.next_at, self.clock() + PAUSE_SECONDS)
            pace.save(update_fields=["rate", "next_at"])

    def _sleep_until(self, at: float) -> None:
        time.sleep(max(0.0, at - self.clock()))

    def _take(self, endpoint: str) -> float:
        """Take the first moment that is free in all and for the endpoint."""
        most = {EVERYTHING: self.rate}
        # An endpoint that may have as much as everything together never has to wait for its own row.
        if self.endpoint_rate < self.rate:
            most[endpoint] = self.endpoint_rate
        with transaction.atomic():
            paces = self._rows(most)
            at = max(self.clock(), *(pace.next_at for pace in paces))
            for pace in paces:
                pace.next_at = at + 1 / pace.rate
                pace.rate = min(most[pace.name], pace.rate + FASTER)
                pace.save(update_fields=["next_at", "rate"])
        return at

    def _rows(self, rates: dict[str, float]) -> list[StripePace]:
        """Lock the rows of these names, in the order that everybody locks them; new ones begin at these rates."""
        wanted = StripePace.objects.select_for_update().filter(name__in=rates).order_by("name")
        found = list(wanted)
        if len(found) == len(rates):
            return found
        for name, rate in sorted(rates.items()):
            StripePace.objects.get_or_create(name=name, defaults={"rate": rate})
        return list(wanted.all())
