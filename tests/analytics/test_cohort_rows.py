"""Who belongs to which cohort, what they paid and for how long, on rows counted by hand."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from pytest_django import DjangoAssertNumQueries

from analytics.economics import Earnings
from analytics.measures import cohort_rows, month_numbers
from analytics.measures.cohort_rows import Later, Side
from analytics.periods import Period
from analytics.selection import Selection
from promos.models import LedgerEntry
from tests.analytics.builders import redeem
from tests.analytics.subscribers import month, subscribe
from tests.factories import CampaignFactory, OfferFactory, PriceFactory, PromoCodeFactory

pytestmark = pytest.mark.django_db
FIRST_HALF = Selection(Period(date(2026, 1, 1), date(2026, 7, 1)))
JANUARY = month_numbers.of_day(date(2026, 1, 1))
PROMO = Side("usd", "price_monthly", "month", JANUARY, is_promo=True)
REST = Side("usd", "price_monthly", "month", JANUARY, is_promo=False)


def stretches(chosen: Selection = FIRST_HALF) -> list[tuple[int, int, int]]:
    return [(row.first, row.end, row.customers) for row in cohort_rows.paying(chosen)]


def test_months_are_numbered_without_a_gap() -> None:
    assert month_numbers.of_day(date(2027, 1, 5)) - month_numbers.of_day(date(2026, 12, 31)) == 1
    assert month_numbers.first_day(month_numbers.of_day(date(2026, 12, 31))) == date(2026, 12, 1)


def test_sizes_part_customers_by_code_plan_currency_and_month(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    code = PromoCodeFactory()
    subscribe(code, at=month(1))
    subscribe(code, at=month(1, day=31))
    subscribe(at=month(1))
    subscribe(at=month(2))
    subscribe(at=month(1), currency="eur", plan="price_annual", interval="year")

    with django_assert_num_queries(2):
        found = {row.side: row.customers for row in cohort_rows.sizes(FIRST_HALF)}

    assert found == {
        PROMO: 2,
        REST: 1,
        Side("usd", "price_monthly", "month", JANUARY + 1, is_promo=False): 1,
        Side("eur", "price_annual", "year", JANUARY, is_promo=False): 1,
    }


def test_a_renewal_without_its_first_order_begins_nothing() -> None:
    subscribe(at=month(1)).renew(month(2))
    LedgerEntry.objects.filter(kind="checkout").delete()

    assert cohort_rows.sizes(FIRST_HALF) == []


def test_who_redeems_only_later_is_on_neither_side(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    late = subscribe(at=month(1))
    redeem(PromoCodeFactory(), customer=late.customer, at=month(3))

    with django_assert_num_queries(1):
        assert cohort_rows.later_redeemers(FIRST_HALF) == [Later("usd", "price_monthly", 1)]

    assert cohort_rows.sizes(FIRST_HALF) == []


def test_a_campaign_narrows_the_promo_side_only() -> None:
    campaign = CampaignFactory()
    subscribe(PromoCodeFactory(campaign=campaign), at=month(1))
    subscribe(PromoCodeFactory(), at=month(1))
    subscribe(at=month(1))

    chosen = Selection(FIRST_HALF.period, campaign_id=campaign.pk)

    assert [(row.side, row.customers) for row in cohort_rows.sizes(chosen)] == [(REST, 1), (PROMO, 1)]


def test_a_cohort_is_of_the_sites_month() -> None:
    subscribe(at=datetime(2026, 1, 31, 23, 30, tzinfo=UTC))
    berlin = Selection(Period(date(2026, 1, 1), date(2026, 7, 1), ZoneInfo("Europe/Berlin")))

    numbers = [cohort_rows.sizes(chosen)[0].side.month_number for chosen in (FIRST_HALF, berlin)]

    assert numbers == [JANUARY, JANUARY + 1]


def test_earnings_sum_each_month_since_the_first_order(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    buyer = subscribe(PromoCodeFactory(), at=month(1), gross=30_000, discount=10_000)
    second = buyer.renew(month(2), discount=10_000)
    buyer.renew(month(2, day=20), currency="eur")
    buyer.pay_back(buyer.first, 4_000, at=month(3))
    buyer.pay_back(second, 0, at=month(3), kind="credit_note")
    buyer.pay_back(buyer.first, 1_000, at=month(3), kind="dispute")

    with django_assert_num_queries(2):
        rows = cohort_rows.earnings(FIRST_HALF)

    assert [(row.month, row.earned) for row in rows] == [
        (0, Earnings(30_000, 10_000, 20_000, 0, 0, payments=1)),
        (1, Earnings(10_000, 10_000, 0, 0, 0, payments=0)),
        (2, Earnings(0, 0, 0, refunded_amount=4_000, disputed_amount=1_000, payments=0)),
    ]


def test_monthly_orders_cover_their_own_month(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    faithful, gone = subscribe(at=month(1)), subscribe(at=month(1, day=31))
    faithful.renew(month(2))
    faithful.renew(month(4))
    gone.renew(month(2, day=28))

    with django_assert_num_queries(3):  # the mirror's unusual prices, and the orders of each side
        assert stretches() == [(0, 1, 2), (1, 2, 2), (3, 4, 1)]


def test_a_yearly_order_covers_twelve_months_and_nobody_counts_twice() -> None:
    subscribe(at=month(1), interval="year").renew(month(13))
    switched = subscribe(at=month(1), interval="year")
    switched.renew(month(4), interval="month")
    switched.renew(month(10), interval="year")

    # The second is covered to month 11 by the year; the later year adds 12 to 20 only.
    assert stretches() == [(0, 12, 2), (12, 21, 1), (12, 24, 1)]


def test_an_order_for_several_intervals_covers_them() -> None:
    quarterly = PriceFactory(stripe_data={"recurring": {"interval": "month", "interval_count": 3}})
    subscribe(at=month(1), plan=quarterly.id)

    assert stretches() == [(0, 3, 1)]


def test_an_order_paid_back_in_full_covers_nothing() -> None:
    buyer, partly, free = (subscribe(at=month(1), discount=discount) for discount in (0, 0, 10_000))
    buyer.pay_back(buyer.first, 6_000, at=month(2))
    buyer.pay_back(buyer.first, 4_000, at=month(2))
    partly.pay_back(partly.first, 9_999, at=month(2))

    # Who owed nothing is a customer all the same.
    assert free.first.net_amount == 0
    assert stretches() == [(0, 1, 2)]


def test_a_second_order_in_one_month_counts_once() -> None:
    subscribe(at=month(1)).renew(month(1, day=16))

    assert stretches() == [(0, 1, 1)]


def test_granted_counts_promo_customers_by_terms(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    quarter = OfferFactory(duration="repeating", duration_in_months=3)
    subscribe(PromoCodeFactory(offer=quarter), at=month(1))
    subscribe(PromoCodeFactory(offer=quarter), at=month(1))
    subscribe(PromoCodeFactory(), at=month(1))
    subscribe(at=month(1))

    with django_assert_num_queries(1):
        rows = cohort_rows.granted(FIRST_HALF)

    assert {(row.side, row.duration, row.duration_in_months, row.customers) for row in rows} == {
        (PROMO, "once", None, 1),
        (PROMO, "repeating", 3, 2),
    }
