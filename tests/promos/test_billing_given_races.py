"""Several subscribers at once for the last use of a code: one gets it, as at a checkout."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import pytest

from promos import brake, plans, stripe_gateway
from promos.billing import code_checks, given
from promos.models import PromoCode, Subscription
from promos.standin.server import Standin
from tests import factories, shop
from tests.crowd import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.race]

SUBSCRIBERS = 8
NOW = datetime.now(UTC)
Give = Callable[[Subscription], None]


@pytest.fixture
def subscribers(standin: Standin) -> list[Subscription]:
    """Subscribers, and a code with one use left here; Stripe does not know of that limit."""
    team = shop.open_shop()
    shop.give_code("LOYAL", max_redemptions=1)
    return [shop.subscribe(factories.CustomerFactory(), team, NOW) for _ in range(SUBSCRIBERS)]


def discounted(give: Give, subscribers: list[Subscription]) -> int:
    """Let all ask at the same moment, and return how many Stripe discounts then."""
    at_once(give, subscribers)
    return sum(bool(each["discounts"]) for each in stripe_gateway.list_subscriptions())


def carefully(subscription: Subscription) -> None:
    given.give(subscription.customer, subscription, "LOYAL", visitor=brake.Visitor(), now=NOW)


def naively(subscription: Subscription, gate: threading.Barrier) -> None:
    """Look first and ask Stripe then, without holding the use."""
    plan = plans.find(subscription.plan)
    assert plan is not None
    if code_checks.check("LOYAL", customer=subscription.customer, plan=plan, now=NOW).is_accepted:
        gate.wait()
        wanted = {
            "discounts": [{"promotion_code": code_checks.stripe_promotion_code_id(PromoCode.objects.get())}]
        }
        stripe_gateway.update_subscription(
            subscription.stripe_subscription_id, wanted, idempotency_key=subscription.stripe_subscription_id
        )


def test_last_use_is_given_to_one_of_many_at_once(subscribers: list[Subscription]) -> None:
    assert discounted(carefully, subscribers) == 1
    code = PromoCode.objects.get()
    assert (code.used_count, code.held_count) == (0, 1)


def test_looking_first_gives_it_to_all(subscribers: list[Subscription]) -> None:
    gate = threading.Barrier(SUBSCRIBERS)
    assert discounted(partial(naively, gate=gate), subscribers) == SUBSCRIBERS
