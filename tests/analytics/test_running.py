"""Discounts that still run, and the days of the renewals they reach."""

from datetime import date, datetime, timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from analytics.measures import running
from analytics.measures.running import Running
from analytics.selection import Selection
from promos.models import PromoCode
from tests.analytics.subscribers import month, run_on
from tests.factories import OfferFactory, PriceFactory, PromoCodeFactory, SyncedPromoCodeFactory

pytestmark = pytest.mark.django_db
NOW = month(3, day=20)
ANY = Selection()


@pytest.fixture
def forever() -> PromoCode:
    """Twenty percent off for ever, on a plan of 99.50 a month."""
    PriceFactory(id="price_monthly", amount=9_950)
    return PromoCodeFactory(offer=OfferFactory(duration="forever"))


def groups(chosen: Selection = ANY) -> list[Running]:
    return running.groups(chosen, now=NOW)


def days(
    renews: date, *, ends: date | None = None, began: date = date(2026, 1, 1), **fields: object
) -> list[date]:
    described = {"interval": "month", "months": 1} | fields
    group = Running(
        "usd", "price", offer_id=1, began=began, renews=renews, ends=ends, customers=1, amount=1, **described
    )
    return list(group.renewals(date(2026, 7, 1)))


def test_subscribers_with_the_same_days_are_one_group(
    forever: PromoCode, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(2):
        run_on(forever, began=month(1), renews=month(4))
    run_on(forever, began=month(2), renews=month(4))

    with django_assert_num_queries(4):  # groups, prices, offers, unusual prices; no coupons
        found = groups()

    assert [(group.began, group.customers, group.amount) for group in found] == [
        (date(2026, 1, 15), 2, 1_990),
        (date(2026, 2, 15), 1, 1_990),
    ]


@pytest.mark.parametrize(
    "gone",
    [
        {"status": "canceled", "ended_at": month(3)},
        {"status": "unpaid"},
        {"renews": month(3)},
        {"ends": month(3)},
    ],
)
def test_a_discount_that_is_over_is_in_no_group(forever: PromoCode, gone: dict[str, object]) -> None:
    run_on(forever, **{"began": month(1), "renews": month(4), **gone})

    assert groups() == []


def test_only_terms_for_ever_may_lack_an_end(forever: PromoCode) -> None:
    run_on(PromoCodeFactory(), began=month(1), renews=month(4))

    assert groups() == []


def test_a_running_discount_keeps_the_terms_of_its_coupon(forever: PromoCode) -> None:
    code = SyncedPromoCodeFactory(offer=OfferFactory(duration="forever"))
    usage = run_on(code, began=month(1), renews=month(4))
    usage.stripe_promotion_code_id = code.stripe_promotion_codes.get().stripe_promotion_code_id
    usage.save()
    code.offer.percent_off = 50
    code.offer.save()

    assert [group.amount for group in groups()] == [1_990]


def test_an_unknown_price_has_no_amount(forever: PromoCode) -> None:
    run_on(forever, began=month(1), renews=month(4), plan="price_gone")

    assert [group.amount for group in groups()] == [None]


def test_filters_narrow_to_one_subscription(forever: PromoCode) -> None:
    usage = run_on(forever, began=month(1), renews=month(4))
    other = run_on(forever, began=month(1), renews=month(4), plan="price_other", customer=usage.customer)

    assert [group.plan for group in groups(Selection(plan="price_other"))] == [other.plan]
    assert groups(Selection(currency="eur")) == []
    assert groups(Selection(campaign_id=7)) == []


def test_what_is_cancelled_ends_with_the_subscription(forever: PromoCode) -> None:
    run_on(forever, began=month(1), renews=month(4), ends=month(9), cancel_at=month(6))

    assert [group.ends for group in groups()] == [date(2026, 6, 15)]


def test_renewals_go_on_until_the_discounts_last_day_and_without_it() -> None:
    assert days(date(2026, 4, 15), ends=date(2026, 6, 15)) == [date(2026, 4, 15), date(2026, 5, 15)]
    assert len(days(date(2026, 4, 15), ends=date(2026, 6, 16))) == 3
    assert days(date(2026, 4, 15), ends=date(2026, 4, 15)) == []


def test_renewals_without_an_end_go_on_as_far_as_is_looked() -> None:
    assert days(date(2026, 4, 15)) == [date(2026, number, 15) for number in (4, 5, 6)]


def test_renewals_keep_to_the_last_day_of_shorter_months() -> None:
    found = days(date(2026, 2, 28), began=date(2026, 1, 31), ends=date(2026, 4, 30))

    # Three months from 31 January end on 30 April, the day of the first renewal at full price.
    assert found == [date(2026, 2, 28), date(2026, 3, 31)]


@pytest.mark.parametrize(
    ("interval", "months", "expected"),
    [("year", 12, 1), ("month", 3, 1)],
)
def test_renewals_keep_the_rhythm_of_the_plan(interval: str, months: int, expected: int) -> None:
    assert len(days(date(2026, 4, 15), interval=interval, months=months)) == expected


@pytest.mark.parametrize(
    ("interval", "count", "apart"),
    [("day", 1, 1), ("week", 1, 7), ("week", 2, 14)],
)
def test_renewals_by_days_are_as_far_apart_as_the_price_says(
    forever: PromoCode, interval: str, count: int, apart: int
) -> None:
    price = PriceFactory(id="price_often", interval=interval)
    price.stripe_data["recurring"]["interval_count"] = count
    price.save()
    run_on(forever, began=month(1), renews=month(4), plan="price_often", interval=interval)

    (group,) = groups()
    first, second, *_ = group.renewals(date(2026, 7, 1))

    assert second - first == timedelta(days=apart)


def test_now_is_what_is_passed_in(forever: PromoCode) -> None:
    run_on(forever, began=month(1), renews=month(4), ends=month(6))
    later: datetime = month(7)

    assert running.groups(ANY, now=later) == []
