"""Events and their way to webhook endpoints."""

import json

import pytest
import stripe

from promos.standin import delivery, server
from tests.standin.dashboard import Dashboard
from tests.standin.receiver import Receiver


@pytest.fixture
def receiver():
    listening = Receiver()
    yield listening
    listening.stop()


def listen(dashboard, url, *event_types, **values):
    terms = {"url": url, "enabled_events": list(event_types) or ["*"], **values}
    return dashboard.v1.webhook_endpoints.create(terms)


def types(receiver):
    return [json.loads(body)["type"] for body, signature in receiver.received]


# Events


def test_update_event_carries_what_was_before(dashboard):
    coupon = dashboard.create_coupon(percent_off=50, name="Old", metadata={"a": "1"})

    dashboard.v1.coupons.update(coupon.id, {"name": "New", "metadata": {"b": "2"}})

    [event] = dashboard.v1.events.list({"type": "coupon.updated"}).data
    assert event.data.object.name == "New"
    assert event.data.previous_attributes.to_dict() == {"name": "Old", "metadata": {"b": None}}
    assert event["request"].idempotency_key is None
    assert not event.livemode


def test_update_that_changes_nothing_is_no_event(dashboard):
    coupon = dashboard.create_coupon(percent_off=50, name="Same")

    dashboard.rename_coupon(coupon.id, "Same")

    assert dashboard.v1.events.list({"type": "coupon.updated"}).data == []


def test_event_can_be_retrieved(dashboard):
    dashboard.create_coupon()
    [event] = dashboard.v1.events.list().data

    assert dashboard.v1.events.retrieve(event.id).data.object.object == "coupon"


def test_events_can_be_listed_by_several_types(dashboard):
    coupon = dashboard.create_coupon()
    dashboard.create_code(coupon.id, "A")
    dashboard.create_customer()

    found = dashboard.v1.events.list({"types": ["coupon.created", "promotion_code.created"]}).data

    assert [event.type for event in found] == ["promotion_code.created", "coupon.created"]


def test_refused_call_leaves_no_event(dashboard):
    coupon = dashboard.create_coupon(id="HALF", percent_off=50)
    with pytest.raises(stripe.InvalidRequestError):
        dashboard.create_coupon(id=coupon.id, percent_off=50)

    assert len(dashboard.v1.events.list().data) == 1


# Endpoints


def test_endpoint_shows_its_secret_once(dashboard):
    endpoint = listen(dashboard, "http://127.0.0.1:1/hook")

    assert endpoint.secret.startswith("whsec_")
    assert "secret" not in dashboard.v1.webhook_endpoints.retrieve(endpoint.id)
    assert "secret" not in dashboard.v1.webhook_endpoints.list().data[0]


def test_endpoint_keeps_its_version(dashboard):
    endpoint = listen(dashboard, "http://127.0.0.1:1/hook", api_version="2026-08-26.dahlia")

    assert endpoint.api_version == "2026-08-26.dahlia"


def test_endpoint_can_be_changed_and_deleted(dashboard):
    endpoint = listen(dashboard, "http://127.0.0.1:1/hook")

    changed = dashboard.v1.webhook_endpoints.update(
        endpoint.id, {"disabled": True, "url": "http://127.0.0.1:1/new"}
    )
    assert (changed.status, changed.url) == ("disabled", "http://127.0.0.1:1/new")
    assert dashboard.v1.webhook_endpoints.delete(endpoint.id).deleted
    assert dashboard.v1.webhook_endpoints.list().data == []


@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({"url": "nowhere"}, "url"),
        ({"url": "ftp://127.0.0.1"}, "url"),
        ({"enabled_events": ["everything"]}, "enabled_events"),
    ],
)
def test_endpoint_with_wrong_values_is_refused(dashboard, values, param):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        dashboard.v1.webhook_endpoints.create({"url": "http://127.0.0.1", "enabled_events": ["*"], **values})

    assert refusal.value.param == param


# Deliveries


