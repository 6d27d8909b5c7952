"""Whatever happens to orders, in whatever order and by however many writers: view = totals = the naive sum."""

from __future__ import annotations

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics import verification
from analytics.models import PromoCodeAnalytics
from promos import redemptions
from promos.models import CodeTotal, LedgerEntry, PlanDayTotal, PromoCode, PromoCodeUsage
from promos.redemptions import rebuilding, totals
from tests.analytics.builders import after, pay_back, redeem
from tests.factories import PromoCodeFactory
from tests.promos import lives, naive_totals
from tests.promos.canned_stripe import CannedStripe
from tests.promos.stripe_orders import BEGUN

AMOUNTS = ("gross_amount", "discount_amount", "net_amount")
WRITERS = 8
Sums = dict[tuple[object, str], tuple[int, ...]]


@pytest.fixture
def stripe(monkeypatch) -> CannedStripe:
    return CannedStripe(monkeypatch)


@pytest.fixture
def codes(db) -> tuple[PromoCode | None, ...]:
    return lives.codes()


def naive_sums() -> Sums:
    """Redemptions, gross, discount and net of each code, or batch, and currency, added up row by row."""
    found: dict[tuple[object, str], Counter[str]] = {}
    for usage in PromoCodeUsage.objects.filter(status__in=totals.SETTLED).select_related("promo_code__batch"):
        owner = usage.promo_code.batch or usage.promo_code
        found.setdefault((owner, usage.currency), Counter())["redemptions"] += 1
    for entry in LedgerEntry.objects.exclude(usage=None).select_related("usage__promo_code__batch"):
        owner = entry.usage.promo_code.batch or entry.usage.promo_code
        for amount in AMOUNTS:
            found.setdefault((owner, entry.currency), Counter())[amount] += getattr(entry, amount)
    return {key: tuple(sums[name] for name in ("redemptions", *AMOUNTS)) for key, sums in found.items()}


def kept_sums() -> Sums:
    rows = CodeTotal.objects.select_related("batch", "promo_code")
    sums = {
        (row.batch or row.promo_code, row.currency): (row.redemptions, *(getattr(row, a) for a in AMOUNTS))
        for row in rows
    }
    return {key: row for key, row in sums.items() if any(row)}


def view_sums() -> Sums:
    found: dict[tuple[object, str], tuple[int, ...]] = {}
    for row in PromoCodeAnalytics.objects.select_related("promo_code__batch"):
        key = (row.promo_code.batch or row.promo_code, row.currency)
        sums = (row.uses, *(getattr(row, amount) for amount in AMOUNTS))
        found[key] = tuple(map(sum, zip(found.get(key, (0,) * 4), sums, strict=True)))
    return found


def differences() -> list[object]:
    return [difference for check in verification.CHECKS.values() for difference in check()]


@pytest.mark.slow
@given(told=st.lists(st.integers(0, 45), min_size=1, max_size=20), is_linked=st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_sequence_gives_view_totals_and_sum_alike(
    codes, stripe, told: list[int], is_linked: bool
) -> None:
    events = [
        event for number, code in enumerate(codes) for event in lives.of(number, code, customer=number % 2)
    ]
    stripe.has(*events)
    with transaction.atomic():
        for place in told:
            stripe.tell(events[place % len(events)], BEGUN)
        if is_linked:
            lives.link(codes[-1])
        assert naive_sums() == kept_sums() == view_sums()
        assert differences() == []
        transaction.set_rollback(True)


def test_full_lives_are_told_to_the_end(codes, stripe) -> None:
    events = lives.of(0, codes[0], customer=0) + lives.of(3, None, customer=1)
    stripe.has(*events)
    for event in events:
        stripe.tell(event, BEGUN)
    total, plans = CodeTotal.objects.get(), PlanDayTotal.objects.all()
    # Three orders of 100.00, two of them less 10.00; 40.00 back twice, a dispute of 90.00 lost, a note of 10.00.
    assert (total.redemptions, total.orders, total.payments, total.discounted_orders) == (1, 3, 3, 2)
    assert (total.gross_amount, total.discount_amount) == (30_000, 2_000)
    assert (total.refunded_amount, total.disputed_amount) == (9_000, 9_000)
    assert total.net_amount == 30_000 - 2_000 - 9_000 - 9_000
    assert sum(row.new_customer_orders for row in plans) == 2
    assert sum(row.orders for row in plans) == 6


def tell_from_several_writers(stripe: CannedStripe, codes: tuple[PromoCode | None, ...], seed: int) -> None:
    """Tell 16 lives, each event twice, by writers on connections of their own; a refused one is told again."""
    events = [
        event
        for number in range(16)
        for event in lives.of(number, codes[number % len(codes)], customer=number // 2)
    ]
    stripe.has(*events)
    told = [*events, *events]
    random.Random(seed).shuffle(told)  # noqa: S311 - the order of events

    def write(share: list[lives.Object]) -> None:
        for event in share:
            while not is_told(event):
                pass
        connection.close()

    def is_told(event: lives.Object) -> bool:
        try:
            stripe.tell(event, BEGUN)
        except DatabaseError:
            return False
        return True

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, [told[writer::WRITERS] for writer in range(WRITERS)]))


@pytest.mark.slow
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", range(3))
def test_writers_at_once_give_view_totals_and_sum_alike(transactional_db, stripe, seed: int) -> None:
    codes, is_over = lives.codes(), threading.Event()

    def rebuild() -> None:
        while not is_over.wait(0.05):
            rebuilding.run(rebuilding.all_weeks(), at_once=4, watch=lambda step: None)
        connection.close()

    rebuilder = threading.Thread(target=rebuild)
    rebuilder.start()
    tell_from_several_writers(stripe, codes, seed)
    is_over.set()
    rebuilder.join()
    lives.link(codes[-1])
    redemptions.link_known(now=BEGUN)
    assert naive_sums() == kept_sums() == view_sums()
    assert differences() == []


@pytest.mark.slow
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_naive_totals_lose_what_writers_add_at_once(transactional_db, stripe, monkeypatch) -> None:
    monkeypatch.setattr(totals, "additions", naive_totals.additions)
    tell_from_several_writers(stripe, lives.codes(), seed=1)
    assert naive_sums() != kept_sums()


def test_redemptions_taken_over_take_their_totals_along(db) -> None:
    former, code = PromoCodeFactory(used_count=0), PromoCodeFactory(used_count=2)
    for owner in (former, code):
        pay_back(redeem(owner), 500, at=after(3))
    former.usages.update(promo_code=code)
    totals.hand_over(former, code)
    former.delete()
    assert CodeTotal.objects.get().redemptions == 2
    assert differences() == []
