"""32 buyers at once for what is left: exactly as many checkouts are opened as there is left for."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import F

from analytics import verification
from promos import redemptions
from promos.eligibility import Reason
from promos.models import Campaign, CheckoutAttempt, Customer, PromoCode
from tests.crowd import at_once
from tests.factories import CampaignFactory, CustomerFactory, SyncedPromoCodeFactory
from tests.promos.stripe_orders import session

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.race]

BUYERS = 32
NOW = datetime(2026, 5, 1, tzinfo=UTC)


def attempt(customer: Customer, code: PromoCode) -> CheckoutAttempt:
    return CheckoutAttempt(
        customer=customer,
        promo_code=PromoCode.objects.select_related("campaign").get(pk=code.pk),
        plan="price_monthly",
        currency="usd",
        held_amount=1_000,
        created_at=NOW,
        expires_at=NOW + timedelta(minutes=30),
    )


def sold(buy: Callable[[Customer], object], buyers: list[Customer]) -> int:
    """Let everybody buy at the same moment and return how many could."""

    def one(buyer: Customer) -> bool:
        try:
            buy(buyer)
        except redemptions.NothingLeft:
            return False
        return True

    return sum(at_once(one, buyers))


def naively(code: PromoCode, is_left: Callable[[CheckoutAttempt], bool]) -> Callable[[Customer], None]:
    """Look first and write then, as one does without thinking of others."""

    def buy(buyer: Customer) -> None:
        wanted = attempt(buyer, code)
        if not is_left(wanted):
            raise redemptions.NothingLeft(Reason.USED_UP)
        time.sleep(0.05)
        wanted.save()
        PromoCode.objects.filter(pk=code.pk).update(held_count=F("held_count") + 1)
        Campaign.objects.update(held_amount=F("held_amount") + wanted.held_amount)

    return buy


@pytest.fixture
def strangers() -> list[Customer]:
    return CustomerFactory.create_batch(BUYERS)


@pytest.fixture
def one_person() -> list[Customer]:
    """One mailbox under as many accounts as it has spellings."""
    return [CustomerFactory(email=f"j.doe+{number}@gmail.com") for number in range(BUYERS)]


def is_use_left(wanted: CheckoutAttempt) -> bool:
    code = wanted.promo_code
    return code.used_count + code.held_count < code.max_redemptions


def is_new_to(wanted: CheckoutAttempt) -> bool:
    people = Customer.objects.same_person(wanted.customer)
    return not CheckoutAttempt.objects.filter(customer__in=people, promo_code=wanted.promo_code).exists()


def is_budget_left(wanted: CheckoutAttempt) -> bool:
    campaign = wanted.promo_code.campaign
    return campaign.held_amount + wanted.held_amount <= campaign.budget_amount


LIMITS = [
    ({"max_redemptions": 1}, "strangers", is_use_left, 1),
    ({"max_redemptions_per_customer": 1}, "one_person", is_new_to, 1),
    ({"first_time_only": True}, "one_person", is_new_to, 1),
    ({"campaign": {"budget_amount": 3_500, "currency": "usd"}}, "strangers", is_budget_left, 3),
]
BY_LIMIT = pytest.mark.parametrize(
    ("fields", "who", "is_left", "opened"), LIMITS, ids=["uses", "customer", "first", "budget"]
)


@pytest.fixture
def code(fields: dict[str, object]) -> PromoCode:
    campaign = CampaignFactory(**fields.get("campaign", {}))
    return SyncedPromoCodeFactory(**fields | {"campaign": campaign})


@BY_LIMIT
def test_hold_gives_out_what_is_left_and_no_more(request, code, who, is_left, opened) -> None:
    buyers = request.getfixturevalue(who)
    assert sold(lambda buyer: redemptions.hold(attempt(buyer, code)), buyers) == opened
    assert CheckoutAttempt.objects.count() == opened
    assert not [difference for check in verification.CHECKS.values() for difference in check()]


@BY_LIMIT
def test_looking_first_gives_out_too_much(request, code, who, is_left, opened) -> None:
    buyers = request.getfixturevalue(who)
    assert sold(naively(code, is_left), buyers) > opened


@pytest.mark.parametrize("fields", [{"max_redemptions": 1}])
def test_payments_past_the_last_use_are_all_recorded_and_marked(code, strangers) -> None:
    def pay(buyer: Customer) -> None:
        name = f"{buyer.pk}"
        Customer.objects.filter(pk=buyer.pk).update(stripe_customer_id=f"cus_{name}")
        own = {"id": f"cs_{name}", "subscription": f"sub_{name}", "customer": f"cus_{name}"}
        redemptions.record(session(code, **own), event=None, now=NOW)

    assert sold(pay, strangers) == BUYERS
    code.refresh_from_db()
    assert code.used_count == BUYERS
    assert code.usages.filter(is_over_limit=True).count() == BUYERS - 1
