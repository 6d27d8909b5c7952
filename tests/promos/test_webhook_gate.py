"""The gate: what is let in, what is refused without a trace, and what Stripe is told."""

import hashlib
import hmac
import time

import hypothesis
import pytest
from django.db import OperationalError, connection
from django.urls import reverse
from djstripe.models import WebhookEndpoint
from hypothesis import given
from hypothesis import strategies as st

from promos.models import WebhookEvent
from promos.webhooks import gate, receivers, signing_secrets
from tests.promos import stripe_events
from tests.promos.stripe_events import deliver

pytestmark = pytest.mark.django_db

PRODUCT = {"id": "prod_1", "object": "product"}
UUID = "0b8e6f6e-6a49-4d5e-9f0c-2f4f4c3c8d11"


@pytest.fixture(autouse=True)
def _secret(settings):
    settings.STRIPE_WEBHOOK_SECRETS = [stripe_events.SECRET]
    signing_secrets.forget()
    yield
    signing_secrets.forget()


def product_event(**fields):
    return stripe_events.event("product.updated", PRODUCT, **fields)


def nested(depth):
    value = "x"
    for _ in range(depth):
        value = [value]
    return product_event(data={"object": PRODUCT, "nested": value})


def test_signed_event_is_stored_and_answered(client):
    payload = product_event()

    response = deliver(client, payload)

    stored = WebhookEvent.objects.get()
    assert response.status_code == 200
    assert (stored.stripe_event_id, stored.type, stored.object_id) == (
        payload["id"],
        "product.updated",
        "prod_1",
    )
    assert stored.payload == payload
    assert stored.processed_at is None


@pytest.mark.parametrize(
    "address",
    [
        "/api/webhooks/stripe/",
        "/api/webhooks/stripe/promo-codes/",
        f"/api/webhooks/stripe/webhook/{UUID}/",
    ],
)
def test_every_address_answers_with_and_without_the_last_slash(client, address):
    assert deliver(client, product_event(), address=address).status_code == 200
    assert deliver(client, product_event(), address=address.rstrip("/")).status_code == 200
    assert WebhookEvent.objects.count() == 2


def test_djstripe_name_leads_to_our_gate(client):
    address = reverse("djstripe:djstripe_webhook_by_uuid", kwargs={"uuid": UUID})

    assert address == f"/api/webhooks/stripe/webhook/{UUID}/"
    assert client.post(address).resolver_match.func is gate.receive


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("", "The signature is missing or wrong."),
        ("t=now,v1=nonsense", "The signature is missing or wrong."),
        ("t=1", "The signature is missing or wrong."),
        ("t=1,v1=\u00e9", "The signature is missing or wrong."),
        (f"t={'9' * 400},v1=0", "The signature is missing or wrong."),
        ("v1", "The signature is missing or wrong."),
    ],
)
def test_unsigned_event_is_refused(client, header, reason):
    response = deliver(client, product_event(), header=header)

    assert (response.status_code, response.content.decode()) == (400, reason)
    assert not WebhookEvent.objects.exists()


@pytest.mark.parametrize(
    ("secret", "age", "status"),
    [
        ("whsec_of_somebody_else", 0, 400),
        (stripe_events.SECRET, 310, 400),
        (stripe_events.SECRET, -310, 400),
        (stripe_events.SECRET, 290, 200),
        (stripe_events.SECRET, -290, 200),
    ],
)
def test_signature_is_checked_for_secret_and_age_on_both_sides(client, secret, age, status):
    body = b'{"id": "evt_1", "object": "event", "type": "product.updated", "livemode": false, "data": {"object": {}}}'
    header = stripe_events.signature(body, secret=secret, at=time.time() - age)

    assert deliver(client, body, header=header).status_code == status
    assert WebhookEvent.objects.count() == (status == 200)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"not JSON",
        b"[]",
        b"7",
        b'"event"',
        b"null",
        b"[" * 200_000,
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": ' + b"9" * 5000 + b"}",
        [product_event()],
        product_event(id=None),
        product_event(id=""),
        product_event(id=7),
        product_event(id="evt_" + "x" * 252),
        product_event(type=None),
        product_event(type="x" * 101),
        product_event(object="charge"),
        product_event(livemode="no"),
        product_event(data=None),
        product_event(data={"object": None}),
        product_event(data={"object": {"id": 7}}),
        product_event(data={"object": {"id": "x" * 256}}),
        product_event(api_version=["x"]),
        nested(gate.MAX_DEPTH),
    ],
    ids=lambda payload: str(payload)[:60],
)
def test_malformed_event_is_refused(client, payload):
    response = deliver(client, payload)

    assert response.status_code == 400
    assert response.content
    assert not WebhookEvent.objects.exists()


def test_depth_within_bounds_is_accepted(client):
    assert deliver(client, nested(gate.MAX_DEPTH - 2)).status_code == 200


