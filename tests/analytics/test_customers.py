"""Customers by segment, by code and one by one, with figures counted by hand."""

from datetime import date

import pytest
from pytest_django import DjangoAssertNumQueries

from analytics.measures import customers
from analytics.measures.customers import CountryFigures, Favourite, SegmentFigures
from analytics.periods import Period
from analytics.selection import Selection
from promos.models import PromoCode
from tests.analytics.builders import buy, pay_back, redeem, renew
from tests.analytics.subscribers import month
from tests.factories import CodeBatchFactory, CustomerFactory, PromoCodeFactory

pytestmark = pytest.mark.django_db
JANUARY = Selection(Period(date(2026, 1, 1), date(2026, 2, 1)))


def test_segments_part_new_from_returning_by_plan_and_currency(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    code = PromoCodeFactory()
    new = redeem(code, gross=10_000, discount=2_000, is_new_customer=True)
    renew(new, gross=5_000, discount=1_000)
    redeem(code, gross=3_000, discount=500)
    redeem(code, gross=100, discount=10, currency="eur", plan="price_annual")
    buy()

    with django_assert_num_queries(2):
        found = customers.segments(JANUARY)

    assert found == [
        SegmentFigures("eur", "price_annual", False, 1, 1, 100, 10, 90),
        SegmentFigures("usd", "price_monthly", True, 1, 1, 15_000, 3_000, 12_000),
        SegmentFigures("usd", "price_monthly", False, 1, 1, 3_000, 500, 2_500),
    ]


def test_segments_count_a_customer_once() -> None:
    person = CustomerFactory()
    redeem(PromoCodeFactory(), customer=person)
    redeem(PromoCodeFactory(), customer=person)

    (found,) = customers.segments(JANUARY)

    assert (found.redemptions, found.customers) == (2, 1)


def test_uses_pair_codes_with_segments_the_most_first(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    code, other = PromoCodeFactory(code="OFTEN"), PromoCodeFactory(code="SELDOM")
    for is_new in (True, True, False):
        redeem(code, is_new_customer=is_new)
    redeem(other, currency="eur")

    with django_assert_num_queries(2):
        found = customers.uses(JANUARY, limit=1)

    assert [(use.currency, use.name, use.is_new, use.redemptions) for use in found] == [
        ("eur", "SELDOM", False, 1),
        ("usd", "OFTEN", True, 2),
    ]


def test_uses_take_a_batch_as_one() -> None:
    batch = CodeBatchFactory()
    redeem(PromoCodeFactory(batch=batch))
    redeem(PromoCodeFactory(batch=batch))

    (found,) = customers.uses(JANUARY, limit=5)

    assert (found.unit.batch_id, found.redemptions) == (batch.pk, 2)


def test_top_savers_are_ranked_in_each_currency(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    small, big, european = CustomerFactory.create_batch(3)
    code = PromoCodeFactory()
    redeem(code, customer=small, gross=10_000, discount=1_000)
    renew(redeem(code, customer=big, gross=10_000, discount=800), gross=10_000, discount=800)
    redeem(code, customer=european, gross=100, discount=50, currency="eur")
    redeem(code, gross=100, discount=0, currency="gbp")

    with django_assert_num_queries(1):
        found = customers.top_savers(JANUARY, limit=1)

    assert [(row.currency, row.customer_id, row.orders, row.discount_amount) for row in found] == [
        ("eur", european.pk, 1, 50),
        ("usd", big.pk, 2, 1_600),
    ]
    assert found[1].name == big.email


def test_top_savers_are_those_of_the_period() -> None:
    redeem(PromoCodeFactory(), at=month(2))

    assert customers.top_savers(JANUARY, limit=5) == []


def test_an_erased_saver_is_named_by_stripes_id() -> None:
    redeem(PromoCodeFactory(), customer=CustomerFactory(email="", stripe_customer_id="cus_1"))

    assert customers.top_savers(JANUARY, limit=5)[0].name == "cus_1"


def test_totals_are_of_all_that_a_customer_bought(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    person = CustomerFactory()
    usage = redeem(PromoCodeFactory(), customer=person, gross=10_000, discount=2_000, at=month(1))
    pay_back(usage, 3_000, at=month(3))
    buy(customer=person, gross=500, at=month(2))
    redeem(PromoCodeFactory())

    with django_assert_num_queries(1):
        (found,) = customers.totals(person)

    assert (found.orders, found.redemptions) == (2, 1)
    assert (found.gross_amount, found.discount_amount, found.net_amount) == (10_500, 2_000, 5_500)
    assert (found.first_at, found.last_at) == (month(1), month(3))


def test_history_is_told_in_parts_the_newest_first(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    person = CustomerFactory()
    redeem(PromoCodeFactory(code="WELCOME"), customer=person, at=month(1))
    for number in (2, 3):
        buy(customer=person, at=month(number))

    with django_assert_num_queries(2):
        parts = [customers.history(person, start=start, limit=2) for start in (0, 2)]

    assert [entry.occurred_at for part in parts for entry in part] == [month(3), month(2), month(1)]
    assert parts[1][0].usage.promo_code.code == "WELCOME"


def test_countries_part_redemptions_and_money(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    code, vienna = PromoCodeFactory(), CustomerFactory(country="AT")
    renew(
        redeem(code, customer=vienna, gross=10_000, discount=2_000, is_new_customer=True),
        gross=5_000,
        discount=1_000,
    )
    redeem(code, customer=vienna, gross=3_000, discount=500)
    redeem(code, customer=CustomerFactory(), gross=100, discount=10)
    redeem(code, customer=None, gross=200, discount=20)

    with django_assert_num_queries(2):
        found = customers.countries(JANUARY)

    # Whoever said nothing and who is nobody's row are together.
    assert found == [
        CountryFigures("usd", "AT", 2, 1, 1, 18_000, 3_500, 14_500),
        CountryFigures("usd", "", 2, 1, 0, 300, 30, 270),
    ]


def test_favourite_is_the_code_that_a_country_uses_most(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for text, country, times in (("SERVUS", "AT", 2), ("GRUEZI", "AT", 1), ("GRUEZI", "CH", 1)):
        code = PromoCode.objects.filter(code=text).first() or PromoCodeFactory(code=text)
        for _ in range(times):
            redeem(code, customer=CustomerFactory(country=country))

    with django_assert_num_queries(2):
        found = customers.favourites_of_countries(JANUARY)

    assert found == {("usd", "AT"): Favourite("SERVUS", 2), ("usd", "CH"): Favourite("GRUEZI", 1)}


def test_country_narrows_redemptions_entries_and_orders() -> None:
    vienna = CustomerFactory(country="AT")
    redeem(PromoCodeFactory(), customer=vienna)
    buy(customer=vienna)
    redeem(PromoCodeFactory(), customer=CustomerFactory(country="CH"))

    chosen = Selection(JANUARY.period, country="AT")

    assert [rows.count() for rows in (chosen.usages(), chosen.entries(), chosen.orders())] == [1, 1, 2]
