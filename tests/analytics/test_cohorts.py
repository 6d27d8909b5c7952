"""Promo customers against their match, with figures worked out by hand."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from pytest_django import DjangoAssertNumQueries

from analytics.economics import Assumptions
from analytics.measures import cohort_days, cohort_rows, cohorts
from analytics.measures.cohorts import Comparison
from analytics.periods import Period
from analytics.selection import Selection
from tests.analytics.subscribers import Subscriber, month, subscribe, subscribe_many
from tests.factories import OfferFactory, PromoCodeFactory

pytestmark = pytest.mark.django_db
FIRST_HALF = Selection(Period(date(2026, 1, 1), date(2026, 7, 1)))


def compare(at: int = 4) -> Comparison:
    (found,) = compare_all(at)
    return found


def compare_all(at: int) -> list[Comparison]:
    lives, granted = cohort_days.read(FIRST_HALF), cohort_rows.granted(FIRST_HALF)
    return cohorts.compare(FIRST_HALF, lives, granted, now=month(at))


def renew(subscribers: list[Subscriber], *months: int) -> None:
    for subscriber in subscribers:
        for number in months:
            subscriber.renew(month(number))


def test_retention_sets_both_sides_of_a_month_side_by_side(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    renew(subscribe_many(30, PromoCodeFactory(), at=month(1), discount=5_000)[:15], 2, 3)
    renew(subscribe_many(40, at=month(1))[:30], 2)

    with django_assert_num_queries(
        13
    ):  # what changed and is kept: 3; of the ledger: 8; the discounts' terms: 2
        found = compare()

    assert [str(share) for share in found.retention(0)] == ["100.0 %", "100.0 %"]
    assert [str(share) for share in found.retention(1)] == ["50.0 %", "75.0 %"]
    assert [str(share) for share in found.retention(2)] == ["50.0 %", "0.0 %"]


def test_retention_of_a_month_that_is_not_over_says_too_few() -> None:
    subscribe_many(30, PromoCodeFactory(), at=month(1))
    subscribe_many(30, at=month(1))

    assert [str(share) for share in compare(at=2).retention(1)] == ["too few", "too few"]
    assert str(compare(at=3).retention(1)[0]) == "0.0 %"


def test_value_is_what_each_customer_left_over() -> None:
    renew(subscribe_many(30, PromoCodeFactory(), at=month(1), discount=5_000), 2)
    renew(subscribe_many(30, at=month(1))[:15], 2)

    value = compare().value(2, Assumptions())

    # 10,000 − 5,000 + 10,000 against 10,000 + half of 10,000
    assert value is not None
    assert (value.promo, value.rest) == (Fraction(15_000), Fraction(15_000))
    assert str(value.uplift) == "0.0 %"


def test_value_takes_margin_fees_and_money_paid_back_in_time() -> None:
    promo = subscribe_many(30, PromoCodeFactory(), at=month(1), discount=2_000)
    subscribe_many(30, at=month(1))
    promo[0].pay_back(promo[0].first, 3_000, at=month(2))
    promo[1].pay_back(promo[1].first, 8_000, at=month(4))

    value = compare(at=6).value(3, Assumptions(Decimal("0.8"), Decimal("0.01"), {"usd": 20}))

    # Promo: 30 × (8,000 − 2,000 − 80 − 20) − 3,000 in time; rest: 8,000 − 100 − 20.
    assert value is not None
    assert (value.promo, value.rest) == (Fraction(30 * 5_900 - 3_000, 30), Fraction(7_880))
    assert str(value.uplift) == "−26.4 %"  # 5,800 ÷ 7,880 − 1


@pytest.mark.parametrize(("promo", "rest"), [(29, 40), (40, 29)])
def test_fewer_than_thirty_on_either_side_are_too_few(promo: int, rest: int) -> None:
    subscribe_many(promo, PromoCodeFactory(), at=month(1))
    subscribe_many(rest, at=month(1))

    found = compare()

    assert found.value(1, Assumptions()) is None
    assert [str(share) for share in found.retention(0)] == ["too few", "too few"]


def test_a_match_has_the_same_plan_and_currency() -> None:
    subscribe_many(30, PromoCodeFactory(), at=month(1))
    subscribe_many(30, at=month(1), plan="price_other")
    subscribe_many(30, at=month(1), currency="eur")

    found = compare_all(4)

    assert [each.value(1, Assumptions()) for each in found] == [None, None, None]


def test_a_cohort_too_young_for_a_value_is_left_out() -> None:
    for number in (1, 3):
        subscribe_many(30, PromoCodeFactory(), at=month(number))
        subscribe_many(30, at=month(number), gross=20_000)

    found = compare(at=5)

    values = [found.value(months, Assumptions()) for months in (2, 3, 4, 5)]
    assert [value and value.promo_customers for value in values] == [60, 30, 30, None]


def test_several_months_weigh_the_match_by_the_promo_customers() -> None:
    # January 30 against 30 of 10,000; February 60 against 30 of 4,000.
    subscribe_many(30, PromoCodeFactory(), at=month(1), gross=9_000)
    subscribe_many(30, at=month(1))
    subscribe_many(60, PromoCodeFactory(), at=month(2), gross=9_000)
    subscribe_many(30, at=month(2), gross=4_000)

    value = compare().value(1, Assumptions())

    # (30 × 10,000 + 60 × 4,000) ÷ 90, where an unweighed mean would say 7,000
    assert value is not None
    assert (value.promo, value.rest) == (Fraction(9_000), Fraction(6_000))
    assert str(value.uplift) == "50.0 %"


def test_uplift_over_a_match_that_brought_nothing_says_nothing() -> None:
    subscribe_many(30, PromoCodeFactory(), at=month(1))
    subscribe_many(30, at=month(1), gross=0)

    value = compare().value(1, Assumptions())

    assert value is not None
    assert str(value.uplift) == "—"


def test_the_month_of_a_discounts_end_is_counted() -> None:
    quarter = PromoCodeFactory(offer=OfferFactory(duration="repeating", duration_in_months=3))
    forever = PromoCodeFactory(offer=OfferFactory(duration="forever"))
    for code in (quarter, quarter, forever, PromoCodeFactory()):
        subscribe(code, at=month(1))

    assert compare().discount_ends == {1: 1, 3: 2}


@pytest.mark.parametrize(
    ("duration", "months", "covered", "expected"),
    [
        ("once", None, 1, 1),
        ("once", None, 12, 12),
        ("repeating", 3, 1, 3),
        ("repeating", 3, 12, 12),
        ("repeating", 13, 12, 24),
        ("repeating", 4, 3, 6),
        ("forever", None, 1, None),
    ],
)
def test_first_full_month_follows_the_payments(
    duration: str, months: int | None, covered: int, expected: int | None
) -> None:
    assert cohorts.first_full_month(duration, months, covered=covered) == expected


def test_refunds_set_promo_customers_against_the_rest() -> None:
    promo = subscribe_many(30, PromoCodeFactory(), at=month(1), discount=5_000)
    rest = subscribe_many(40, at=month(1))
    promo[0].pay_back(promo[0].first, 5_000, at=month(2))
    rest[0].pay_back(rest[0].first, 10_000, at=month(2))
    rest[1].pay_back(rest[1].first, 10_000, at=month(2), kind="dispute")

    (found,) = cohorts.refunds([compare()])

    # 5,000 ÷ 150,000 against 10,000 ÷ 400,000; a dispute is no refund
    assert (str(found.promo), str(found.rest)) == ("3.3 %", "2.5 %")