def test_delivery_is_signed_over_the_raw_body(dashboard, receiver):
    endpoint = listen(dashboard, receiver.url)

    dashboard.create_coupon(percent_off=50, name="Dé jà")

    [(body, signature)] = receiver.wait_for(1)
    event = stripe.Webhook.construct_event(body, signature, endpoint.secret)
    assert event.type == "coupon.created"
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body, signature, "whsec_other")


def test_delivery_only_of_what_an_endpoint_wants(dashboard, receiver, standin):
    listen(dashboard, receiver.url, "promotion_code.created")

    coupon = dashboard.create_coupon()
    dashboard.create_code(coupon.id, "SPRING")

    assert standin.courier.wait_until_idle()
    assert types(receiver) == ["promotion_code.created"]


def test_delivery_stops_while_disabled(dashboard, receiver, standin):
    endpoint = listen(dashboard, receiver.url)
    dashboard.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})

    dashboard.create_coupon()

    assert standin.courier.wait_until_idle()
    assert receiver.received == []


@pytest.mark.parametrize("failure", [500, 404, 302])
def test_delivery_is_tried_again_until_accepted(dashboard, receiver, standin, failure):
    receiver.answers = [failure, failure]
    listen(dashboard, receiver.url)

    dashboard.create_coupon()

    assert standin.courier.wait_until_idle()
    assert len(receiver.received) == 3
    assert len({body for body, signature in receiver.received}) == 1


def test_delivery_is_given_up_after_the_last_delay(dashboard, receiver, standin):
    receiver.answers = [500] * 20
    listen(dashboard, receiver.url)

    dashboard.create_coupon()

    assert standin.courier.wait_until_idle()
    assert len(receiver.received) == 1 + len(standin.courier.retry_delays)
    [event] = dashboard.v1.events.list({"delivery_success": False}).data
    assert event.pending_webhooks == 1


def test_delivered_events_are_told_from_the_others(dashboard, receiver, standin):
    listen(dashboard, receiver.url, "coupon.created")
    dashboard.create_coupon()
    assert standin.courier.wait_until_idle()

    [event] = dashboard.v1.events.list({"delivery_success": True}).data
    assert event.pending_webhooks == 0
    assert dashboard.v1.events.list({"delivery_success": False}).data == []


def test_delivery_goes_on_after_a_restart(tmp_path, receiver):
    path = tmp_path / "standin.sqlite3"
    receiver.answers = [500]
    first = server.start(store_path=path, webhook_retry_delays=(0.5,))
    listen(Dashboard(first.url), receiver.url)
    Dashboard(first.url).create_coupon()
    receiver.wait_for(1)
    first.stop()

    second = server.start(store_path=path)
    receiver.wait_for(2)
    second.stop()

    assert types(receiver) == ["coupon.created"] * 2


def test_delivery_to_a_closed_port_is_a_failure(dashboard, standin):
    listen(dashboard, "http://127.0.0.1:1/hook")

    dashboard.create_coupon()

    assert standin.courier.wait_until_idle()
    assert len(dashboard.v1.events.list({"delivery_success": False}).data) == 1


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("10.0.0.1", False),
        ("example.com", False),
        ("", False),
    ],
)
def test_nothing_is_sent_further_than_this_machine(host, local):
    assert delivery.is_loopback(host) is local


def test_session_expiring_by_itself_is_delivered(shop, receiver, clock):
    listen(shop.dashboard, receiver.url, "checkout.session.expired")
    session = shop.open()

    clock.advance(25 * 3600)

    [(body, _)] = receiver.wait_for(1)
    assert json.loads(body)["data"]["object"]["id"] == session.id


def test_what_hooks_bring_about_is_delivered(shop, receiver, standin):
    subscription = shop.subscribe()
    listen(shop.dashboard, receiver.url, "invoice.paid")

    standin.hooks.renew(subscription.id)

    [(body, _)] = receiver.wait_for(1)
    assert json.loads(body)["data"]["object"]["billing_reason"] == "subscription_cycle"
