"""Worker processes are killed over and over while codes are edited and Stripe fails: in the end all is in step.

In CI 50 kills and 300 operations; ``KILLS=500 OPERATIONS=3000 pytest -n0 -m slow tests/flows/test_kill_run.py``
for a long one.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.db.models import Q, QuerySet

from promos import stripe_gateway
from promos.models import PromoCode
from promos.standin.server import Standin
from promos.sync import pull
from tests import audit
from tests.factories import PromoCodeFactory
from tests.flows.crew import Crew
from tests.standin.faults import Faults, Slow
from tests.standin.keys import KeyBook

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

KILLS = int(os.environ.get("KILLS", "50"))
OPERATIONS = int(os.environ.get("OPERATIONS", "300"))
SEED = int(os.environ.get("SEED", "1"))
WORKERS = 3
FAULTY_SHARE = 0.2
#: Of the stand-in's answers, in seconds: kills shall meet calls under way.
LONGEST_CALL = 0.03
#: For the next worker to be ready, on a slow machine.
BUSY_WITHIN_SECONDS = 15
CALLS_BETWEEN_KILLS = 4
#: For the whole backlog after the last kill.
HEALED_WITHIN_SECONDS = 120

SyncStatus = PromoCode.SyncStatus


def now() -> datetime:
    return datetime.now(UTC)


def edit_value(code: PromoCode, dice: random.Random) -> None:
    code.offer.percent_off = Decimal(dice.randint(1, 99))
    code.offer.save()


def rename(code: PromoCode, dice: random.Random) -> None:
    code.offer.name = f"Offer {dice.randint(1, 999)}"
    code.offer.save()


def edit_text(code: PromoCode, dice: random.Random) -> None:
    code.code = f"TEXT{code.pk}-{dice.randint(1, 999)}"
    code.save(update_fields=["code"])


def edit_cap(code: PromoCode, dice: random.Random) -> None:
    code.max_redemptions = dice.choice([None, dice.randint(1, 99)])
    code.save(update_fields=["max_redemptions"])


def pause_or_resume(code: PromoCode, dice: random.Random) -> None:
    code.paused_at = None if code.paused_at else now()
    code.save(update_fields=["paused_at"])


def schedule(code: PromoCode, dice: random.Random) -> None:
    code.starts_at = now() + timedelta(seconds=dice.randint(1, 5))
    code.save(update_fields=["starts_at"])


def archive(code: PromoCode, dice: random.Random) -> None:
    code.archived_at = now()
    code.save(update_fields=["archived_at"])


EDITS: tuple[Callable[[PromoCode, random.Random], None], ...] = (
    edit_value,
    rename,
    edit_text,
    edit_cap,
    pause_or_resume,
    pause_or_resume,
    schedule,
    archive,
)


def operate(dice: random.Random) -> None:
    """Make a code, or edit one of those in use."""
    codes = PromoCode.objects.not_archived().select_related("offer").order_by("pk")
    count = codes.count()
    if count < 10 or dice.random() < 0.25:
        PromoCodeFactory(max_redemptions=dice.choice([None, 5]))
    else:
        dice.choice(EDITS)(codes[dice.randrange(count)], dice)


def are_at_work(book: KeyBook) -> bool:
    """Wait until the workers have sent a few requests, so that the kill meets one at work; say whether they did."""
    enough, deadline = len(book.requests) + CALLS_BETWEEN_KILLS, time.monotonic() + BUSY_WITHIN_SECONDS
    while len(book.requests) < enough and time.monotonic() < deadline:
        if not unfinished().exists():
            return False
        time.sleep(0.01)
    return len(book.requests) >= enough


def unfinished() -> QuerySet[PromoCode]:
    return PromoCode.objects.filter(Q(sync_status=SyncStatus.PENDING) | ~Q(lease_token=""))


def let_time_pass() -> None:
    """End every lease and every wait at once, also of those workers that are only slow."""
    PromoCode.objects.exclude(lease_until=None).update(lease_until=now())
    waiting = PromoCode.objects.filter(sync_status=SyncStatus.PENDING, next_try_at__gt=now())
    waiting.update(next_try_at=now())


def wait_until_healed() -> None:
    """Wait until nothing is left to do, the switches that are scheduled included."""
    deadline = time.monotonic() + HEALED_WITHIN_SECONDS
    left = unfinished() | PromoCode.objects.exclude(next_try_at=None)
    while left.all().exists() and time.monotonic() < deadline:
        let_time_pass()
        time.sleep(1)


def test_workers_killed_over_and_over_leave_everything_in_step(standin: Standin, tmp_path: Path) -> None:
    dice = random.Random(SEED)  # noqa: S311 - a test's dice
    standin.api = Slow(standin.api, LONGEST_CALL)
    faults = Faults(standin)
    faults.by_chance(FAULTY_SHARE, seed=SEED, without=[faults.too_many])
    book = KeyBook(standin)
    met_at_work = 0
    with Crew(standin, tmp_path / "workers.log", size=WORKERS) as crew:
        for number in range(OPERATIONS):
            operate(dice)
            if number % (OPERATIONS // KILLS) == 0:
                met_at_work += are_at_work(book)
                time.sleep(dice.random() * LONGEST_CALL)
                crew.kill_one()
                let_time_pass()
        faults.clear()
        wait_until_healed()
    for found in list(stripe_gateway.list_promotion_codes()):
        # As the events do that no worker was there to take in.
        pull.promotion_code(found["id"], now=now())
    assert audit.problems(book, now=now()) == [], crew.words()
    assert met_at_work > KILLS * 0.7
