"""Where each rule begins: the last order, use and purchase that it lets through, and the first that it does not."""

from datetime import datetime, timedelta

import pytest

from promos import eligibility, plans
from promos.eligibility import Reason
from promos.models import Customer, PromoCode
from promos.plans import Plan
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def plan() -> Plan:
    factories.PriceFactory(id="price_monthly", amount=10_000)
    found = plans.get("price_monthly")
    assert found is not None
    return found


def refusal(code: PromoCode, customer: Customer, plan: Plan, now: datetime) -> Reason | None:
    return eligibility.check(code.code, customer=customer, plan=plan, now=now).reason


@pytest.mark.parametrize(("minimum", "reason"), [(10_000, None), (10_001, Reason.MINIMUM_NOT_MET)])
def test_order_of_exactly_the_minimum_is_enough(
    minimum: int, reason: Reason | None, plan: Plan, customer: Customer, now: datetime
) -> None:
    code = factories.PromoCodeFactory(minimum_amount=minimum, minimum_amount_currency="usd")
    assert refusal(code, customer, plan, now) == reason


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        ({"expires_at": 0}, Reason.EXPIRED),
        ({"expires_at": 1}, None),
        ({"starts_at": 0}, None),
        ({"starts_at": 1}, Reason.NOT_STARTED),
    ],
    ids=str,
)
def test_code_works_from_its_start_until_its_end(
    times: dict[str, int], reason: Reason | None, plan: Plan, customer: Customer, now: datetime
) -> None:
    moments = {name: now + timedelta(seconds=seconds) for name, seconds in times.items()}
    assert refusal(factories.PromoCodeFactory(**moments), customer, plan, now) == reason


def test_purchase_without_a_code_ends_the_first_time(plan: Plan, customer: Customer, now: datetime) -> None:
    code = factories.PromoCodeFactory(first_time_only=True)
    assert refusal(code, customer, plan, now) is None
    factories.LedgerEntryFactory(customer=customer)
    assert refusal(code, customer, plan, now) == Reason.NOT_FIRST_PURCHASE


def test_customer_may_use_a_code_as_often_as_allowed(plan: Plan, customer: Customer, now: datetime) -> None:
    code = factories.PromoCodeFactory(max_redemptions_per_customer=2)
    factories.UsageFactory(promo_code=code, customer=customer)
    factories.UsageFactory(promo_code=code, customer=customer, status="refunded", is_given_back=True)
    assert refusal(code, customer, plan, now) is None
    factories.UsageFactory(promo_code=code, customer=customer)
    assert refusal(code, customer, plan, now) == Reason.CUSTOMER_LIMIT


def test_code_of_ones_own_goes_before_everybodys_and_both_before_anothers(customer: Customer) -> None:
    anothers = factories.PromoCodeFactory(code="SAME", customer=factories.CustomerFactory())
    everybodys = factories.PromoCodeFactory(code="SAME")
    own = factories.PromoCodeFactory(code="SAME", customer=customer)
    assert eligibility.find("same", customer=customer) == own
    assert eligibility.find("same", customer=None) == everybodys
    PromoCode.objects.exclude(pk=anothers.pk).delete()
    assert eligibility.find("same", customer=customer) == anothers
