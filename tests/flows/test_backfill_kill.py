"""A backfill that is killed again and again, at any moment, ends as one that was let be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from io import StringIO

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from pytest_django import Settings

from promos.backfill import walk
from promos.models import LedgerEntry, PromoCode, PromoCodeUsage, SyncCursor
from tests import past_account
from tests.flows.conftest import database_url
from tests.past_account import PastAccount

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

ORDERS = 160


@pytest.fixture
def account(settings: Settings) -> Iterator[PastAccount]:
    with past_account.opened() as opened:
        settings.STRIPE_HOST = opened.standin.url
        code = opened.code("LAUNCH")
        for number in range(ORDERS):
            opened.buy(code if number % 2 else None, mode="payment", email=f"buyer{number % 40}@example.com")
            opened.clock.advance(12 * 60 * 60)
        yield opened


def start(account: PastAccount) -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "DATABASE_URL": database_url(),
        "STRIPE_API_HOST": account.standin.url,
        "STRIPE_REQUESTS_PER_SECOND": "1000",
        "STRIPE_REQUESTS_PER_SECOND_PER_ENDPOINT": "1000",
    }
    command = [sys.executable, "manage.py", "backfill_stripe"]
    return subprocess.Popen(  # noqa: S603
        command, cwd=django_settings.BASE_DIR, env=environment, stdout=subprocess.DEVNULL
    )


def kill_when(process: subprocess.Popen[bytes], is_time: Callable[[], bool]) -> None:
    """Kill the process at a moment; fail when it is over before that."""
    while not is_time():
        assert process.poll() is None, "the backfill was over too early"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait(20) == -signal.SIGKILL


def test_killed_backfill_continues_and_records_everything_once(account: PastAccount) -> None:
    kill_when(start(account), PromoCode.objects.exists)
    for recorded in (5, 70, 120):
        kill_when(start(account), lambda least=recorded: LedgerEntry.objects.count() >= least)
    cursor = SyncCursor.objects.get(name=walk.CURSOR)
    assert cursor.reached_at is not None
    assert cursor.finished_at is None

    assert start(account).wait(120) == 0

    assert SyncCursor.objects.get(name=walk.CURSOR).finished_at is not None
    assert LedgerEntry.objects.count() == ORDERS
    assert LedgerEntry.objects.filter(is_new_customer=True).count() == 40
    assert PromoCodeUsage.objects.count() == PromoCode.objects.get().used_count == ORDERS // 2
    call_command("verify_analytics", stdout=StringIO())
