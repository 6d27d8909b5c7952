"""A code on a running subscription: its use is held before Stripe is asked, and settled by the next invoice."""

from datetime import datetime, timedelta

import pytest
from django.conf import settings

from analytics import verification
from promos import brake, stripe_gateway
from promos.billing import current, given, overdue
from promos.eligibility import Reason
from promos.models import CheckoutAttempt, Customer, PromoCode, PromoCodeUsage, Subscription
from promos.standin.server import Standin
from promos.webhooks import inbox, queue, receivers
from tests import factories, shop
from tests.promos import sides
from tests.promos.sides import stripe_id
from tests.shop import Shop
from tests.standin.dashboard import Dashboard
from tests.standin.faults import Faults

pytestmark = pytest.mark.django_db
VISITOR = brake.Visitor()
SUBSCRIPTIONS = {"method": "POST", "path": "/v1/subscriptions/"}
DAY = timedelta(days=1)


@pytest.fixture
def code(team: Shop) -> PromoCode:
    """A code for a tenth off three payments, with one use left here; Stripe does not know of that limit."""
    terms = {"percent_off": 10, "duration": "repeating", "duration_in_months": 3}
    return shop.give_code("LOYAL", offer=terms, max_redemptions=1)


@pytest.fixture
def running(team: Shop, customer: Customer, now: datetime) -> Subscription:
    return shop.subscribe(customer, team, now)


def give(subscription: Subscription, now: datetime) -> Reason | None:
    verdict = given.give(subscription.customer, subscription, "loyal", visitor=VISITOR, now=now)
    return verdict.reason


def learn(now: datetime) -> None:
    """Take in what Stripe tells of."""
    for event in stripe_gateway.list_events():
        if event["type"] in receivers.REGISTRY:
            inbox.take(event, now=now)
    while queue.work(now):
        pass
    assert not [difference for check in verification.CHECKS.values() for difference in check()]


def test_code_does_not_take_the_place_of_what_the_dashboard_gave(
    running: Subscription, code: PromoCode, now: datetime
) -> None:
    dashboard = Dashboard(settings.STRIPE_HOST).v1
    granted = dashboard.coupons.create({"percent_off": 50, "duration": "forever"}).id
    dashboard.subscriptions.update(running.stripe_subscription_id, {"discounts": [{"coupon": granted}]})
    with pytest.raises(given.AlreadyDiscounted):
        give(running, now)
    told = stripe_gateway.retrieve_subscription(running.stripe_subscription_id)
    assert [each["source"]["coupon"] for each in told["discounts"]] == [granted]
    [shown] = current.all_of(running.customer, now=now)
    assert (shown.discounts, shown.next_price) == (("Granted to you, for as long as you stay",), "")


