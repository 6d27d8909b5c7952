"""The check against Stripe's spec can fail, and the whole life of a code passes it."""

import json

import pytest
import requests

from promos.standin.messages import Request, Response
from tests.standin import spec
from tests.standin.recorder import Call

COUPON = {
    "id": "HALF",
    "object": "coupon",
    "created": 1,
    "duration": "once",
    "livemode": False,
    "times_redeemed": 0,
    "valid": True,
}


def answered(method, path, body, params=None, status=200):
    return Call(Request(method, path, params or {}), Response(status, json.dumps(body)))


def test_problems_none_for_a_right_answer():
    assert spec.problems([answered("GET", "/v1/coupons/HALF", COUPON)]) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"duration": "sometimes"}, "duration"),
        ({"valid": "yes"}, "valid"),
        ({"invented": 1}, "no field invented"),
    ],
)
def test_problems_of_a_wrong_answer(change, words):
    [problem] = spec.problems([answered("GET", "/v1/coupons/HALF", {**COUPON, **change})])

    assert words in problem


def test_problems_of_a_missing_field():
    partial = {name: value for name, value in COUPON.items() if name != "valid"}

    [problem] = spec.problems([answered("GET", "/v1/coupons/HALF", partial)])

    assert "'valid' is a required property" in problem


def test_problems_of_a_wrong_object_inside_an_event():
    event = {
        "id": "evt_1",
        "object": "event",
        "api_version": None,
        "created": 1,
        "data": {"object": {**COUPON, "duration": "sometimes"}},
        "livemode": False,
        "pending_webhooks": 0,
        "type": "coupon.created",
    }

    [problem] = spec.problems([answered("GET", "/v1/events/evt_1", event)])

    assert "duration" in problem


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"coupon": "HALF", "promotion": {"type": "coupon"}}, "unknown parameter coupon"),
        ({"promotion": {"type": "gift"}}, "promotion[type] cannot be 'gift'"),
        ({"promotion": {"type": "coupon", "size": "1"}}, "unknown parameter promotion[size]"),
        ({"code": "A"}, "promotion is missing"),
    ],
)
def test_problems_of_a_wrong_request(params, words):
    code = {
        "id": "promo_1",
        "object": "promotion_code",
        "active": True,
        "code": "A",
        "created": 1,
        "livemode": False,
        "promotion": {"type": "coupon"},
        "restrictions": {"first_time_transaction": False},
        "times_redeemed": 0,
    }

    [problem] = spec.problems([answered("POST", "/v1/promotion_codes", code, params)])

    assert words in problem


def test_problems_of_an_endpoint_stripe_does_not_have():
    [problem] = spec.problems([answered("GET", "/v1/gifts", {})])

    assert "no such endpoint" in problem


def test_every_resource_of_a_life_follows_the_spec(standin, dashboard):
    """The recorder of the stand-in fixture does the asserting, at the end."""
    v1 = dashboard.v1
    product = dashboard.create_product(metadata={"plan": "team"})
    price = dashboard.create_price(product.id, currency_options={"eur": {"unit_amount": 9000}})
    dashboard.create_coupon(id="HALF", percent_off=50, duration="repeating", duration_in_months=3)
    code = dashboard.create_code("HALF", "LAUNCH50", restrictions={"first_time_transaction": True})
    session = v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "line_items": [{"price": price.id, "quantity": 1}],
            "discounts": [{"promotion_code": code.id}],
            "success_url": "http://127.0.0.1/done",
            "customer_email": "buyer@example.com",
        }
    )
    requests.post(session.url, {"card": "4242424242424242"}, allow_redirects=False, timeout=10)
    expand = ["invoice.payments", "subscription.discounts", "line_items", "total_details.breakdown"]
    session = v1.checkout.sessions.retrieve(session.id, {"expand": expand})
    [payment] = session.invoice.payments.data
    v1.payment_intents.retrieve(payment.payment.payment_intent, {"expand": ["latest_charge.refunds"]})
    v1.invoices.retrieve(session.invoice.id, {"expand": ["discounts.source.coupon", "lines.data.discounts"]})
    v1.checkout.sessions.line_items.list(session.id, {"expand": ["data.discounts"]})
    v1.prices.retrieve(price.id, {"expand": ["currency_options", "product"]})
    listed = [v1.products, v1.prices, v1.customers, v1.coupons, v1.promotion_codes, v1.checkout.sessions]
    listed += [v1.payment_intents, v1.charges, v1.subscriptions, v1.invoices, v1.invoice_payments, v1.events]
    for service in listed:
        assert service.list({"limit": 100}).data
    v1.accounts.retrieve_current()
    v1.products.features.list(product.id)
    v1.coupons.delete("HALF")
