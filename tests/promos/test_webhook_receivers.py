"""What each type of event does: real events of the stand-in, through the inbox and the worker's queue."""

from datetime import timedelta

import pytest
from djstripe.models import Coupon, PromotionCode, WebhookEndpoint
from djstripe.signals import WEBHOOK_SIGNALS

from promos import connect, plans, redemptions, stripe_gateway
from promos.models import CheckoutAttempt, LedgerEntry, PromoCode, PromoCodeUsage, StripeCoupon, WebhookEvent
from promos.webhooks import inbox, queue, receivers, signing_secrets
from tests import factories
from tests.promos import stripe_events
from tests.standin.dashboard import Dashboard

pytestmark = pytest.mark.django_db


@pytest.fixture
def dashboard(standin):
    return Dashboard(standin.url)


def deliver_everything(now):
    """Take in all that happened at Stripe so far, newest first: order must not matter."""
    for event in stripe_gateway.list_events():
        if event["type"] in receivers.REGISTRY:
            inbox.take(event, now=now)
    while queue.work(now):
        pass


def problems():
    return list(WebhookEvent.objects.exclude(error="").values_list("type", "error"))


def session(code, **fields):
    return {
        "id": "cs_test_1",
        "object": "checkout.session",
        "customer": "cus_1",
        "customer_details": {"email": "customer@example.com"},
        "subscription": "sub_1",
        "payment_status": "paid",
        "currency": "usd",
        "amount_subtotal": 10_000,
        "amount_total": 9_000,
        "total_details": {"amount_discount": 1_000, "amount_tax": 0},
        "discounts": [{"promotion_code": f"promo_{code.pk}", "coupon": None}],
        "metadata": {"promodesk_plan": "price_monthly", "promodesk_interval": "month"},
        **fields,
    }


def held_attempt(customer, code, now):
    customer.stripe_customer_id = "cus_1"
    customer.save()
    return redemptions.hold(
        CheckoutAttempt(
            customer=customer,
            promo_code=code,
            plan="price_monthly",
            stripe_session_id="cs_test_1",
            state=CheckoutAttempt.State.OPEN,
            currency="usd",
            created_at=now,
            expires_at=now + timedelta(minutes=30),
        )
    )


def take(event_type, subject, now):
    inbox.take(stripe_events.event(event_type, subject), now=now)
    assert problems() == []


def counters(code):
    return PromoCode.objects.values_list("used_count", "held_count").get(pk=code.pk)


def test_code_made_in_the_dashboard_appears_here_and_in_the_mirror(dashboard, now):
    coupon = dashboard.create_coupon(percent_off=15, duration="once", name="Spring")
    dashboard.create_code(coupon.id, "SPRING15")

    deliver_everything(now)

    code = PromoCode.objects.get()
    assert problems() == []
    assert (code.code, code.offer.percent_off, code.sync_status) == ("SPRING15", 15, "synced")
    assert PromotionCode.objects.get().code == "SPRING15"
    assert Coupon.objects.get().name == "Spring"


def test_code_switched_off_in_the_dashboard_is_paused_here(dashboard, now):
    coupon = dashboard.create_coupon()
    promotion_code = dashboard.create_code(coupon.id, "SPRING15")
    deliver_everything(now)
    dashboard.deactivate_code(promotion_code.id)

    deliver_everything(now)

    assert problems() == []
    assert PromoCode.objects.get().paused_at == now
    assert PromotionCode.objects.get().active is False


def test_coupon_deleted_in_the_dashboard_leaves_a_conflict(dashboard, now):
    coupon = dashboard.create_coupon()
    dashboard.create_code(coupon.id, "SPRING15")
    deliver_everything(now)
    dashboard.delete_coupon(coupon.id)

    deliver_everything(now)

    assert problems() == []
    assert PromoCode.objects.get().sync_status == "conflict"
    assert StripeCoupon.objects.get().state == StripeCoupon.State.DELETED
    assert not Coupon.objects.exists()


def test_price_made_in_the_dashboard_becomes_a_plan(dashboard, now):
    product = dashboard.create_product("Team")
    price = dashboard.create_price(product.id)

    deliver_everything(now)

    assert problems() == []
    assert plans.get(price.id).name == "Team"


@pytest.mark.parametrize(
    "event_type", ["checkout.session.completed", "checkout.session.async_payment_succeeded"]
)
def test_paid_checkout_is_recorded_without_asking_stripe(customer, now, event_type):
    code = factories.SyncedPromoCodeFactory()
    held_attempt(customer, code, now)

    take(event_type, session(code), now)

    entry = LedgerEntry.objects.get()
    assert counters(code) == (1, 0)
    assert entry.usage == PromoCodeUsage.objects.get()
    assert entry.event == WebhookEvent.objects.get()


def test_late_payment_is_recorded_once_over_both_events(customer, now):
    code = factories.SyncedPromoCodeFactory()
    held_attempt(customer, code, now)

    take("checkout.session.completed", session(code, payment_status="unpaid"), now)
    assert counters(code) == (0, 1)
    take("checkout.session.async_payment_succeeded", session(code), now)

    assert counters(code) == (1, 0)
    assert LedgerEntry.objects.count() == 1


@pytest.mark.parametrize(
    ("event_type", "state"),
    [("checkout.session.expired", "expired"), ("checkout.session.async_payment_failed", "failed")],
)
def test_checkout_that_came_to_nothing_gives_its_use_back(customer, now, event_type, state):
    code = factories.SyncedPromoCodeFactory()
    held_attempt(customer, code, now)

    take(event_type, session(code, payment_status="unpaid"), now)

    assert counters(code) == (0, 0)
    assert CheckoutAttempt.objects.get().state == state
    assert not LedgerEntry.objects.exists()


def test_every_registered_type_is_one_of_stripes():
    assert receivers.REGISTRY.keys() <= WEBHOOK_SIGNALS.keys()


@pytest.mark.django_db(transaction=True)
def test_stripe_delivers_to_the_endpoint_that_connect_made(dashboard, standin, live_server, settings, now):
    settings.SITE_URL = live_server.url
    signing_secrets.forget()
    assert all(step.ok for step in connect.run(now))

    product = dashboard.create_product("Team")
    assert standin.courier.wait_until_idle()

    event = WebhookEvent.objects.get()
    assert (event.type, event.object_id) == ("product.created", product.id)
    assert WebhookEndpoint.objects.get().url.startswith(live_server.url)