def test_code_for_a_subscription_that_stripe_lost_is_refused_for_good(
    running: Subscription, code: PromoCode, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    running.stripe_subscription_id = "sub_gone"
    assert give(running, now) is Reason.STRIPE_REFUSED
    assert "sub_gone" in caplog.text
    assert counted(code) == (0, 0)


def counted(code: PromoCode) -> tuple[int, int]:
    code.refresh_from_db()
    return code.used_count, code.held_count


def usage() -> PromoCodeUsage:
    return PromoCodeUsage.objects.get()


def test_use_is_held_until_the_next_invoice_and_used_then(
    standin: Standin, running: Subscription, code: PromoCode, now: datetime
) -> None:
    assert give(running, now) is None
    assert (counted(code), usage().status) == ((0, 1), "pending")
    standin.hooks.renew(running.stripe_subscription_id)
    learn(now)
    assert (counted(code), usage().status) == ((1, 0), "settled")
    assert (usage().discount_amount, usage().net_amount) == (995, 8_955)
    assert CheckoutAttempt.objects.get().state == "completed"


def test_budget_is_held_for_every_payment_that_is_reduced(
    running: Subscription, code: PromoCode, standin: Standin, now: datetime
) -> None:
    campaign = factories.CampaignFactory(currency="usd", budget_amount=3_000)
    PromoCode.objects.update(campaign=campaign)
    give(running, now)
    campaign.refresh_from_db()
    assert (campaign.held_amount, campaign.spent_amount) == (3 * 995, 0)
    standin.hooks.renew(running.stripe_subscription_id)
    learn(now)
    campaign.refresh_from_db()
    assert (campaign.held_amount, campaign.spent_amount, campaign.promised_amount) == (0, 995, 2 * 995)


def test_last_use_is_given_to_one(team: Shop, running: Subscription, code: PromoCode, now: datetime) -> None:
    other = shop.subscribe(factories.CustomerFactory(), team, now)
    assert (give(running, now), give(other, now)) == (None, Reason.USED_UP)
    assert counted(code) == (0, 1)


def test_refusal_by_stripe_gives_the_use_back(
    standin: Standin, running: Subscription, code: PromoCode, now: datetime
) -> None:
    stripe_gateway.update_promotion_code(stripe_id(code), {"active": False})
    # Switched off in the very moment after it was looked at.
    sides.answer_instead(standin, "/v1/promotion_codes/", active=True)
    assert give(running, now) == Reason.STRIPE_REFUSED
    assert (counted(code), CheckoutAttempt.objects.get().state) == ((0, 0), "failed")


@pytest.mark.parametrize(
    ("fault", "held", "state"), [("outage", 0, "failed"), ("drop_after_commit", 1, "open")]
)
def test_use_is_held_until_stripe_says_what_became_of_a_lost_answer(
    standin: Standin, running: Subscription, code: PromoCode, now: datetime, fault: str, held: int, state: str
) -> None:
    faults = Faults(standin)
    faults.next(getattr(faults, fault), **SUBSCRIPTIONS)
    assert give(running, now) == Reason.TRY_LATER
    assert counted(code) == (0, 1)
    assert overdue.work(now + timedelta(minutes=3)) == 1
    assert (counted(code), CheckoutAttempt.objects.get().state) == ((0, held), state)
    assert PromoCodeUsage.objects.count() == held


def test_second_try_holds_no_second_use(
    standin: Standin, running: Subscription, code: PromoCode, now: datetime
) -> None:
    PromoCode.objects.update(max_redemptions=5)
    faults = Faults(standin)
    faults.next(faults.outage, **SUBSCRIPTIONS)
    assert [give(running, now), give(running, now)] == [Reason.TRY_LATER, None]
    assert counted(code) == (0, 1)


def test_second_try_keeps_what_the_first_put_there_though_the_code_has_a_successor(
    standin: Standin, running: Subscription, code: PromoCode, now: datetime
) -> None:
    PromoCode.objects.update(max_redemptions=5)
    faults = Faults(standin)
    faults.next(faults.drop_after_commit, **SUBSCRIPTIONS)
    assert give(running, now) == Reason.TRY_LATER
    sides.replace_at_stripe(code)
    assert give(running, now) is None
    assert (counted(code), usage().status) == ((0, 1), "pending")


def test_second_try_after_a_lost_answer_redeems_no_second_time(
    standin: Standin, running: Subscription, code: PromoCode, now: datetime
) -> None:
    PromoCode.objects.update(max_redemptions=5)
    faults = Faults(standin)
    faults.next(faults.drop_after_commit, **SUBSCRIPTIONS)
    assert [give(running, now), give(running, now)] == [Reason.TRY_LATER, None]
    assert stripe_gateway.retrieve_promotion_code(stripe_id(code))["times_redeemed"] == 1


def test_subscription_that_ends_before_a_payment_gives_the_use_back(
    dashboard: Dashboard, running: Subscription, code: PromoCode, now: datetime
) -> None:
    give(running, now)
    dashboard.cancel(running.stripe_subscription_id)
    learn(now)
    assert (counted(code), usage().status) == ((0, 0), "failed")


def test_code_taken_off_in_stripe_gives_the_use_back_a_day_later(
    dashboard: Dashboard, standin: Standin, running: Subscription, code: PromoCode, now: datetime
) -> None:
    give(running, now)
    dashboard.v1.subscriptions.update(running.stripe_subscription_id, {"discounts": ""})
    learn(now)
    assert (counted(code), overdue.work(now + DAY)) == ((0, 1), 1)
    assert (counted(code), usage().status) == ((0, 0), "failed")
    standin.hooks.renew(running.stripe_subscription_id)
    learn(now)
    assert (counted(code), usage().discount_amount) == ((0, 0), 0)


def test_code_that_waits_for_its_payment_is_asked_after_when_that_is_due(
    running: Subscription, code: PromoCode, now: datetime
) -> None:
    give(running, now)
    renewal = running.current_period_ends_at
    assert CheckoutAttempt.objects.get().ask_at == renewal + DAY
    assert overdue.work(renewal + DAY) == 1
    assert counted(code) == (0, 1)
