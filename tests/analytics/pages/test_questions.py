"""The owner's questions, each answered by a sentence whose numbers are computed."""

from datetime import datetime, timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from analytics.pages import questions
from tests.analytics.builders import buy, redeem
from tests.analytics.pages.conftest import Open
from tests.factories import CodeCheckFactory, PriceFactory, PromoCodeFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def trade(now: datetime) -> None:
    """Thirty redemptions of LAUNCH, two thirds by new customers, and ten sales without a code."""
    PriceFactory(id="price_team", product__title="Team")
    launch = PromoCodeFactory(code="LAUNCH", max_redemptions=36, used_count=30)
    for number in range(30):
        usage = redeem(
            launch, gross=10_000, discount=2_000, at=now, plan="price_team", is_new_customer=number % 3 > 0
        )
        CodeCheckFactory(promo_code=launch, customer=usage.customer, checked_at=now - timedelta(minutes=1))
    CodeCheckFactory.create_batch(2, promo_code=launch, reason="expired", checked_at=now)
    for _ in range(10):
        buy(plan="price_solo", at=now)
    PromoCodeFactory(code="IDLE", expires_at=now + timedelta(days=9))


@pytest.mark.usefixtures("trade")
def test_questions_are_answered_with_computed_numbers(opened: Open) -> None:
    page = opened("questions")

    for said in (
        "LAUNCH drives the most revenue: $2,400.00 net with 30 redemptions, 100.0 % of all net revenue",
        "$600.00 was given away on orders that brought $2,400.00: $4.00 kept for each $1.00 given",
        "30 of 30 customers who entered a code validly bought with it within 30 days: 100.0 %",
        "Team, monthly is the most popular with discounted customers: 30 of 30 discounted orders (100.0 %), against",
        "Never used: 1; about to expire, within 30 days: 1; about to run out, at least 80 % used up: 1.",
        "new customers use LAUNCH most (20)",
    ):
        assert said in page
    assert [question.text for question in questions.QUESTIONS if question.text not in page] == []


def test_questions_without_trade_say_so(opened: Open) -> None:
    page = opened("questions")

    assert page.count("Nothing in this period.") >= 3
    assert "Nobody entered a code validly in this period." in page


@pytest.mark.usefixtures("trade")
def test_answers_of_several_currencies_stay_apart(opened: Open, now: datetime) -> None:
    redeem(PromoCodeFactory(code="EURO"), gross=500, discount=100, currency="eur", at=now)

    page = opened("questions")

    assert "USD: LAUNCH drives the most revenue" in page
    assert "EUR: EURO drives the most revenue: €4.00 net with 1 redemption." in page


@pytest.mark.usefixtures("trade")
def test_questions_lead_on_with_the_same_filters(opened: Open) -> None:
    page = opened("questions", days="7", currency="usd")

    assert 'href="/admin/analytics/funnel/?days=7&currency=usd"' in page


@pytest.mark.usefixtures("trade")
def test_questions_ask_a_bounded_number_of_queries(
    opened: Open, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(45):
        opened("questions")