def test_bytes_that_are_not_utf8_are_refused(client):
    body = b'{"id": "evt_\xff"}'
    at = int(time.time())
    digest = hmac.new(stripe_events.SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()

    assert deliver(client, body, header=f"t={at},v1={digest}").status_code == 400


@pytest.mark.parametrize("size", [gate.MAX_BYTES + 1, 4 * 1024 * 1024])
def test_oversized_event_is_refused_before_its_signature_is_looked_at(client, size):
    response = deliver(client, b"x" * size, header="none")

    assert response.status_code == 413
    assert not WebhookEvent.objects.exists()


@pytest.mark.parametrize(("live_installation", "live_event"), [(False, True), (True, False)])
def test_event_of_the_other_mode_is_refused(client, settings, live_installation, live_event):
    settings.STRIPE_LIVE_MODE = live_installation

    response = deliver(client, product_event(livemode=live_event))

    assert response.status_code == 400
    assert "mode" in response.content.decode()
    assert not WebhookEvent.objects.exists()


def test_refusal_is_logged_with_its_reason(client, caplog):
    client.post("/api/webhooks/stripe/", "{}", content_type="application/json")
    assert caplog.messages == ["Refused a webhook: The signature is missing or wrong."]


def test_get_is_refused(client):
    assert client.get(stripe_events.ADDRESS).status_code == 405


def test_type_without_a_receiver_is_answered_and_not_stored(client):
    response = deliver(client, stripe_events.event("customer.updated", {"id": "cus_1", "object": "customer"}))

    assert response.status_code == 200
    assert not WebhookEvent.objects.exists()


def test_text_the_database_cannot_hold_is_stored_without_it(client):
    payload = product_event(data={"object": {**PRODUCT, "name": "a\0b \ud800 \\u0000 🎁"}})

    assert deliver(client, payload).status_code == 200
    assert WebhookEvent.objects.get().payload["data"]["object"]["name"] == "a\ufffdb \ufffd \\u0000 🎁"


@pytest.mark.django_db(transaction=True)
def test_event_that_cannot_be_stored_is_answered_with_500(client):
    def fail(execute, sql, params, many, context):
        if sql.startswith("INSERT INTO promos_webhookevent"):
            raise OperationalError("disk full")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail):
        response = deliver(client, product_event())

    assert response.status_code == 500
    assert not WebhookEvent.objects.exists()


def test_redirect_to_https_spares_the_webhook_and_the_monitor(client, settings):
    settings.SECURE_SSL_REDIRECT = True

    assert deliver(client, product_event()).status_code == 200
    assert client.get("/healthz").status_code == 200


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=8,
)


@pytest.mark.slow
@given(
    fields=st.dictionaries(
        st.sampled_from(["id", "type", "data", "livemode", "api_version", "request"]), JSON
    ),
    subject=st.dictionaries(st.sampled_from(["id", "object", "metadata", "discounts", "customer"]), JSON),
    event_type=st.sampled_from(list(receivers.REGISTRY)),
)
@hypothesis.settings(
    max_examples=60, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
def test_signed_nonsense_never_fails(client, fields, subject, event_type):
    response = deliver(client, {**stripe_events.event(event_type, subject), **fields})

    assert response.status_code in {200, 400}


def endpoint(**fields):
    defaults = {
        "id": "we_1",
        "enabled_events": ["*"],
        "status": "enabled",
        "livemode": False,
        "url": "https://x.example",
    }
    return WebhookEndpoint.objects.create(**{**defaults, **fields})


def signed_by(secret):
    body = b'{"id": "evt_1", "object": "event", "type": "product.updated", "livemode": false, "data": {"object": {}}}'
    return body, stripe_events.signature(body, secret=secret)


@pytest.mark.parametrize(
    ("fields", "status"), [({}, 200), ({"status": "disabled"}, 400), ({"livemode": True}, 400)]
)
def test_secret_of_an_enabled_endpoint_of_our_mode_is_accepted(client, fields, status):
    signing_secrets.current()
    endpoint(secret="whsec_row", **fields)
    body, header = signed_by("whsec_row")

    assert deliver(client, body, header=header).status_code == status


def test_secret_stored_by_another_process_is_found_before_the_cache_ends(client, monkeypatch):
    signing_secrets.current()
    WebhookEndpoint.objects.bulk_create(
        [WebhookEndpoint(id="we_1", enabled_events=[], status="enabled", livemode=False, secret="whsec_row")]
    )
    body, header = signed_by("whsec_row")

    assert deliver(client, body, header=header).status_code == 400
    monkeypatch.setattr(signing_secrets, "REFRESH_SECONDS", 0)
    assert deliver(client, body, header=header).status_code == 200


def test_junk_is_refused_without_asking_the_database(client, django_assert_num_queries):
    signing_secrets.current()

    with django_assert_num_queries(0):
        deliver(client, product_event(), header="t=1,v1=junk")
