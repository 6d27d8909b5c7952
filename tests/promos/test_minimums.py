"""Smallest orders in several currencies, which only Stripe's dashboard sets."""

from datetime import datetime

import pytest

from promos import eligibility, stripe_gateway
from promos.models import PromoCode
from promos.plans import Plan
from promos.standin.server import Standin
from promos.sync import pull
from promos.sync.drift import doctor
from tests.factories import PromoCodeFactory
from tests.promos import sides
from tests.standin.dashboard import Dashboard

pytestmark = pytest.mark.django_db

MINIMUMS = {"usd": 5_000, "eur": 4_500}


@pytest.fixture
def code(dashboard: Dashboard, now: datetime) -> PromoCode:
    """Made in the dashboard, and taken over."""
    restrictions = {
        "minimum_amount": 5_000,
        "minimum_amount_currency": "usd",
        "currency_options": {"eur": {"minimum_amount": 4_500}},
    }
    found = dashboard.create_code(dashboard.create_coupon().id, "BIG", restrictions=restrictions)
    pull.promotion_code(found.id, now=now)
    return PromoCode.objects.get()


def minimums_at_stripe(code: PromoCode) -> dict[str, int]:
    found = stripe_gateway.retrieve_promotion_code(sides.stripe_id(code))
    options = found["restrictions"]["currency_options"]
    return {currency: option["minimum_amount"] for currency, option in options.items()}


def test_minimums_in_every_currency_are_taken_over(code: PromoCode, now: datetime) -> None:
    assert (code.minimum_amount, code.minimum_amount_currency) == (5_000, "usd")
    assert code.minimums == sides.current(code).synced_terms["minimums"] == MINIMUMS
    assert code.sync_status == "synced"
    assert doctor.run(is_repairing=False, now=now).findings.count() == 0


def test_successor_keeps_them(code: PromoCode, now: datetime) -> None:
    code.max_redemptions = 7
    code.save()
    sides.push_all(now)
    assert sides.current(code).generation == 2
    assert minimums_at_stripe(code) == MINIMUMS


def test_without_a_smallest_order_none_is_left(code: PromoCode, now: datetime) -> None:
    code.minimum_amount, code.minimum_amount_currency = None, ""
    code.save()
    sides.push_all(now)
    assert (code.minimums, sides.current(code).synced_terms["minimums"]) == ({}, {})


def test_another_main_currency_is_not_doubled() -> None:
    code = PromoCodeFactory.build(minimum_amount=4_000, minimum_amount_currency="eur")
    code.minimum_currency_amounts = {"eur": 4_500, "gbp": 3_500}
    assert list(code.minimums.items()) == [("eur", 4_000), ("gbp", 3_500)]


@pytest.mark.parametrize(
    ("currency", "amount", "reason"),
    [("eur", 4_500, None), ("eur", 4_499, "minimum_not_met"), ("gbp", 9_000, "currency_not_covered")],
)
def test_each_currency_has_its_own_smallest_order(
    standin: Standin, code: PromoCode, now: datetime, currency: str, amount: int, reason: str | None
) -> None:
    plan = Plan("price_1", "prod_1", "Team", currency, amount, "month", None)
    verdict = eligibility.check("BIG", customer=None, plan=plan, now=now)
    assert (verdict.reason and verdict.reason.value) == reason
