"""Each question on rows whose figures were worked out by hand."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from pytest_django import DjangoAssertNumQueries

from analytics import queries
from analytics.periods import Period
from analytics.queries import Scope
from promos.models import LedgerEntry, PromoCodeUsage
from tests.analytics.builders import after, buy, pay_back, redeem, renew, take_more_off
from tests.factories import (
    LONG_AGO,
    CampaignFactory,
    CodeCheckFactory,
    CustomerFactory,
    PromoCodeFactory,
    UsageFactory,
)

pytestmark = pytest.mark.django_db
JANUARY = Scope(Period(date(2026, 1, 1), date(2026, 2, 1)))


def test_money_sums_orders_with_a_code(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    usage = redeem(PromoCodeFactory(), gross=29_950, discount=10_000)
    renew(usage, gross=9_950, discount=0, at=after(5))
    pay_back(usage, 4_000, at=after(6))
    pay_back(usage, 500, kind=LedgerEntry.Kind.CREDIT_NOTE, at=after(6))
    pay_back(usage, 1_000, kind=LedgerEntry.Kind.DISPUTE, at=after(7))
    buy(gross=77_777)

    with django_assert_num_queries(2):
        (row,) = queries.money(JANUARY)

    assert row == queries.Money(
        currency="usd",
        gross_amount=39_900,
        discount_amount=10_000,
        refunded_amount=4_500,
        disputed_amount=1_000,
        net_amount=24_400,  # 39,900 − 10,000 − 4,500 − 1,000
        discounted_orders=1,
        discounted_gross_amount=29_950,
    )


def test_money_counts_an_order_with_several_codes_once() -> None:
    campaign = CampaignFactory()
    order = redeem(PromoCodeFactory(campaign=campaign), gross=9_000, discount=1_000)
    second, third = PromoCodeFactory(), PromoCodeFactory(campaign=campaign)
    for code in (second, third):
        take_more_off(order, code, 500)

    of_all = queries.money(JANUARY)[0]
    of_campaign = queries.money(Scope(campaign_id=campaign.pk))[0]
    of_further_codes = queries.money(Scope(promo_code_ids=(second.pk, third.pk)))[0]

    assert (of_all.discounted_orders, of_all.discounted_gross_amount, of_all.discount_amount) == (
        1,
        10_000,
        2_000,
    )
    assert (of_campaign.discounted_orders, of_campaign.discount_amount) == (1, 1_500)
    assert (of_further_codes.discounted_orders, of_further_codes.discount_amount) == (1, 1_000)


def test_money_keeps_currencies_apart() -> None:
    redeem(PromoCodeFactory(), gross=10_000, discount=1_000)
    redeem(PromoCodeFactory(), gross=500, discount=50, currency="jpy")

    rows = queries.money(JANUARY)

    assert [(row.currency, row.net_amount) for row in rows] == [("jpy", 450), ("usd", 9_000)]


def test_money_takes_the_start_of_a_period_and_leaves_its_end() -> None:
    code = PromoCodeFactory()
    redeem(code, gross=1, discount=0, at=datetime(2025, 12, 31, 23, 59, 59, 999999, tzinfo=UTC))
    redeem(code, gross=10, discount=0, at=datetime(2026, 1, 1, tzinfo=UTC))
    redeem(code, gross=100, discount=0, at=datetime(2026, 1, 31, 23, 59, 59, 999999, tzinfo=UTC))
    redeem(code, gross=1_000, discount=0, at=datetime(2026, 2, 1, tzinfo=UTC))

    assert queries.money(JANUARY)[0].gross_amount == 110
    assert queries.redemptions(JANUARY)[0].redemptions == 2


def test_money_of_a_code_and_of_a_campaign() -> None:
    campaign = CampaignFactory()
    first, second = PromoCodeFactory(campaign=campaign), PromoCodeFactory(campaign=campaign)
    redeem(first, gross=1, discount=0)
    redeem(second, gross=10, discount=0)
    redeem(PromoCodeFactory(), gross=100, discount=0)

    assert queries.money(Scope(promo_code_ids=(first.pk,)))[0].gross_amount == 1
    assert queries.money(Scope(campaign_id=campaign.pk))[0].gross_amount == 11
    assert queries.redemptions(Scope(campaign_id=campaign.pk))[0].redemptions == 2


def test_redemptions_count_settled_ones_and_their_customers(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    code, buyer = PromoCodeFactory(), CustomerFactory()
    redeem(code, customer=buyer, is_new_customer=True)
    redeem(code, customer=buyer, status=PromoCodeUsage.Status.REFUNDED)
    redeem(code)
    UsageFactory(promo_code=code, status=PromoCodeUsage.Status.PENDING)
    UsageFactory(promo_code=code, status=PromoCodeUsage.Status.FAILED)

    with django_assert_num_queries(1):
        rows = queries.redemptions(JANUARY)

    assert rows == [queries.Redemptions("usd", redemptions=3, customers=2, new_customer_redemptions=1)]


def test_days_are_those_of_the_site(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    redeem(PromoCodeFactory(), gross=10_000, discount=1_000, at=datetime(2026, 1, 4, 23, 30, tzinfo=UTC))
    berlin = Scope(Period(date(2026, 1, 1), date(2026, 2, 1), ZoneInfo("Europe/Berlin")))

    with django_assert_num_queries(4):
        days = [queries.money_by_day(scope)[0].day for scope in (JANUARY, berlin)]
        counted = [queries.redemptions_by_day(scope)[0].day for scope in (JANUARY, berlin)]

    assert days == counted == [date(2026, 1, 4), date(2026, 1, 5)]


def test_money_by_day_may_be_negative() -> None:
    usage = redeem(PromoCodeFactory(), gross=10_000, discount=1_000)
    pay_back(usage, 9_000, at=after(2))

    assert queries.money_by_day(JANUARY) == [
        queries.DayMoney("usd", date(2026, 1, 1), discount_amount=1_000, net_amount=9_000),
        queries.DayMoney("usd", date(2026, 1, 3), discount_amount=0, net_amount=-9_000),
    ]


def test_redemptions_by_code_puts_the_most_used_first(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    often, seldom, once = (PromoCodeFactory(code=text) for text in ("OFTEN", "SELDOM", "ONCE"))
    for code in (often, often, often, seldom, seldom, once):
        redeem(code)
    redeem(once, currency="eur")

    with django_assert_num_queries(1):
        rows = queries.redemptions_by_code(JANUARY)

    assert [(row.currency, row.code, row.redemptions) for row in rows] == [
        ("eur", "ONCE", 1),
        ("usd", "OFTEN", 3),
        ("usd", "SELDOM", 2),
        ("usd", "ONCE", 1),
    ]


def test_money_by_code_sums_each_code(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    first, second = PromoCodeFactory(code="FIRST"), PromoCodeFactory(code="SECOND")
    renew(redeem(first, gross=100, discount=10), gross=200, discount=20)
    redeem(second, gross=50, discount=50)

    with django_assert_num_queries(1):
        rows = queries.money_by_code(JANUARY)

    assert [(row.code, row.gross_amount, row.discount_amount, row.net_amount) for row in rows] == [
        ("FIRST", 300, 30, 270),
        ("SECOND", 50, 50, 0),
    ]


def test_orders_by_plan_sets_discounted_beside_all(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    usage = redeem(PromoCodeFactory(), plan="price_a")
    renew(usage, gross=10_000, discount=0)
    pay_back(usage, 10_000)
    buy(plan="price_a")
    buy(plan="price_b")

    with django_assert_num_queries(1):
        rows = queries.orders_by_plan(JANUARY)

    assert rows == [
        queries.PlanOrders("usd", "price_a", orders=3, discounted_orders=1),
        queries.PlanOrders("usd", "price_b", orders=1, discounted_orders=0),
    ]


def test_conversion_follows_customers_for_thirty_days(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    code, other = PromoCodeFactory(), PromoCodeFactory()
    soon, late, before, elsewhere = CustomerFactory.create_batch(4)
    for person in (soon, soon, late, before, elsewhere):
        CodeCheckFactory(promo_code=code, customer=person, checked_at=after(5))
    CodeCheckFactory(promo_code=code, customer=CustomerFactory(), checked_at=after(5), reason="expired")
    CodeCheckFactory(promo_code=code, customer=None, checked_at=after(5))
    redeem(code, customer=soon, at=after(34.9))
    redeem(code, customer=late, at=after(35))
    redeem(code, customer=before, at=after(4))
    redeem(other, customer=elsewhere, at=after(6))

    with django_assert_num_queries(1):
        row = queries.conversion(JANUARY)

    assert row == queries.Conversion(entered=4, bought=1)


def test_issued_counts_codes_used_at_least_once(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    campaign = CampaignFactory()
    PromoCodeFactory(archived_at=LONG_AGO, used_count=2, campaign=campaign)
    redeem(PromoCodeFactory(), status=PromoCodeUsage.Status.REFUNDED, is_given_back=True)
    UsageFactory(promo_code=PromoCodeFactory(), status=PromoCodeUsage.Status.FAILED)
    PromoCodeFactory(approved_at=None)

    with django_assert_num_queries(1):
        assert queries.issued() == queries.Issued(codes=3, used=2)
    assert queries.issued(campaign.pk) == queries.Issued(codes=1, used=1)


def test_recent_is_newest_first(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    usage = redeem(PromoCodeFactory(code="NEWS"))
    renew(usage, gross=100, discount=0, at=after(2))
    buy(at=after(3))

    with django_assert_num_queries(1):
        entries = queries.recent(JANUARY, limit=5)
        described = [(entry.kind, entry.usage.promo_code.code, str(entry.customer)) for entry in entries]

    buyer = usage.customer.email
    assert described == [("invoice", "NEWS", buyer), ("checkout", "NEWS", buyer)]


def test_over_limit_is_counted() -> None:
    redeem(PromoCodeFactory(), is_over_limit=True)
    redeem(PromoCodeFactory())

    assert queries.over_limit(JANUARY) == 1
