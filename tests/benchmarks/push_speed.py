"""How near a batch comes to Stripe's own limit: 500 codes against 150 ms latency and 25 requests a second.

    python -m tests.benchmarks.push_speed [codes [--bare]]

``--bare`` is the control: the same threads without the limiter. Prints the time
as a ratio of what the limit itself takes, the share of requests refused, and the
worker's own CPU time, which tells a busy machine from a slow worker. Stripe is a
process of its own, as it is elsewhere.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from tempfile import TemporaryDirectory

import django
from django.conf import settings
from django.db import connection
from django.test.utils import setup_databases, teardown_databases

LIMIT = 25
#: What the worker is set to, since requests do not arrive as evenly as they are sent.
PACE = LIMIT * 0.96
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


def serve(pipe: Connection) -> None:
    """Be Stripe until told to stop; then say how many requests came and how many were refused."""
    from promos.standin import server

    standin = server.start()
    standin.api = strict = StrictStripe(standin.api)
    pipe.send(standin.url)
    pipe.recv()
    standin.stop()
    pipe.send((strict.calls, strict.refused))


class FarStripe:
    """Stripe in another process."""

    def __init__(self):
        context = get_context("spawn")
        self.pipe, far_end = context.Pipe()
        self.process = context.Process(target=serve, args=(far_end,), daemon=True)
        self.process.start()
        self.url = self.pipe.recv()

    def stop(self) -> tuple[int, int]:
        """Return how many requests came and how many of them were refused."""
        self.pipe.send("stop")
        counts = self.pipe.recv()
        self.process.join()
        return counts


class NoLimiter:
    def wait(self, endpoint):
        pass

    def slow_down(self):
        pass


@contextmanager
def throwaway_database() -> Iterator[None]:
    with TemporaryDirectory() as directory:
        if connection.vendor == "sqlite":
            # Threads cannot wait for each other's locks in a database in memory.
            connection.settings_dict["TEST"]["NAME"] = f"{directory}/test.sqlite3"
        databases = setup_databases(verbosity=0, interactive=False)
        try:
            yield
        finally:
            teardown_databases(databases, verbosity=0)


def push_all(limiter) -> None:
    from promos.models import PromoCode
    from promos.sync.pool import Pool

    with Pool(limiter=limiter, threads=THREADS) as pool:
        while PromoCode.objects.filter(sync_status="pending").exists():
            pool.drain()
            # What was refused is due again a little later.
            time.sleep(0.05)


def measure(count: int, *, is_bare: bool) -> None:
    from promos.models import PromoCode
    from promos.sync.limiter import Limiter
    from tests.factories import OfferFactory, PromoCodeFactory

    far = FarStripe()
    settings.STRIPE_HOST = far.url
    offer = OfferFactory()
    PromoCode.objects.bulk_create(PromoCodeFactory.build(code=f"B{n}", offer=offer) for n in range(count))
    limiter = NoLimiter() if is_bare else Limiter(rate=PACE, endpoint_rate=PACE)
    began, cpu_before, load = time.monotonic(), time.process_time(), os.getloadavg()[0]
    push_all(limiter)
    took, cpu = time.monotonic() - began, time.process_time() - cpu_before
    calls, refused = far.stop()
    print(  # noqa: T201
        f"{count} codes in {took:.1f} s: {took / (count / LIMIT):.3f} of the limit's own time; "
        f"{calls} requests, {refused / calls:.1%} refused; "
        f"{cpu / count * 1000:.1f} ms of the worker's CPU a code (load {load:.1f} before, {os.getloadavg()[0]:.1f} after)"
    )


def main() -> None:
    django.setup()
    settings.MIGRATION_MODULES = {app.split(".")[-1]: None for app in settings.INSTALLED_APPS}
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
    with throwaway_database():
        measure(numbers[0] if numbers else 500, is_bare="--bare" in sys.argv)


if __name__ == "__main__":
    main()
