"""How near a batch comes to Stripe's own limit: 500 codes against 150 ms latency and 25 requests a second.

    python -m tests.benchmarks.push_speed [codes [--bare]]

``--bare`` is the control: the same threads without the limiter. Prints the time
as a ratio of what the limit itself takes, and the share of requests refused.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import django
from django.conf import settings
from django.test.utils import setup_databases, teardown_databases

LIMIT = 25
LATENCY_SECONDS = 0.15
THREADS = 8


class StrictStripe:
    """A stand-in's API as far away and as strict as Stripe: late answers, 429 over 25 calls in any second."""

    def __init__(self, behind):
        self.behind = behind
        self.lock = threading.Lock()
        self.recent = deque()
        self.calls = self.refused = 0

    def handle(self, request):
        from promos.standin.messages import Response

        with self.lock:
            now = time.monotonic()
            while self.recent and self.recent[0] <= now - 1:
                self.recent.popleft()
            self.calls += 1
            is_over = len(self.recent) >= LIMIT
            self.refused += is_over
            if not is_over:
                self.recent.append(now)
        time.sleep(LATENCY_SECONDS)
        if is_over:
            body = '{"error": {"type": "invalid_request_error", "code": "rate_limit", "message": "Too many requests."}}'
            return Response(429, body)
        return self.behind.handle(request)


class NoLimiter:
    def wait(self, endpoint):
        pass

    def slow_down(self):
        pass


@contextmanager
def throwaway_database() -> Iterator[None]:
    databases = setup_databases(verbosity=0, interactive=False)
    try:
        yield
    finally:
        teardown_databases(databases, verbosity=0)


def measure(count: int, *, is_bare: bool) -> None:
    from promos.models import PromoCode
    from promos.standin import server
    from promos.sync.limiter import Limiter
    from promos.sync.pool import Pool
    from tests.factories import OfferFactory, PromoCodeFactory

    standin = server.start()
    settings.STRIPE_HOST = standin.url
    standin.api = strict = StrictStripe(standin.api)
    offer = OfferFactory()
    PromoCode.objects.bulk_create(PromoCodeFactory.build(code=f"B{n}", offer=offer) for n in range(count))
    limiter = NoLimiter() if is_bare else Limiter(rate=LIMIT * 0.96, endpoint_rate=LIMIT * 0.96)
    began = time.monotonic()
    with Pool(limiter=limiter, threads=THREADS) as pool:
        while PromoCode.objects.filter(sync_status="pending").exists():
            pool.drain()
            # What was refused is due again a little later.
            time.sleep(0.05)
    took = time.monotonic() - began
    standin.stop()
    print(  # noqa: T201
        f"{count} codes in {took:.1f} s: {took / (count / LIMIT):.2f} of the limit's own time; "
        f"{strict.calls} requests, {strict.refused / strict.calls:.1%} refused"
    )


def main() -> None:
    django.setup()
    settings.MIGRATION_MODULES = {app.split(".")[-1]: None for app in settings.INSTALLED_APPS}
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
    with throwaway_database():
        measure(numbers[0] if numbers else 500, is_bare="--bare" in sys.argv)


if __name__ == "__main__":
    main()
