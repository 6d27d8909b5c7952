"""On SQLite a loop of writes leaves the others room; on PostgreSQL it need not."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import OperationalError, connection, transaction

from promos import breaks
from promos.breaks import Breaks
from promos.models import Campaign
from tests.factories import CampaignFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.race]

#: How long a transaction of the loop takes, and somebody else waits for their turn at most.
WRITE_SECONDS, PATIENCE_SECONDS = 0.06, 2.0


@contextmanager
def loop_of_writes(between: Callable[[], object]) -> Iterator[None]:
    over = threading.Event()

    def run() -> None:
        while not over.is_set():
            with transaction.atomic():
                Campaign.objects.update(name="busy")
                time.sleep(WRITE_SECONDS)
            between()
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def times_refused(tries: int) -> int:
    """Write now and then beside the loop, with less patience than in earnest; return how often that was in vain."""
    refused = 0
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA busy_timeout = {int(PATIENCE_SECONDS * 1000)}")
    for _ in range(tries):
        # Somebody who writes at once again keeps the loop waiting instead.
        time.sleep(2 * WRITE_SECONDS)
        try:
            Campaign.objects.update(name="mine")
        except OperationalError:
            refused += 1
    connection.close()
    return refused


@pytest.mark.sqlite
def test_others_write_beside_a_loop_with_breaks() -> None:
    CampaignFactory()
    taken = Breaks()
    with loop_of_writes(taken.take):
        assert times_refused(3) == 0


@pytest.mark.sqlite
def test_others_are_refused_beside_a_loop_without_breaks() -> None:
    CampaignFactory()
    with loop_of_writes(lambda: None):
        assert times_refused(3) > 0


def test_break_is_taken_now_and_then_and_on_sqlite_alone(monkeypatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(breaks.time, "sleep", slept.append)
    monkeypatch.setattr(breaks, "EVERY_SECONDS", 0.0)
    Breaks().take()
    monkeypatch.setattr(breaks, "EVERY_SECONDS", 3600.0)
    Breaks().take()
    assert slept == ([breaks.BREAK_SECONDS] if connection.vendor == "sqlite" else [])
