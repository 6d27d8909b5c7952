"""A code comes under another campaign, or its campaign under another currency, while one of its orders is under way."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from promos import promo_codes, redemptions
from promos.campaigns import save as save_campaign
from promos.eligibility import Reason
from promos.models import Campaign, CheckoutAttempt, PromoCode
from promos.redemptions import counters, holds, limits, totals
from tests.factories import CampaignFactory, CustomerFactory, SyncedPromoCodeFactory, UsageFactory
from tests.promos.stripe_orders import invoice, session, subscription

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


class Beside:
    """Something done on another connection when an operation is about to be called; or right after, if it must wait."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch, self._pool = monkeypatch.setattr, ThreadPoolExecutor(1)
        self._begun: list[Future[None]] = []

    def begin_at(self, place: object, name: str, work: Callable[[], object]) -> None:
        operation = getattr(place, name)

        def called_beside(*args: object, **kwargs: object) -> object:
            if not self._begun:
                self._begun.append(self._pool.submit(self._closing, work))
                wait(self._begun, timeout=1)
            return operation(*args, **kwargs)

        self._patch(place, name, called_beside)

    def end(self) -> None:
        assert self._begun
        for each in self._begun:
            each.result(timeout=10)

    def _closing(self, work: Callable[[], object]) -> None:
        try:
            work()
        finally:
            connection.close()


@pytest.fixture
def beside(monkeypatch) -> Beside:
    return Beside(monkeypatch)


@pytest.fixture
def move_at(beside, code, campaigns) -> Callable[[object, str], None]:
    return partial(beside.begin_at, work=lambda: move(code, campaigns[1]))


@pytest.fixture
def change_currency_at(beside, campaigns) -> Callable[[object, str, str], None]:
    def change(place: object, name: str, currency: str) -> None:
        beside.begin_at(place, name, lambda: change_currency(campaigns[0], currency))

    return change


def move(code: PromoCode, campaign: Campaign) -> None:
    promo_codes.move(PromoCode.objects.get(pk=code.pk), to=campaign)


def change_currency(campaign: Campaign, currency: str) -> None:
    changed = Campaign.objects.get(pk=campaign.pk)
    changed.currency = currency
    save_campaign(changed, by=None)


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


def test_move_after_an_order_is_settled_takes_it_along(code, campaigns, move_at, beside) -> None:
    attempt = checkout(code)
    move_at(counters, "apply")
    redemptions.record(session(code, client_reference_id=str(attempt.pk)), event=None, now=NOW)
    beside.end()
    assert figures(campaigns) == [(0, 0), (1_000, 0)]


def test_record_does_not_count_for_the_campaign_that_the_code_has_left(
    code, campaigns, move_at, beside
) -> None:
    checkout(code)
    move_at(holds, "settle")
    with pytest.raises(counters.Moved):
        redemptions.record(session(code), event=None, now=NOW)
    beside.end()
    assert figures(campaigns) == [(0, 0), (0, 1_000)]
    assert redemptions.record(session(code), event=None, now=NOW)
    assert figures(campaigns) == [(0, 0), (1_000, 0)]


def test_release_frees_the_campaign_that_the_code_has_come_to(code, campaigns, move_at, beside) -> None:
    attempt = checkout(code)
    move_at(holds, "settle")
    redemptions.release(attempt, state=CheckoutAttempt.State.EXPIRED, now=NOW)
    beside.end()
    assert figures(campaigns) == [(0, 0), (0, 0)]


def test_hold_asks_to_try_again_when_the_code_has_moved(code, campaigns, move_at, beside) -> None:
    move_at(limits, "hold_budget")
    with pytest.raises(redemptions.NothingLeft) as refused:
        checkout(code)
    beside.end()
    assert refused.value.reason is Reason.TRY_LATER
    assert figures(campaigns) == [(0, 0), (0, 0)]


