"""The worker: pushes due codes, finishes events, asks after overdue checkouts, pulls. Any number may run.

It looks twice a second; on PostgreSQL a saved code wakes it at once. Every
five minutes one of them asks Stripe for new events that did not arrive, every
hour for older ones too, and compares everything.
What other rooms do now and then hangs on promos.rounds.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.db import OperationalError, connection
from django.utils import timezone

from promos import batches, redemptions, rounds, stripe_gateway
from promos.backfill import missed
from promos.billing import overdue
from promos.breaks import Breaks
from promos.signals import CHANNEL
from promos.sync import pull_queue, push
from promos.sync.drift import doctor
from promos.sync.pool import Pool
from promos.webhooks import queue

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.5
#: After something failed that nobody foresaw, or the database, in seconds.
PAUSE_SECONDS = 2.0
#: How often is looked whether the hourly round is due.
ROUND_SECONDS = 30.0
#: How long a round may still go on when the worker is to stop; what it leaves the next one takes up.
LAST_SECONDS = 5.0


def run(stop: threading.Event, *, clock: Callable[[], datetime] = timezone.now) -> None:
    """Work until ``stop`` is set; a database that is gone for a while is waited for, and nothing strange ends it.

    Raises:
        stripe_gateway.NotAuthorised: the key is wrong; nothing would work until it is mended.
    """
    over = threading.Event()
    with Pool(clock=clock) as pool, stripe_gateway.paced(pool.limiter):
        logger.info(
            "The worker started; Stripe is asked at %s", settings.STRIPE_HOST or "https://api.stripe.com"
        )
        beside = threading.Thread(target=_make_rounds, args=(over, pool), name="rounds", daemon=True)
        beside.start()
        try:
            breaks = Breaks()
            while not stop.is_set():
                _work_or_wait(pool, stop)
                breaks.take()
        finally:
            over.set()
            beside.join(LAST_SECONDS)
            logger.info("The worker stopped")


def _work_or_wait(pool: Pool, stop: threading.Event) -> None:
    try:
        if not pool.fill(pool.clock()) + _work_on_events(pool.clock()) + batches.work(pool.clock()):
            _wait(stop)
    except stripe_gateway.NotAuthorised:
        raise
    except Exception:
        # One strange row, or a database that went away or has no room left.
        logger.exception("The worker stumbled; it goes on in %s seconds", PAUSE_SECONDS)
        connection.close()
        stop.wait(PAUSE_SECONDS)


def _make_rounds(over: threading.Event, pool: Pool) -> None:
    """Beside the queues, which it would hold up: ask for missed events, and every hour compare everything."""
    with stripe_gateway.paced(pool.limiter):
        while not over.wait(ROUND_SECONDS):
            try:
                rounds.work(pool.clock())
                make_round(pool.clock())
            except stripe_gateway.NotAuthorised as error:
                pool.refusal = error
            except stripe_gateway.Unavailable as error:
                logger.warning("The round broke off: %s It is made again in %s seconds", error, ROUND_SECONDS)
            except Exception:
                # Whatever was met, the next round must be made as well.
                logger.exception("The round broke off; it is made again in %s seconds", ROUND_SECONDS)
            finally:
                connection.close()


def make_round(now: datetime) -> None:
    """Take in missed events, link orders whose code came later, and let the drift doctor look, once an hour.

    In between only the latest missed events are taken in. What breaks off, but for an outage, is made again in the
    next hour and keeps nothing else from this one.

    Raises:
        stripe_gateway.Unavailable: Stripe went away.
        stripe_gateway.NotAuthorised: the key is wrong.
        django.db.OperationalError: the database does not work.
    """
    if doctor.due(now):
        _spare_the_others(missed.catch_up, now)
        _spare_the_others(redemptions.link_known, now)
        doctor.work(now)
    else:
        missed.catch_up_recent(now=now)


def _spare_the_others(step: Callable[..., object], now: datetime) -> None:
    try:
        step(now=now)
    except (stripe_gateway.Unavailable, stripe_gateway.NotAuthorised, OperationalError):
        raise
    except Exception:
        # Whatever it met there will be there in thirty seconds as well.
        logger.exception("%s broke off; it is made again in an hour", step.__module__)


def work(now: datetime) -> int:
    """Do a part of what is due, in this thread, and return how many things were taken up; 0: nothing is due.

    Raises:
        stripe_gateway.NotAuthorised: the key is wrong.
    """
    return _work_on_events(now) + push.work(now) + batches.work(now) + rounds.work(now)


def _work_on_events(now: datetime) -> int:
    return queue.work(now) + _ask_stripe(overdue.work, now) + _ask_stripe(pull_queue.work, now)


def _ask_stripe(work: Callable[[datetime], int], now: datetime) -> int:
    try:
        return work(now)
    except stripe_gateway.NotAuthorised:
        raise
    except stripe_gateway.StripeError as error:
        logger.warning("Stripe could not be asked by %s: %s", work.__module__, error)
        return 0


def _wait(stop: threading.Event) -> None:
    """Wait for a moment, on PostgreSQL for a saved code at most that long."""
    if connection.vendor != "postgresql":
        stop.wait(POLL_SECONDS)
        return
    with connection.cursor() as cursor:
        cursor.execute(f"LISTEN {CHANNEL}")
    with connection.wrap_database_errors:
        for _ in connection.connection.notifies(timeout=POLL_SECONDS, stop_after=1):
            pass
