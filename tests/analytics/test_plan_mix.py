"""Plans and codes on rows whose figures were worked out by hand."""

from dataclasses import replace
from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from analytics import blocks, kept
from analytics.measures import plan_mix, plan_names, revenue
from analytics.measures.plan_mix import CodePlans, PlanOrders
from analytics.measures.revenue import Orders
from analytics.measures.units import Unit
from analytics.pages import plans as page
from analytics.periods import Period
from analytics.selection import Selection
from promos.models import LedgerEntry
from tests.analytics.builders import buy, pay_back, redeem, renew, take_more_off
from tests.factories import CampaignFactory, PriceFactory, PromoCodeFactory

pytestmark = pytest.mark.django_db
MOST_POPULAR = "Team is the most popular with discounted customers:"
JANUARY = Selection(Period(date(2026, 1, 1), date(2026, 2, 1)), currency="usd")


def test_orders_set_discounted_beside_all(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    usage = redeem(PromoCodeFactory(), gross=1_000, discount=300, plan="price_a")
    renew(usage, gross=1_000, discount=0)
    pay_back(usage, 500)
    buy(gross=400, plan="price_b")

    with django_assert_num_queries(1):
        found = plan_mix.orders(JANUARY)

    assert found == [
        PlanOrders("usd", "price_a", 2, 1, 2_000, 300),
        PlanOrders("usd", "price_b", 1, 0, 400, 0),
    ]


@pytest.mark.parametrize("is_kept", [True, False])
def test_an_order_with_two_codes_is_one_order(is_kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = CampaignFactory()
    order = redeem(PromoCodeFactory(), gross=750, discount=300, plan="price_a")
    take_more_off(order, PromoCodeFactory(campaign=campaign), 250)
    monkeypatch.setattr(kept, "is_exact", lambda period: is_kept)

    assert plan_mix.orders(JANUARY) == [PlanOrders("usd", "price_a", 1, 1, 1_000, 550)]
    assert revenue.orders(JANUARY) == {"usd": Orders("usd", 1, 1_000)}
    of_campaign = plan_mix.orders(replace(JANUARY, campaign_id=campaign.pk))
    assert of_campaign == [PlanOrders("usd", "price_a", 1, 1, 1_000, 250)]


def test_orders_of_new_customers_are_first_orders() -> None:
    renew(redeem(PromoCodeFactory(), gross=1_000, discount=300, plan="price_a"), gross=1_000, discount=0)
    LedgerEntry.objects.filter(kind="checkout").update(is_new_customer=True)

    with CaptureQueriesContext(connection) as asked:
        found = plan_mix.orders(replace(JANUARY, segment="new"))

    assert found == [PlanOrders("usd", "price_a", 1, 1, 1_000, 300)]
    # For a distinct count PostgreSQL sorts every order of the period.
    assert "DISTINCT" not in asked[0]["sql"]


def test_orders_of_a_campaign_stand_against_all() -> None:
    campaign = CampaignFactory()
    redeem(PromoCodeFactory(campaign=campaign), gross=1_000, discount=300, plan="price_a")
    redeem(PromoCodeFactory(), gross=1_000, discount=100, plan="price_a")

    found = plan_mix.orders(replace(JANUARY, campaign_id=campaign.pk))

    assert found == [PlanOrders("usd", "price_a", 2, 1, 2_000, 300)]


def test_by_code_crosses_the_most_redeemed_with_plans(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    often, seldom, once = (PromoCodeFactory(code=text) for text in ("OFTEN", "SELDOM", "ONCE"))
    for code, plan in ((often, "a"), (often, "a"), (often, "b"), (seldom, "b"), (seldom, "b"), (once, "a")):
        redeem(code, plan=plan)

    with django_assert_num_queries(3):
        found = plan_mix.by_code(JANUARY, limit=2)

    assert found == [
        CodePlans(Unit(often.pk), "OFTEN", {"a": 2, "b": 1}),
        CodePlans(Unit(seldom.pk), "SELDOM", {"b": 2}),
    ]


def test_plans_are_called_by_name_and_interval(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    named = PriceFactory(nickname="Team", interval="year")
    plain = PriceFactory(product__title="Solo", interval="day")
    once = PriceFactory(product__title="Setup", interval=None)

    with django_assert_num_queries(1):
        found = plan_names.of([named.id, plain.id, once.id, "price_gone", ""])

    assert [found[key] for key in (named.id, plain.id, once.id, "price_gone", "")] == [
        "Team, yearly",
        "Solo, daily",
        "Setup",
        "price_gone",
        "No plan",
    ]


@pytest.mark.parametrize(
    ("discounted", "said"),
    [
        ((0, 0), "No order had a discount in this period."),
        (
            (19, 10),
            f"{MOST_POPULAR} 19 of 29 discounted orders, too few for a percentage.",
        ),
        (
            (20, 10),
            f"{MOST_POPULAR} 20 of 30 discounted orders (66.7 %), against 40.0 % of all orders.",
        ),
    ],
)
def test_sentence_is_computed(discounted: tuple[int, int], said: str) -> None:
    orders = [
        PlanOrders("usd", "a", 40, discounted[0], 0, 0),
        PlanOrders("usd", "b", 60, discounted[1], 0, 0),
    ]
    assert page.sentence(orders, {"a": "Team", "b": "Solo"}) == said


@pytest.mark.parametrize(("number", "level"), [(0, 0), (1, 1), (20, 1), (21, 2), (80, 4), (81, 5), (100, 5)])
def test_heat_is_from_nothing_to_the_most(number: int, level: int) -> None:
    assert blocks.heat(number, 100).level == level


def test_plan_whose_name_tells_its_interval_is_called_by_its_name() -> None:
    told = [PriceFactory(nickname="Team monthly"), PriceFactory(nickname="Annual plan", interval="year")]
    untold = PriceFactory(nickname="Team annual", interval="month")

    found = plan_names.of(price.id for price in [*told, untold])

    assert [found[price.id] for price in told] == ["Team monthly", "Annual plan"]
    assert found[untold.id] == "Team annual, monthly"
