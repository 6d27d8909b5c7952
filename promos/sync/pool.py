"""Pushing several codes at once: threads of this process, at the pace that all workers share."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from types import TracebackType

from django.conf import settings
from django.db import connection
from django.utils import timezone

from promos import leases, stripe_gateway
from promos.models import PromoCode
from promos.sync import push
from promos.sync.limiter import Limiter

logger = logging.getLogger(__name__)

#: Codes claimed for each thread, so that none waits for the next look at the database.
CLAIMED_PER_THREAD = 4


class Pool:
    """Threads that push claimed codes; a context manager that ends them."""

    def __init__(
        self,
        *,
        limiter: Limiter | None = None,
        threads: int | None = None,
        clock: Callable[[], datetime] = timezone.now,
    ) -> None:
        self.limiter, self.clock = limiter or Limiter(), clock
        self.refusal: stripe_gateway.NotAuthorised | None = None
        self.jobs: queue.Queue[PromoCode | None] = queue.Queue()
        self.one_done = threading.Event()
        count = threads or settings.STRIPE_PUSH_THREADS
        self.threads = [threading.Thread(target=self._run, name=f"push-{n}") for n in range(count)]

    def __enter__(self) -> Pool:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        leases.release(self._unbegun())
        for _ in self.threads:
            self.jobs.put(None)
        for thread in self.threads:
            thread.join()

    def _unbegun(self) -> list[PromoCode]:
        """Take back the codes that no thread has taken up; each of them may wait long for an answer."""
        left: list[PromoCode] = []
        with suppress(queue.Empty):
            while code := self.jobs.get_nowait():
                left.append(code)
                self.jobs.task_done()
        return left

    def fill(self, now: datetime) -> int:
        """Claim as many due codes as the threads can take and return how many.

        Raises:
            stripe_gateway.NotAuthorised: a thread was told that the key is wrong.
        """
        if self.refusal is not None:
            raise self.refusal
        free = CLAIMED_PER_THREAD * len(self.threads) - self.jobs.unfinished_tasks
        if free < len(self.threads):
            # Few at a time would cost a claim each.
            return 0
        due = PromoCode.objects.due_for_push(now)
        claimed = leases.claim(due, now=now, lease=push.LEASE, limit=free)
        for code in claimed:
            self.jobs.put(code)
        return len(claimed)

    def drain(self, on_claimed: Callable[[int], object] = lambda count: None) -> int:
        """Push until nothing is due and return how many codes were claimed.

        Raises:
            stripe_gateway.NotAuthorised: the key is wrong.
        """
        total = 0
        while (claimed := self.fill(self.clock())) or self.jobs.unfinished_tasks:
            total += claimed
            on_claimed(claimed)
            self.one_done.wait(1)
            self.one_done.clear()
        return total

    def _run(self) -> None:
        try:
            with stripe_gateway.paced(self.limiter):
                for code in iter(self.jobs.get, None):
                    try:
                        self._push(code)
                    finally:
                        self.jobs.task_done()
                        self.one_done.set()
        finally:
            connection.close()

    def _push(self, code: PromoCode) -> None:
        if self.refusal is not None:
            return
        try:
            push.push(code, now=self.clock())
        except stripe_gateway.NotAuthorised as error:
            self.refusal = error
        except Exception:
            # One code must not end the thread; its lease runs out and it is taken up again.
            logger.exception("Code %s could not be pushed", code.pk)
            connection.close()
