"""A code with a fixed price follows its list price, or is left to the owner."""

from datetime import datetime

import pytest

from promos import mirror, promo_codes, stripe_gateway
from promos.models import (
    DriftFinding,
    PromoCode,
)
from promos.standin.server import Standin
from promos.webhooks import inbox, queue
from tests.factories import PromoCodeFactory
from tests.promos import sides
from tests.promos.drift_runs import check, found, repaired
from tests.promos.sides import again, coupon_id
from tests.standin import clock as clocks
from tests.standin.dashboard import Dashboard

pytestmark = pytest.mark.django_db
Kind = DriftFinding.Kind


@pytest.fixture
def fixed(dashboard: Dashboard, now: datetime) -> PromoCode:
    """A code for $70.00 a month instead of $99.50."""
    product = dashboard.create_product("Team")
    price = dashboard.create_price(product.id, amount=9950)
    mirror.refresh("price", price.id)
    code = PromoCodeFactory.build(code="TESTCLIENT70", offer=None)
    offer = PromoCodeFactory.build().offer
    offer.kind, offer.list_price_id, offer.fixed_price_amount = "fixed_price", price.id, 7000
    offer.duration, offer.name = "forever", "Pay $70 a month"
    promo_codes.create(code, offer=offer, now=now)
    sides.push_all(now)
    return again(code)


def move_price(dashboard: Dashboard, code: PromoCode, *amounts: int) -> list[str]:
    """Put the product of a fixed price on sale at other prices, the old one no longer."""
    made = [dashboard.create_price(code.offer.product_ids[0], amount=amount).id for amount in amounts]
    dashboard.v1.prices.update(code.offer.list_price_id, {"active": False})
    return made


def test_fixed_price_follows_the_list_price(dashboard: Dashboard, fixed: PromoCode, now: datetime) -> None:
    [price] = move_price(dashboard, fixed, 11_000)
    sentence = "The list price behind Pay $70 a month moved from $99.50 to $110.00, so what is taken off has to change."
    check(now, Kind.LIST_PRICE_MOVED, sentence=sentence)
    offer = again(fixed).offer
    assert (offer.list_price_id, offer.amount_off, offer.list_price_amount) == (price, 4000, 11_000)
    assert offer.history.latest("pk").history_change_reason == "The list price moved in Stripe"
    coupon = stripe_gateway.retrieve_coupon(coupon_id(fixed))
    assert coupon["amount_off"] == 4000


def test_price_event_has_the_fixed_price_follow_at_once(
    dashboard: Dashboard, fixed: PromoCode, now: datetime
) -> None:
    move_price(dashboard, fixed, 11_000)
    for event in stripe_gateway.list_events():
        if event["type"].startswith("price."):
            inbox.take(event, now=now)
    while queue.work(now):
        pass
    finding = DriftFinding.objects.get()
    assert (finding.kind, finding.outcome, finding.run) == (Kind.LIST_PRICE_MOVED, "repaired", None)
    sides.push_all(now)
    assert again(fixed).offer.amount_off == 4000
    assert found(now) == []


def test_fixed_price_does_not_follow_an_older_price_of_the_product(
    standin: Standin, dashboard: Dashboard, fixed: PromoCode, now: datetime
) -> None:
    standin.core.clock = clock = clocks.Clock()
    clock.advance(-86_400)
    dashboard.create_price(fixed.offer.product_ids[0], amount=12_000)
    clock.advance(86_400)
    move_price(dashboard, fixed)
    assert [each.outcome for each in repaired(now)] == ["for_owner"]


@pytest.mark.parametrize("amounts", [(), (11_000, 12_000), (6_000,)], ids=["none", "two", "below"])
def test_fixed_price_without_one_fitting_list_price_is_left_to_the_owner(
    dashboard: Dashboard, fixed: PromoCode, now: datetime, amounts: tuple[int, ...]
) -> None:
    move_price(dashboard, fixed, *amounts)
    [finding] = repaired(now)
    assert (finding.kind, finding.outcome) == (Kind.LIST_PRICE_MOVED, "for_owner")
    assert "is not true any more" in finding.sentence
    assert again(fixed).offer.amount_off == 2950
