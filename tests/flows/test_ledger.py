"""Lives of orders over HTTP: the stand-in tells what happened in any order, the worker asks it, the figures balance."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime

import pytest

from analytics import verification
from promos import stripe_gateway
from promos.models import LedgerEntry, PromoCode, PromoCodeUsage, Subscription, WebhookEvent
from promos.standin.server import Standin
from promos.webhooks import inbox, queue, receivers
from tests.standin.dashboard import Dashboard
from tests.standin.shop import Shop, pay, submit

pytestmark = pytest.mark.django_db

HALF_OFF_FOR_THREE_MONTHS = {"percent_off": 50, "duration": "repeating", "duration_in_months": 3}
Learn = Callable[[], None]


@pytest.fixture
def shop(standin: Standin) -> Shop:
    """A shop in the dashboard: of its plan at 99.50 and its codes we learn by events alone."""
    return Shop(Dashboard(standin.url))


ORDERS = [pytest.param(0, id="order0")] + [
    pytest.param(seed, id=f"order{seed}", marks=pytest.mark.slow) for seed in range(1, 3)
]


@pytest.fixture(params=ORDERS)
def learn(request: pytest.FixtureRequest, standin: Standin, now: datetime) -> Learn:
    """Take in all that has happened so far, shuffled, some of it twice, and let the worker finish."""
    dice = random.Random(request.param)  # noqa: S311 - the order of events

    def take_everything() -> None:
        events = [event for event in stripe_gateway.list_events() if event["type"] in receivers.REGISTRY]
        for event in dice.sample([*events, *events], 2 * len(events)):
            inbox.take(event, now=now)
        while queue.work(now):
            pass
        assert not list(WebhookEvent.objects.exclude(error="").values_list("type", "error"))
        assert not [difference for check in verification.CHECKS.values() for difference in check()]

    return take_everything


def movements() -> list[tuple[str, int, int]]:
    entries = LedgerEntry.objects.order_by("occurred_at", "kind", "stripe_object_id")
    return list(entries.values_list("kind", "discount_amount", "net_amount"))


def usage() -> PromoCodeUsage:
    return PromoCodeUsage.objects.select_related("promo_code").get()


def test_subscription_is_followed_from_checkout_to_its_end(shop, standin, learn: Learn) -> None:
    subscription = shop.subscribe(HALF_OFF_FOR_THREE_MONTHS, prices=[shop.plan])
    standin.hooks.renew(subscription.id)
    shop.dashboard.cancel(subscription.id)
    learn()
    assert movements() == [("checkout", 4_975, 4_975), ("invoice", 4_975, 4_975)]
    assert (usage().promo_code.used_count, usage().plan, usage().is_new_customer) == (1, shop.plan, True)
    assert usage().discount_ends_at == Subscription.objects.get().ended_at


def test_money_that_goes_back_is_found_under_its_order(shop, standin, learn: Learn) -> None:
    subscription = shop.subscribe(HALF_OFF_FOR_THREE_MONTHS, prices=[shop.plan])
    standin.hooks.renew(subscription.id)
    first, renewal = shop.invoices(subscription)
    shop.dashboard.refund_invoice(first.id, 1_000)
    failed = shop.dashboard.refund_invoice(renewal.id, 2_000)
    standin.hooks.fail_refund(failed.id)
    shop.dashboard.credit(renewal.id, 500, out_of_band_amount=500)
    learn()
    assert usage().net_amount == 2 * 4_975 - 1_000 - 500
    assert {entry.order.stripe_invoice_id for entry in LedgerEntry.objects.filter(kind="refund")} == {
        first.id,
        renewal.id,
    }


def test_full_refund_gives_the_use_back(shop, learn: Learn) -> None:
    subscription = shop.subscribe(HALF_OFF_FOR_THREE_MONTHS, prices=[shop.plan])
    shop.dashboard.refund_invoice(shop.invoices(subscription)[0].id)
    learn()
    assert (usage().status, usage().is_given_back, usage().promo_code.used_count) == ("refunded", True, 0)


@pytest.mark.parametrize(("status", "net_amount"), [("lost", 0), ("won", 4_975)])
def test_dispute_takes_what_is_lost(shop, standin, learn: Learn, status: str, net_amount: int) -> None:
    shop.subscribe(HALF_OFF_FOR_THREE_MONTHS, prices=[shop.plan])
    [charge] = shop.v1.charges.list().data
    dispute = standin.hooks.open_dispute(charge.id)
    learn()
    assert usage().net_amount == 0
    standin.hooks.close_dispute(dispute["id"], status)
    learn()
    assert usage().net_amount == net_amount


@pytest.mark.parametrize("mode", ["payment", "subscription"])
@pytest.mark.parametrize(("ending", "status"), [("settle_payment", "settled"), ("fail_payment", "failed")])
def test_late_payment_is_pending_until_it_ends(shop, standin, learn: Learn, mode, ending, status) -> None:
    session, _ = shop.with_code({"percent_off": 50, "duration": "once"}, mode=mode)
    learn()
    submit(session, "bank", email="buyer@example.com")
    learn()
    assert (usage().status, usage().promo_code.used_count, movements()) == ("pending", 0, [])
    getattr(standin.hooks, ending)(session.id)
    learn()
    assert (usage().status, usage().promo_code.used_count) == (status, int(status == "settled"))


def test_code_redeemed_in_the_portal_is_found_on_the_next_invoice(shop, standin, learn: Learn) -> None:
    subscription = shop.subscribe(prices=[shop.plan])
    learn()
    terms = {"customer": subscription.customer, "return_url": "http://127.0.0.1:1/"}
    portal = shop.v1.billing_portal.sessions.create(terms)
    coupon = shop.dashboard.create_coupon(percent_off=50, duration="once")
    shop.dashboard.create_code(coupon.id, "SPRING")
    submit(portal, "code", subscription=subscription.id, promotion_code="SPRING")
    standin.hooks.renew(subscription.id)
    learn()
    assert movements() == [("checkout", 0, 9_950), ("invoice", 4_975, 4_975)]
    assert (usage().promo_code.code, usage().promo_code.used_count) == ("SPRING", 1)
    assert not usage().is_new_customer


def test_each_of_two_codes_on_one_subscription_has_its_share(shop, standin, learn: Learn) -> None:
    subscription = shop.subscribe(prices=[shop.plan])
    half, dime = (shop.dashboard.create_coupon(percent_off=off, duration="once") for off in (50, 10))
    codes = [shop.dashboard.create_code(coupon.id, text) for coupon, text in ((half, "HALF"), (dime, "DIME"))]
    learn()
    discounts = [{"promotion_code": code.id} for code in codes]
    shop.v1.subscriptions.update(subscription.id, {"discounts": discounts})
    standin.hooks.renew(subscription.id)
    learn()
    invoice = shop.invoices(subscription)[-1]
    first, second = (each.amount for each in invoice.total_discount_amounts)
    assert movements()[1:] == [("invoice", first, 9_950 - first - second), ("share", second, 0)]
    found = PromoCodeUsage.objects.values_list("promo_code__code", "discount_amount", "net_amount")
    assert set(found) == {("HALF", 4_975, invoice.total), ("DIME", second, 0)}
    assert set(PromoCode.objects.values_list("used_count", flat=True)) == {1}


def test_free_order_has_no_payment_and_is_recorded(shop, learn: Learn) -> None:
    shop.subscribe({"percent_off": 100, "duration": "forever"}, prices=[shop.plan])
    learn()
    assert movements() == [("checkout", 9_950, 0)]


def test_currencies_stand_side_by_side(shop, learn: Learn) -> None:
    coupon = shop.dashboard.create_coupon(percent_off=10, duration="once")
    for currency, amount in (("jpy", 500), ("kwd", 12_340), ("usd", 9_950)):
        price = shop.dashboard.create_price(shop.plan_product, amount, currency).id
        code = shop.dashboard.create_code(coupon.id, currency.upper())
        pay(
            shop.open(prices=[price], discounts=[{"promotion_code": code.id}]),
            email=f"{currency}@example.com",
        )
    learn()
    found = PromoCodeUsage.objects.values_list("currency", "discount_amount", "net_amount")
    assert set(found) == {("jpy", 50, 450), ("kwd", 1_230, 11_110), ("usd", 995, 8_955)}
    assert set(PromoCode.objects.values_list("used_count", flat=True)) == {1}
