"""The page of cohorts: what it says of promo customers and their match."""

import json
from datetime import datetime

import pytest
from django.test import Client

from tests.analytics.builders import redeem
from tests.analytics.pages.conftest import Open
from tests.analytics.subscribers import month, subscribe, subscribe_many
from tests.factories import OfferFactory, PriceFactory, PromoCodeFactory

pytestmark = pytest.mark.django_db
SPAN = {"from": "2026-01-01", "to": "2026-06-30"}


@pytest.fixture
def january(settings: pytest.FixtureRequest) -> None:
    """Thirty on each side: with 20.00 off for three months two thirds stay two months, without half of them."""
    plan = PriceFactory(id="price_monthly", nickname="Team monthly")
    code = PromoCodeFactory(offer=OfferFactory(duration="repeating", duration_in_months=3))
    for subscriber in subscribe_many(30, code, at=month(1), discount=2_000, plan=plan.id)[:20]:
        subscriber.renew(month(2), discount=2_000)
        subscriber.renew(month(3), discount=2_000)
    for subscriber in subscribe_many(30, at=month(1), plan=plan.id)[:15]:
        subscriber.renew(month(2))
        subscriber.renew(month(3))


@pytest.mark.usefixtures("january")
def test_page_compares_promo_customers_with_their_match(opened: Open) -> None:
    page = opened("cohorts", **SPAN)

    assert "USD · Team monthly<" in page
    # (30 + 40) × 80.00 ÷ 30 against (30 + 30) × 100.00 ÷ 30
    assert (
        "In month 2 66.7 % of promo customers still paid, 50.0 % of their match; over 3 months each brought $186.67, "
        "the match $200.00 (uplift −6.7 %, attributed)."
    ) in page
    assert "3 ▲" in page


@pytest.mark.usefixtures("january")
def test_margin_and_fees_count_and_are_shown(opened: Open, settings: pytest.FixtureRequest) -> None:
    settings.FEE_AMOUNTS = {"usd": 100}

    page = opened("cohorts", months="1", **SPAN)

    assert "payment fees 0 % + $1.00 a payment" in page
    assert "Over 1 month each promo customer brought $79.00, the match $99.00" in page
    assert "still paid, " not in page


def test_too_few_customers_get_a_sentence(opened: Open) -> None:
    subscribe(PromoCodeFactory(), at=month(1))

    page = opened("cohorts", **SPAN)

    assert "Too few to compare over 3 months: it takes at least 30 customers" in page
    assert "LTV-3, attributed" in page
    assert "$100.00" not in page


@pytest.mark.usefixtures("january")
def test_too_few_over_many_months_are_compared_over_fewer(opened: Open) -> None:
    page = opened("cohorts", **SPAN, months="12")

    assert "Too few to compare over 12 months" in page
    assert "long enough ago. In month 5 0.0 % of promo customers still paid" in page


def test_who_is_on_neither_side_is_told(opened: Open) -> None:
    subscribe(PromoCodeFactory(), at=month(1))
    redeem(PromoCodeFactory(), customer=subscribe(at=month(1)).customer, at=month(2))

    assert "since they began without a code and took one later: 1." in opened("cohorts", **SPAN)


def test_page_without_promo_customers_says_so(opened: Open) -> None:
    subscribe(at=month(1))

    assert "No customer began with a code in this period." in opened("cohorts", **SPAN)


@pytest.mark.usefixtures("january")
def test_export_has_the_lifetime_values_in_minor_units(signed_in: Client, now: datetime) -> None:
    answer = signed_in.get("/admin/analytics/cohorts/", {**SPAN, "export": "json"})

    (section,) = json.loads(answer.content)["sections"]
    (values,) = (table for table in section["tables"] if table["title"] == "Lifetime value, attributed")
    assert values["rows"][0] == [
        1,
        {"amount": 8_000, "currency": "usd"},
        {"amount": 10_000, "currency": "usd"},
        -0.2,
        30,
        30,
    ]


def test_the_period_before_stands_beside(opened: Open) -> None:
    subscribe_many(30, PromoCodeFactory(), at=month(1), discount=2_000)
    subscribe_many(30, at=month(1))
    subscribe_many(40, PromoCodeFactory(), at=month(11, year=2025), discount=5_000)
    subscribe_many(30, at=month(11, year=2025))

    page = opened("cohorts", **SPAN, months="1")

    assert "40 in the 181 days before" in page
    assert "100.0 % in the 181 days before" in page
    assert "$50.00 in the 181 days before" in page
