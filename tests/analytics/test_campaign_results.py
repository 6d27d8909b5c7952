"""What a campaign cost and brought, with figures worked out by hand."""

from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from pytest_django import DjangoAssertNumQueries

from analytics.economics import Assumptions
from analytics.measures import campaign_results
from analytics.measures.campaign_results import Result
from analytics.periods import Period
from analytics.selection import Selection
from promos.models import Campaign
from tests.analytics.builders import redeem
from tests.analytics.subscribers import month, subscribe, subscribe_many
from tests.factories import CampaignFactory, CodeBatchFactory, PromoCodeFactory

pytestmark = pytest.mark.django_db
MARCH = Selection(Period(date(2026, 3, 1), date(2026, 4, 1)))


def of(campaign: Campaign, **fields: object) -> PromoCodeFactory:
    return PromoCodeFactory(campaign=campaign, **fields)


def only(chosen: Selection = MARCH) -> Result:
    (result,) = campaign_results.results(chosen)
    return result


@pytest.fixture
def spring() -> Campaign:
    """Thirty redemptions of 100.00 less 20.00 in January, a renewal of all in March; 1,500.00 fixed cost."""
    campaign = CampaignFactory(name="Spring", currency="usd", fixed_cost_amount=150_000)
    for subscriber in subscribe_many(30, of(campaign), at=month(1), discount=2_000):
        subscriber.renew(month(3))
    return campaign


def test_results_are_of_the_campaigns_whole_life(
    spring: Campaign, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(4):
        result = only()

    assert (result.redemptions, result.customers, result.discounted_orders) == (30, 30, 30)
    assert result.earned.gross_amount == 600_000
    assert result.promotion_cost_amount == 210_000  # 60,000 + 150,000
    assert result.gross_by_month == {0: 300_000, 2: 300_000}


def test_roi_sets_profit_against_discount_and_fixed_cost(spring: Campaign) -> None:
    assert only().profit(Assumptions()) == 540_000
    assert str(only().roi(Assumptions())) == "185.7 %"  # (540,000 − 150,000) ÷ 210,000
    assert str(only().roi(Assumptions(Decimal("0.3")))) == "−14.3 %"  # (120,000 − 150,000) ÷ 210,000


def test_break_even_lift_is_of_discounted_orders(spring: Campaign) -> None:
    assert str(only().break_even_lift(Assumptions())) == "25.0 %"  # 0.2 ÷ 0.8
    assert str(only().break_even_lift(Assumptions(Decimal("0.5")))) == "66.7 %"
    assert only().break_even_lift(Assumptions(Decimal("0.2"))) is None


@pytest.mark.parametrize(("margin", "expected"), [("1", 0), ("0.7", 0), ("0.6", 2), ("0.3", None)])
def test_payback_is_the_month_in_which_the_cost_is_back(
    spring: Campaign, margin: str, expected: int | None
) -> None:
    # 210,000 cost; 300,000 in month 0 and as much in month 2.
    assert only().payback_month(Assumptions(Decimal(margin))) == expected


def test_fewer_than_thirty_redemptions_are_too_few() -> None:
    subscribe_many(29, of(CampaignFactory()), at=month(3), discount=2_000)

    assert str(only().roi(Assumptions())) == "too few"


def test_currencies_stay_apart_and_the_fixed_cost_is_in_one() -> None:
    campaign = CampaignFactory(currency="usd", fixed_cost_amount=5_000)
    redeem(of(campaign), at=month(3))
    redeem(of(campaign), at=month(3), currency="eur")

    results = campaign_results.results(MARCH)

    assert [(each.currency, each.promotion_cost_amount) for each in results] == [
        ("eur", 2_000),
        ("usd", 7_000),
    ]
    eur = Selection(MARCH.period, currency="eur")
    assert [each.currency for each in campaign_results.results(eur)] == ["eur"]


def test_a_campaign_without_an_order_in_the_period_is_not_shown() -> None:
    first, second = CampaignFactory(), CampaignFactory()
    redeem(of(first), at=month(2))
    redeem(of(second), at=month(3))
    redeem(PromoCodeFactory(), at=month(3))

    assert [each.campaign_id for each in campaign_results.results(MARCH)] == [second.pk]
    chosen = Selection(MARCH.period, campaign_id=first.pk)
    assert campaign_results.results(chosen) == []


def test_money_paid_back_lowers_the_profit() -> None:
    buyer = subscribe(of(CampaignFactory()), at=month(3), discount=2_000)
    buyer.pay_back(buyer.first, 3_000, at=month(4))
    buyer.pay_back(buyer.first, 1_000, at=month(4), kind="dispute")

    assert only().profit(Assumptions()) == 4_000


def test_codes_of_one_batch_count_for_their_own_campaigns() -> None:
    batch, first, second = CodeBatchFactory(), CampaignFactory(), CampaignFactory()
    redeem(of(first, batch=batch), at=month(3))
    redeem(of(second, batch=batch), at=month(2))

    assert [each.campaign_id for each in campaign_results.results(MARCH)] == [first.pk]
    berlin = Period(MARCH.period.first_day, MARCH.period.end_day, ZoneInfo("Europe/Berlin"))
    assert [each.campaign_id for each in campaign_results.results(Selection(berlin))] == [first.pk]
