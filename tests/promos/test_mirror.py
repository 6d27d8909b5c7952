"""The mirror: dj-stripe's tables follow Stripe without a call of dj-stripe's own."""

import pytest
import stripe
from django.core.exceptions import ImproperlyConfigured
from djstripe.models import Account, APIKey, Coupon, Customer, Event, Price, Product, PromotionCode, Session
from djstripe.signals import WEBHOOK_SIGNALS

from promos import mirror, plans, stripe_gateway
from promos.webhooks import djstripe_wiring, queue, receivers
from tests import factories
from tests.promos import stripe_events
from tests.standin import faults, spec

pytestmark = pytest.mark.django_db


@pytest.fixture
def recorder(standin, monkeypatch):
    # dj-stripe would call through the SDK's module-wide address.
    monkeypatch.setattr(stripe, "api_base", standin.url)
    recorder = standin.api = spec.Recorder(standin.api)
    return recorder


def requests(recorder):
    return [(call.request.method, call.request.path) for call in recorder.calls]


@pytest.fixture
def price(recorder):
    product = stripe_gateway.create_product({"name": "Team"}, idempotency_key="product")
    params = {
        "product": product["id"],
        "currency": "usd",
        "unit_amount": 9950,
        "recurring": {"interval": "month"},
    }
    return stripe_gateway.create_price(params, idempotency_key="price")


def arrived(event_type, subject, **fields):
    payload = stripe_events.event(event_type, subject)
    return factories.WebhookEventFactory(
        stripe_event_id=payload["id"], type=event_type, object_id=subject["id"], payload=payload, **fields
    )


def test_price_brings_its_product_and_makes_a_plan(price):
    mirror.refresh("price", price["id"])

    plan = plans.get(price["id"])
    assert (plan.name, plan.amount, plan.interval) == ("Team", 9950, "month")
    assert Product.objects.get().djstripe_owner_account == Account.objects.get()


def test_event_of_a_price_is_mirrored_by_the_worker_as_it_is_now(price, now):
    stale = {**price, "unit_amount": 1}

    arrived("price.updated", stale)
    queue.work(now)

    assert Price.objects.get(id=price["id"]).stripe_data["unit_amount"] == 9950


def test_code_with_a_smallest_order_is_mirrored_with_its_amounts_by_currency(recorder, dashboard, now):
    minimums = {
        "minimum_amount": 5000,
        "minimum_amount_currency": "usd",
        "currency_options": {"eur": {"minimum_amount": 4500}},
    }
    found = dashboard.create_code(dashboard.create_coupon().id, "BIG", restrictions=minimums)
    event = arrived("promotion_code.created", {"id": found.id, "object": "promotion_code"})

    queue.work(now)

    event.refresh_from_db()
    assert (event.processed_at, event.error) == (now, "")
    kept = PromotionCode.objects.get(id=found.id).stripe_data["restrictions"]["currency_options"]
    assert kept == {"usd": {"minimum_amount": 5000}, "eur": {"minimum_amount": 4500}}


def test_product_that_is_gone_leaves_the_mirror(recorder, now):
    factories.ProductFactory(id="prod_gone")
    arrived("product.deleted", {"id": "prod_gone", "object": "product"})

    queue.work(now)

    assert not Product.objects.exists()


def test_copying_calls_nobody_once_the_account_is_known(price, recorder):
    mirror.refresh("price", price["id"])
    recorder.calls.clear()

    mirror.copy({**stripe_gateway.retrieve_product(price["product"]), "name": "Team Plus"})

    assert requests(recorder) == [("GET", f"/v1/products/{price['product']}")]
    assert Product.objects.get().name == "Team Plus"


def test_coupon_and_promotion_code_are_mirrored_with_their_products(price, recorder):
    terms = {"percent_off": 20, "duration": "once", "applies_to": {"products": [price["product"]]}}
    coupon = stripe_gateway.create_coupon(terms, idempotency_key="coupon")
    code = stripe_gateway.create_promotion_code(
        {"promotion": {"type": "coupon", "coupon": coupon["id"]}, "code": "LAUNCH"}, idempotency_key="code"
    )

    mirror.refresh("coupon", coupon["id"])
    mirror.refresh("promotion_code", code["id"])

    assert Coupon.objects.get().applies_to == {"products": [price["product"]]}
    assert PromotionCode.objects.get().code == "LAUNCH"


def test_account_is_asked_for_once(recorder):
    mirror.ensure_account()
    mirror.ensure_account()

    assert requests(recorder) == [("GET", "/v1/account")]
    assert APIKey.objects.get().djstripe_owner_account == Account.objects.get()


def test_restricted_key_gets_an_account_without_a_name(standin, settings):
    settings.STRIPE_SECRET_KEY = "rk_test_" + "0" * 24
    faults.Faults(standin).always(faults.restricted())

    assert mirror.ensure_account().id == mirror.UNNAMED_ACCOUNT_ID
    assert APIKey.objects.get().type == "restricted"


DISCOUNTED_SESSION = {
    "id": "cs_test_1",
    "object": "checkout.session",
    "mode": "subscription",
    "status": "complete",
    "payment_status": "paid",
    "currency": "usd",
    "amount_subtotal": 9950,
    "amount_total": 7960,
    "total_details": {"amount_discount": 1990, "amount_shipping": 0, "amount_tax": 0},
    "customer": {
        "id": "cus_1",
        "object": "customer",
        "discount": {"id": "di_1", "object": "discount", "source": {"type": "coupon", "coupon": "co_1"}},
    },
    "customer_details": {"email": "buyer@example.com"},
    "subscription": "sub_1",
    "discounts": [],
    "metadata": {},
}


@pytest.mark.parametrize(
    "event_type", [event_type for event_type in receivers.REGISTRY if event_type.startswith("checkout.")]
)
def test_audit_trail_of_a_checkout_calls_nobody_even_for_a_discounted_customer(recorder, event_type):
    mirror.ensure_account()
    recorder.calls.clear()

    mirror.record_event(arrived(event_type, DISCOUNTED_SESSION))

    assert requests(recorder) == []
    assert Event.objects.get().data["object"]["customer"]["id"] == "cus_1"
    assert not Session.objects.exists()
    assert not Customer.objects.exists()


def test_djstripe_handler_left_connected_would_call_stripe(recorder, monkeypatch):
    mirror.ensure_account()
    recorder.calls.clear()
    signal = WEBHOOK_SIGNALS["checkout.session.completed"]
    handler = djstripe_wiring.HANDLERS["checkout.session.completed"]
    signal.connect(handler, sender=Event)

    try:
        with pytest.raises(stripe.InvalidRequestError):
            mirror.record_event(arrived("checkout.session.completed", DISCOUNTED_SESSION))
    finally:
        signal.disconnect(handler, sender=Event)

    assert requests(recorder)


def test_start_stops_when_djstripe_registered_another_handler():
    with pytest.raises(ImproperlyConfigured, match=r"checkout\.session\.completed"):
        # Every handler was taken off at start-up: to this second run none is where the table says.
        djstripe_wiring.disconnect_handlers()


def test_start_stops_when_a_receiver_has_no_line_in_the_table(monkeypatch):
    monkeypatch.setitem(receivers.REGISTRY, "customer.created", receivers.REGISTRY["price.created"])

    with pytest.raises(ImproperlyConfigured, match=r"customer\.created"):
        djstripe_wiring.disconnect_handlers()
