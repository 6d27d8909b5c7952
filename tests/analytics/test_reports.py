from datetime import date

import pytest
from pytest_django import DjangoAssertNumQueries

from analytics import reports
from analytics.formulas import Ratio
from analytics.periods import Period
from analytics.queries import Scope
from tests.analytics.builders import after, buy, pay_back, redeem, renew
from tests.factories import CampaignFactory, PriceFactory, PromoCodeFactory

pytestmark = pytest.mark.django_db
JANUARY = Period(date(2026, 1, 1), date(2026, 2, 1))


def test_overview_puts_a_period_beside_the_one_before() -> None:
    code = PromoCodeFactory()
    redeem(code, gross=1_000, discount=100)
    redeem(code, gross=500, discount=200, at=after(-1))
    redeem(code, gross=9_000, discount=0, at=after(-32))

    (section,) = reports.overview(JANUARY, now=after(20)).sections

    assert (section.now.money.gross_amount, section.before.money.gross_amount) == (1_000, 500)
    assert (section.now.redemptions.redemptions, section.before.redemptions.redemptions) == (1, 1)


def test_overview_keeps_currencies_apart_the_busiest_first() -> None:
    code = PromoCodeFactory()
    redeem(code, gross=1, discount=0, currency="eur")
    redeem(code, gross=10, discount=0)
    redeem(code, gross=100, discount=0)

    sections = reports.overview(JANUARY, now=after(20)).sections

    assert [(one.currency, one.now.money.gross_amount) for one in sections] == [("usd", 110), ("eur", 1)]
    assert [len(one.top_codes) for one in sections] == [1, 1]


def test_overview_takes_the_same_queries_for_any_number_of_codes_and_currencies(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for currency in ("usd", "eur", "jpy"):
        for code in PromoCodeFactory.create_batch(4):
            redeem(code, currency=currency)

    with django_assert_max_num_queries(30):
        assert len(reports.overview(JANUARY, now=after(20)).sections) == 3


def test_overview_of_nothing_is_empty() -> None:
    overview = reports.overview(JANUARY, now=after(20))

    assert (overview.sections, overview.recent, overview.has_codes) == ([], [], False)
    assert str(overview.conversion) == str(overview.codes_used) == "—"


def test_points_have_no_gap_and_add_up() -> None:
    usage = redeem(PromoCodeFactory(), gross=1_000, discount=100)
    renew(usage, gross=500, discount=50, at=after(0.5))
    pay_back(usage, 200, at=after(30))

    points = reports.overview(JANUARY, now=after(31)).sections[0].points

    assert len(points) == 31
    assert points[0] == reports.Point(date(2026, 1, 1), redemptions=1, discount_amount=150, net_amount=1_350)
    assert points[30] == reports.Point(date(2026, 1, 31), net_amount=-200)
    assert sum(point.redemptions for point in points) == 1


def test_points_of_a_long_period_are_weeks() -> None:
    code = PromoCodeFactory()
    for day in (5, 6, 12):  # Tuesday and Wednesday, then the Tuesday after
        redeem(code, at=after(day))

    quarter = Period(date(2026, 1, 1), date(2026, 4, 1))
    points = reports.overview(quarter, now=after(31)).sections[0].points

    assert [(one.day, one.redemptions) for one in points if one.redemptions] == [
        (date(2026, 1, 5), 2),
        (date(2026, 1, 12), 1),
    ]


def test_codes_hold_renewals_of_codes_not_redeemed_in_the_period() -> None:
    old, fresh = PromoCodeFactory(code="OLD"), PromoCodeFactory(code="FRESH")
    renew(redeem(old, at=after(-40)), gross=700, discount=70)
    redeem(fresh, gross=300, discount=30)

    rows = reports.codes(Scope(JANUARY))

    assert [(row.code, row.redemptions, row.gross_amount, row.net_amount) for row in rows] == [
        ("FRESH", 1, 300, 270),
        ("OLD", 0, 700, 630),
    ]


def test_codes_of_a_campaign_leave_out_the_others() -> None:
    campaign = CampaignFactory()
    redeem(PromoCodeFactory(code="MINE", campaign=campaign))
    redeem(PromoCodeFactory(code="OTHER"))

    assert [row.code for row in reports.codes(Scope(campaign_id=campaign.pk))] == ["MINE"]


def test_plans_are_named_and_set_beside_all() -> None:
    price = PriceFactory(nickname="Team monthly")
    redeem(PromoCodeFactory(), plan=price.id)
    buy(plan=price.id)
    buy(plan="price_gone")

    plans = reports.overview(JANUARY, now=after(20)).sections[0].plans

    assert plans == [reports.Plan("Team monthly", 2, 1), reports.Plan("price_gone", 1, 0)]


def test_rates_are_over_discounted_orders() -> None:
    code = PromoCodeFactory()
    for _ in range(30):
        redeem(code, gross=1_000, discount=250, is_new_customer=True)
    redeem(code, gross=99_999, discount=0)

    figures = reports.figures(Scope(JANUARY))["usd"]

    assert str(figures.discount_rate) == "25.0 %"
    assert figures.new_customer_share == Ratio(30, 31)
