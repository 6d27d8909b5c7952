"""A code comes under another campaign while one of its orders is under way: each campaign counts what is its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from promos import promo_codes, redemptions
from promos.eligibility import Reason
from promos.models import Campaign, CheckoutAttempt, PromoCode
from promos.redemptions import counters, holds, limits
from tests.factories import CampaignFactory, CustomerFactory, SyncedPromoCodeFactory, UsageFactory
from tests.promos.stripe_orders import session

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    pytest.mark.postgresql,
]

NOW = datetime(2026, 5, 1, tzinfo=UTC)
Campaigns = tuple[Campaign, Campaign]


@pytest.fixture
def campaigns(db: None) -> Campaigns:
    return CampaignFactory(currency="usd"), CampaignFactory(currency="usd")


@pytest.fixture
def code(campaigns: Campaigns) -> PromoCode:
    return SyncedPromoCodeFactory(campaign=campaigns[0])


@pytest.fixture
def move_at(monkeypatch, code, campaigns) -> Callable[[object, str], None]:
    """Have the code moved, on another connection, when an operation is about to be called; or right after, if it must wait."""

    def move() -> None:
        try:
            promo_codes.move(PromoCode.objects.get(pk=code.pk), to=campaigns[1])
        finally:
            connection.close()

    pool = ThreadPoolExecutor(1)
    begun: list[Future[None]] = []
    first = iter([True])

    def before(place: object, name: str) -> None:
        operation = getattr(place, name)

        def moved_before(*args: object, **kwargs: object) -> object:
            if next(first, False):
                begun.append(pool.submit(move))
                wait(begun, timeout=1)
            return operation(*args, **kwargs)

        monkeypatch.setattr(place, name, moved_before)

    before.end = lambda: [each.result(timeout=10) for each in begun]
    return before


def checkout(code: PromoCode) -> CheckoutAttempt:
    customer = CustomerFactory(stripe_customer_id="cus_1")
    return redemptions.hold(
        CheckoutAttempt(
            customer=customer,
            promo_code=PromoCode.objects.select_related("campaign").get(pk=code.pk),
            plan="price_monthly",
            stripe_session_id="cs_test_1",
            state=CheckoutAttempt.State.OPEN,
            currency="usd",
            held_amount=1_000,
            created_at=NOW,
            expires_at=NOW + timedelta(minutes=30),
        )
    )


def figures(campaigns: tuple[Campaign, ...]) -> list[tuple[int, int]]:
    return [Campaign.objects.values_list("spent_amount", "held_amount").get(pk=each.pk) for each in campaigns]


def test_move_after_an_order_is_settled_takes_it_along(code, campaigns, move_at) -> None:
    attempt = checkout(code)
    move_at(counters, "apply")
    redemptions.record(session(code, client_reference_id=str(attempt.pk)), event=None, now=NOW)
    move_at.end()
    assert figures(campaigns) == [(0, 0), (1_000, 0)]


def test_record_does_not_count_for_the_campaign_that_the_code_has_left(code, campaigns, move_at) -> None:
    checkout(code)
    move_at(holds, "settle")
    with pytest.raises(counters.Moved):
        redemptions.record(session(code), event=None, now=NOW)
    move_at.end()
    assert figures(campaigns) == [(0, 0), (0, 1_000)]
    assert redemptions.record(session(code), event=None, now=NOW)
    assert figures(campaigns) == [(0, 0), (1_000, 0)]


def test_release_frees_the_campaign_that_the_code_has_come_to(code, campaigns, move_at) -> None:
    attempt = checkout(code)
    move_at(holds, "settle")
    redemptions.release(attempt, state=CheckoutAttempt.State.EXPIRED, now=NOW)
    move_at.end()
    assert figures(campaigns) == [(0, 0), (0, 0)]


def test_hold_asks_to_try_again_when_the_code_has_moved(code, campaigns, move_at) -> None:
    move_at(limits, "hold_budget")
    with pytest.raises(redemptions.NothingLeft) as refused:
        checkout(code)
    move_at.end()
    assert refused.value.reason is Reason.TRY_LATER
    assert figures(campaigns) == [(0, 0), (0, 0)]


def test_second_of_two_moves_at_once_is_refused(code, campaigns, move_at) -> None:
    UsageFactory(promo_code=code, discount_amount=1_000)
    Campaign.objects.filter(pk=campaigns[0].pk).update(spent_amount=1_000)
    third = CampaignFactory(currency="usd")
    move_at(Campaign.objects, "select_for_update")
    with pytest.raises(ValidationError, match="try again"):
        promo_codes.move(PromoCode.objects.get(pk=code.pk), to=third)
    move_at.end()
    assert figures((*campaigns, third)) == [(0, 0), (1_000, 0), (0, 0)]
