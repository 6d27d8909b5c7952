"""A redemption recorded while totals are rebuilt waits for nothing, and is neither lost nor counted twice."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from django.db import connection, transaction

from analytics import total_checks
from promos.models import CodeDayTotal, CodeTotal, CodeWeekTotal, PlanDayTotal, PromoCode
from promos.redemptions import rebuilding, totals
from tests.analytics.builders import redeem
from tests.factories import PromoCodeFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]


def rebuild() -> None:
    rebuilding.run(rebuilding.all_weeks(), at_once=9, watch=lambda step: None)


def elsewhere(pool: ThreadPoolExecutor, act: Callable[[], object]) -> Future[None]:
    """Do something in one transaction on a connection of its own."""

    def do() -> None:
        try:
            with transaction.atomic():
                act()
        finally:
            connection.close()

    return pool.submit(do)


def rebuild_while(record: Callable[[], object], monkeypatch) -> bool:
    """Rebuild, and record when the rows are read and nothing is corrected yet; return whether that had to wait."""
    correct, recording = rebuilding._correct, []

    def interrupted(*args) -> None:
        if not recording:
            recording.append(elsewhere(pool, record))
            futures.wait(recording, timeout=2)
            recording.append(recording[0].done())
        correct(*args)

    monkeypatch.setattr(rebuilding, "_correct", interrupted)
    with ThreadPoolExecutor(1) as pool:
        rebuild()
    recording[0].result()
    return not recording[1]


def differences() -> list[object]:
    return [*total_checks.codes(), *total_checks.batches(), *total_checks.plans()]


@pytest.fixture
def code(transactional_db: None) -> PromoCode:
    """A code redeemed before there were totals."""
    code = PromoCodeFactory()
    redeem(code)
    for table in (CodeTotal, CodeWeekTotal, CodeDayTotal, PlanDayTotal):
        table.objects.all().delete()
    return code


def test_redemption_recorded_meanwhile_is_neither_lost_nor_doubled(code, monkeypatch) -> None:
    has_waited = rebuild_while(lambda: redeem(code), monkeypatch)
    assert (has_waited, differences()) == (connection.vendor == "sqlite", [])
    assert CodeTotal.objects.get().redemptions == 2


def test_naive_rebuild_loses_what_is_recorded_meanwhile(code, monkeypatch) -> None:
    """Setting totals to their rows' sums, instead of adding what differs: kept because it must fail."""

    def setting(*args) -> str:
        return re.sub(r"= \w+\.\w+ \+ EXCLUDED", "= EXCLUDED", totals.adding(*args))

    naive = SimpleNamespace(adding=setting, keep_correctors_out=totals.keep_correctors_out)
    monkeypatch.setattr(rebuilding, "totals", naive)
    monkeypatch.setattr(rebuilding, "_taken_away", lambda columns: ", ".join("0" for _ in columns))
    has_waited = rebuild_while(lambda: redeem(code), monkeypatch)
    # On SQLite nothing is recorded meanwhile.
    assert CodeDayTotal.objects.get().redemptions == (2 if has_waited else 1)
    assert has_waited == (connection.vendor == "sqlite")


def test_two_rebuilding_at_once_correct_once(code) -> None:
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(rebuild_here) for _ in range(2)]
    assert [one.result() for one in both] == [None, None]
    assert differences() == []


def rebuild_here() -> None:
    try:
        rebuild()
    finally:
        connection.close()


def test_hand_over_waits_for_a_rebuild_and_moves_what_it_left(code, monkeypatch) -> None:
    heir = PromoCodeFactory()

    def hand_over() -> None:
        code.usages.update(promo_code=heir)
        totals.hand_over(code, heir)

    has_waited = rebuild_while(hand_over, monkeypatch)
    assert (has_waited, differences()) == (True, [])
    assert CodeTotal.objects.get(redemptions=1).promo_code == heir
