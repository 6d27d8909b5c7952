"""Revenue impact on rows whose figures were worked out by hand."""

from datetime import date

import pytest
from pytest_django import DjangoAssertNumQueries

from analytics.measures import revenue
from analytics.measures.revenue import CampaignMoney, Impact, Moved, Orders
from analytics.pages import revenue as page
from analytics.periods import Period
from analytics.selection import Selection
from promos.models import LedgerEntry
from tests.analytics.builders import after, buy, pay_back, redeem, renew, take_more_off
from tests.factories import CampaignFactory, PromoCodeFactory

pytestmark = pytest.mark.django_db
JANUARY = Selection(Period(date(2026, 1, 1), date(2026, 2, 1)))


def test_impact_sums_orders_with_a_code(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    usage = redeem(PromoCodeFactory(), gross=29_950, discount=10_000)
    renew(usage, gross=9_950, discount=0, at=after(5))
    pay_back(usage, 4_000, at=after(6))
    pay_back(usage, 1_000, kind=LedgerEntry.Kind.DISPUTE, at=after(7))
    buy(gross=77_777)

    with django_assert_num_queries(2):
        found = revenue.impact(JANUARY)

    assert found == {"usd": Impact("usd", 39_900, 10_000, 4_000, 1_000, 24_900, 1, 29_950)}
    assert found["usd"].average_discount_amount == 10_000


def test_impact_counts_an_order_with_two_codes_once() -> None:
    order = redeem(PromoCodeFactory(), gross=9_500, discount=2_000)
    take_more_off(order, PromoCodeFactory(), 500)

    row = revenue.impact(JANUARY)["usd"]

    assert (row.gross_amount, row.discount_amount, row.discounted_orders) == (10_000, 2_500, 1)
    assert row.average_discount_amount == 2_500


def test_average_discount_rounds_half_up_and_is_none_over_nothing() -> None:
    assert Impact("usd", discount_amount=5, discounted_orders=2).average_discount_amount == 3
    assert Impact("usd").average_discount_amount is None


def test_orders_are_all_that_was_paid(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    pay_back(redeem(PromoCodeFactory(), gross=1_000, discount=100), 500)
    buy(gross=3_000)
    buy(gross=70, currency="jpy")

    with django_assert_num_queries(1):
        found = revenue.orders(JANUARY)

    assert found == {"jpy": Orders("jpy", 1, 70), "usd": Orders("usd", 2, 4_000)}


def test_over_time_has_every_bucket(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    usage = redeem(PromoCodeFactory(), gross=1_000, discount=100)
    renew(usage, gross=500, discount=0, at=after(0.5))
    pay_back(usage, 300, at=after(2))
    days = Selection(Period(date(2026, 1, 1), date(2026, 1, 4)))

    with django_assert_num_queries(1):
        found = revenue.over_time(days)

    assert found == {
        "usd": [
            Moved(date(2026, 1, 1), 1_500, 100, 1_400),
            Moved(date(2026, 1, 2)),
            Moved(date(2026, 1, 3), 0, 0, -300),
        ]
    }


def test_by_campaign_puts_the_most_given_away_first(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    spring = CampaignFactory(name="Spring")
    redeem(PromoCodeFactory(campaign=spring), gross=1_000, discount=400)
    redeem(PromoCodeFactory(campaign=spring), gross=1_000, discount=100)
    redeem(PromoCodeFactory(), gross=900, discount=300)

    with django_assert_num_queries(1):
        found = revenue.by_campaign(JANUARY)

    assert found == [
        CampaignMoney("usd", spring.pk, "Spring", 2_000, 500, 1_500, 2),
        CampaignMoney("usd", None, "No campaign", 900, 300, 600, 1),
    ]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Impact("usd"), "No order with a code was paid in this period."),
        (
            Impact("usd", gross_amount=500, net_amount=500),
            "Nothing was given away; orders with a code brought $5.00.",
        ),
        (
            Impact("usd", 10_000, 2_000, 0, 0, 8_000, 29, 10_000),
            "$20.00 was given away on orders that brought $80.00; 29 discounted orders are too few for a ratio.",
        ),
        (
            Impact("usd", 9_000, 2_000, 0, 0, 7_001, 30, 9_000),
            "$20.00 was given away on orders that brought $70.01: $3.50 kept for each $1.00 given, attributed.",
        ),
        (
            Impact("jpy", 9_000, 2_000, 0, 0, 7_000, 30, 9_000),
            "¥2,000 was given away on orders that brought ¥7,000: ¥4 kept for each ¥1 given, attributed.",
        ),
    ],
)
def test_sentence_is_computed(found: Impact, said: str) -> None:
    assert page.sentence(found) == said


@pytest.mark.parametrize(
    ("discount", "orders", "shown"), [(0, 40, "—"), (200, 29, "too few"), (200, 30, "$4.00")]
)
def test_net_for_each_one_given_needs_thirty_orders(discount: int, orders: int, shown: str) -> None:
    row = CampaignMoney("usd", None, "No campaign", 1_000, discount, 800, orders)
    assert str(page.per_one(row)) == shown


def test_segment_takes_renewals_and_refunds_along() -> None:
    new = redeem(PromoCodeFactory(), gross=1_000, discount=0, is_new_customer=True)
    renew(new, gross=500, discount=0)
    pay_back(new, 200)
    redeem(PromoCodeFactory(), gross=70, discount=0)

    shown = [
        revenue.impact(Selection(JANUARY.period, segment=segment))["usd"].net_amount
        for segment in ("new", "returning")
    ]

    assert shown == [1_300, 70]