def test_second_of_two_moves_at_once_is_refused(code, campaigns, move_at, beside) -> None:
    UsageFactory(promo_code=code, discount_amount=1_000)
    Campaign.objects.filter(pk=campaigns[0].pk).update(spent_amount=1_000)
    third = CampaignFactory(currency="usd")
    move_at(Campaign.objects, "select_for_update")
    with pytest.raises(ValidationError, match="try again"):
        promo_codes.move(PromoCode.objects.get(pk=code.pk), to=third)
    beside.end()
    assert figures((*campaigns, third)) == [(0, 0), (1_000, 0), (0, 0)]


def test_record_does_not_count_in_the_currency_that_the_campaign_had(
    code, campaigns, change_currency_at, beside
) -> None:
    change_currency_at(holds, "settle", "eur")
    checkout(code)
    with pytest.raises(counters.Moved):
        redemptions.record(session(code), event=None, now=NOW)
    beside.end()
    assert redemptions.record(session(code), event=None, now=NOW)
    assert figures(campaigns) == [(0, 0), (0, 0)]


def test_record_counts_in_the_currency_that_the_campaign_has_now(
    code, campaigns, change_currency_at, beside
) -> None:
    change_currency(campaigns[0], "eur")
    checkout(code)
    change_currency_at(counters, "apply", "usd")
    with pytest.raises(counters.Moved):
        redemptions.record(session(code), event=None, now=NOW)
    beside.end()
    assert redemptions.record(session(code), event=None, now=NOW)
    assert figures(campaigns) == [(1_000, 0), (0, 0)]


def test_currency_is_changed_when_an_order_under_way_is_counted(
    code, campaigns, change_currency_at, beside
) -> None:
    checkout(code)
    change_currency_at(counters, "apply", "eur")
    assert redemptions.record(session(code), event=None, now=NOW)
    beside.end()
    assert figures(campaigns) == [(0, 0), (0, 0)]


def test_release_frees_nothing_of_a_budget_in_another_currency(
    code, campaigns, change_currency_at, beside
) -> None:
    attempt = checkout(code)
    change_currency_at(holds, "settle", "eur")
    redemptions.release(attempt, state=CheckoutAttempt.State.EXPIRED, now=NOW)
    beside.end()
    assert figures(campaigns) == [(0, 0), (0, 0)]


def test_hold_asks_to_try_again_when_the_currency_has_changed(
    code, campaigns, change_currency_at, beside
) -> None:
    change_currency_at(limits, "hold_budget", "eur")
    with pytest.raises(redemptions.NothingLeft) as refused:
        checkout(code)
    beside.end()
    assert refused.value.reason is Reason.TRY_LATER
    assert figures(campaigns) == [(0, 0), (0, 0)]


def test_renewal_counts_for_the_campaign_that_its_code_has_come_to(code, campaigns, move_at, beside) -> None:
    promo_codes.move(code, to=None)
    redemptions.record(session(code), event=None, now=NOW)
    move_at(counters, "apply")
    with pytest.raises(counters.Moved):
        redemptions.record_invoice(invoice(code, month=1), event=None, now=NOW)
    beside.end()
    assert redemptions.record_invoice(invoice(code, month=1), event=None, now=NOW)
    assert figures(campaigns) == [(0, 0), (2_000, 0)]


def test_subscription_frees_the_campaign_that_its_code_has_come_to(code, campaigns, move_at, beside) -> None:
    redemptions.record(session(code), event=None, now=NOW)
    code.usages.update(reserved_amount=500, promised_amount=500)
    Campaign.objects.filter(pk=campaigns[0].pk).update(promised_amount=500)
    move_at(counters, "apply")
    redemptions.note_subscription(subscription(), now=NOW)
    beside.end()
    assert set(Campaign.objects.values_list("promised_amount", flat=True)) == {0}
    assert figures(campaigns) == [(0, 0), (1_000, 0)]


def test_renewal_is_taken_along_by_a_move_that_comes_after_it(code, campaigns, move_at, beside) -> None:
    promo_codes.move(code, to=None)
    redemptions.record(session(code), event=None, now=NOW)
    move_at(totals, "additions")
    assert redemptions.record_invoice(invoice(code, month=1), event=None, now=NOW)
    beside.end()
    assert figures(campaigns) == [(0, 0), (2_000, 0)]
