"""The worker: pushes due codes, finishes events, asks after overdue checkouts. Any number may run.

It looks twice a second; on PostgreSQL a saved code wakes it at once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime

from django.db import DatabaseError, connection
from django.utils import timezone

from promos import stripe_gateway
from promos.billing import overdue
from promos.signals import CHANNEL
from promos.sync import push
from promos.sync.pool import Pool
from promos.webhooks import queue

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.5
#: After the database failed, in seconds.
PAUSE_SECONDS = 2.0


def run(stop: threading.Event, *, clock: Callable[[], datetime] = timezone.now) -> None:
    """Work until ``stop`` is set; a database that is gone for a while is waited for.

    Raises:
        stripe_gateway.NotAuthorised: the key is wrong; nothing would work until it is mended.
    """
    with Pool(clock=clock) as pool, stripe_gateway.paced(pool.limiter):
        while not stop.is_set():
            try:
                if not pool.fill(clock()) + _work_on_events(clock()):
                    _wait(stop)
            except DatabaseError:
                logger.exception("The database failed; trying again in %s seconds", PAUSE_SECONDS)
                connection.close()
                stop.wait(PAUSE_SECONDS)


def work(now: datetime) -> int:
    """Do a part of what is due, in this thread, and return how many things were taken up; 0: nothing is due.

    Raises:
        stripe_gateway.NotAuthorised: the key is wrong.
    """
    return _work_on_events(now) + push.work(now)


def _work_on_events(now: datetime) -> int:
    return queue.work(now) + _ask_after_checkouts(now)


def _ask_after_checkouts(now: datetime) -> int:
    try:
        return overdue.work(now)
    except stripe_gateway.NotAuthorised:
        raise
    except stripe_gateway.StripeError as error:
        logger.warning("Stripe could not be asked after a checkout: %s", error)
        return 0


def _wait(stop: threading.Event) -> None:
    """Wait for a moment, on PostgreSQL for a saved code at most that long."""
    if connection.vendor != "postgresql":
        stop.wait(POLL_SECONDS)
        return
    with connection.cursor() as cursor:
        cursor.execute(f"LISTEN {CHANNEL}")
    for _ in connection.connection.notifies(timeout=POLL_SECONDS, stop_after=1):
        pass
