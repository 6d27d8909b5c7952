"""Any number of workers, each row with one of them."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Barrier

import pytest

from promos import leases
from promos.models import PromoCode
from promos.sync.run import LEASE
from tests.crowd import at_once
from tests.factories import OfferFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.race]

WORKERS = 6
ROUNDS = 25

Claim = Callable[[datetime], list[int]]


@pytest.fixture
def rows(db: None) -> None:
    offer = OfferFactory()
    fields = {"offer": offer, "submitted_at": offer.created_at, "approved_at": offer.created_at}
    PromoCode.objects.bulk_create(PromoCode(code=f"BATCH{n}", **fields) for n in range(300))


def claim(now: datetime) -> list[int]:
    due = PromoCode.objects.due_for_push(now)
    return [code.pk for code in leases.claim(due, now=now, lease=LEASE, limit=5)]


def naive_claim(now: datetime, *, meet: Callable[[], object]) -> list[int]:
    """Look, then lease: two workers look before either leases."""
    found = list(PromoCode.objects.due_for_push(now).values_list("pk", flat=True)[:5])
    meet()
    PromoCode.objects.filter(pk__in=found).update(lease_until=now + LEASE, lease_token="mine")
    return found


def claimed_by_all(one: Claim, now: datetime, *, workers: int, rounds: int) -> Counter[int]:
    """Let workers claim side by side and count how often each row was claimed."""

    def work(_: int) -> list[int]:
        return [row for _ in range(rounds) for row in one(now)]

    return Counter(row for rows in at_once(work, range(workers)) for row in rows)


@pytest.mark.usefixtures("rows")
def test_claim_gives_each_row_to_one_worker(now: datetime) -> None:
    claimed = claimed_by_all(claim, now, workers=WORKERS, rounds=ROUNDS)
    assert (len(claimed), set(claimed.values())) == (300, {1})


@pytest.mark.usefixtures("rows")
def test_claim_gives_a_row_again_when_its_lease_has_run_out(now: datetime) -> None:
    claimed_by_all(claim, now, workers=WORKERS, rounds=ROUNDS)
    again = claimed_by_all(claim, now + LEASE + timedelta(seconds=1), workers=WORKERS, rounds=ROUNDS)
    assert (len(again), set(again.values())) == (300, {1})


@pytest.mark.usefixtures("rows")
def test_naive_claim_gives_rows_to_several_workers(now: datetime) -> None:
    meeting = Barrier(2)
    claimed = claimed_by_all(lambda now: naive_claim(now, meet=meeting.wait), now, workers=2, rounds=3)
    assert max(claimed.values()) == 2


def test_extend_is_refused_to_a_worker_that_lost_its_row(rows: None, now: datetime) -> None:
    [first] = leases.claim(PromoCode.objects.due_for_push(now), now=now, lease=LEASE, limit=1)
    later = now + LEASE
    leases.claim(PromoCode.objects.filter(pk=first.pk), now=later, lease=LEASE, limit=1)
    with pytest.raises(leases.Lost):
        leases.extend(PromoCode, first.pk, first.lease_token, until=later + LEASE)
