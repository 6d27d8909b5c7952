"""Connecting to an account: key, permissions, webhook endpoint and catalogue; a second run changes nothing."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from djstripe.models import Account, APIKey, Coupon, Price, Product, PromotionCode, WebhookEndpoint

from promos import connect, mirror, stripe_gateway
from promos.models import PromoCode
from promos.sync import pull
from promos.webhooks import endpoints, receivers, signing_secrets
from tests import factories
from tests.promos import stripe_events
from tests.standin import faults, spec

pytestmark = pytest.mark.django_db


#: What a restricted key for Promodesk is given; nothing gives it the account.
GRANTED = {
    "rak_billing_portal_write",
    "rak_checkout_session_write",
    "rak_coupon_write",
    "rak_credit_note_read",
    "rak_customer_write",
    "rak_dispute_read",
    "rak_event_read",
    "rak_invoice_read",
    "rak_price_read",
    "rak_product_read",
    "rak_promotion_code_write",
    "rak_refund_read",
    "rak_subscription_write",
    "rak_webhook_endpoint_write",
}


@pytest.fixture
def recorder(standin):
    recorder = standin.api = spec.Recorder(standin.api)
    return recorder


def writes(recorder):
    return [call.request for call in recorder.calls if call.request.method == "POST"]


def use_restricted_key(standin, settings, granted):
    settings.STRIPE_SECRET_KEY = "rk_test_" + "0" * 24
    faults.Faults(standin).always(faults.restricted(*granted))


def run():
    steps = list(connect.run(timezone.now()))
    return [step.text for step in steps if step.ok], [step.text for step in steps if not step.ok]


def enabled():
    return [found for found in stripe_gateway.list_webhook_endpoints() if found["status"] == "enabled"]


def made_by_hand(**params):
    defaults = {"url": endpoints.url(), "enabled_events": ["*"]}
    return stripe_gateway.create_webhook_endpoint({**defaults, **params}, idempotency_key="by hand")


def test_first_run_connects_everything(recorder, settings):
    product = stripe_gateway.create_product({"name": "Team"}, idempotency_key="product")
    stripe_gateway.create_price(
        {"product": product["id"], "currency": "usd", "unit_amount": 9950}, idempotency_key="price"
    )

    done, wrong = run()

    endpoint = enabled()[0]
    assert wrong == []
    assert endpoint["url"] == f"{settings.SITE_URL}/api/webhooks/stripe/"
    assert endpoint["enabled_events"] == list(receivers.REGISTRY)
    assert endpoint["api_version"] == settings.STRIPE_API_VERSION
    assert WebhookEndpoint.objects.get().secret.startswith("whsec_")
    assert APIKey.objects.get().djstripe_owner_account == Account.objects.get()
    assert "Mirrored 1 products and 1 prices." in done


def test_second_run_changes_nothing(recorder):
    run()
    before = list(WebhookEndpoint.objects.values("id", "secret", "status"))
    recorder.calls.clear()

    done, wrong = run()

    assert wrong == []
    assert any("is as it should be" in text for text in done)
    # The writes that are left try permissions, on objects that do not exist.
    assert all("promodesk_permission_check" in f"{sent.path} {sent.params}" for sent in writes(recorder))
    assert list(WebhookEndpoint.objects.values("id", "secret", "status")) == before


def test_event_signed_with_the_new_secret_passes_the_gate(recorder, client):
    signing_secrets.current()
    run()
    body = json.dumps(stripe_events.event("product.updated", {"id": "prod_1", "object": "product"})).encode()
    header = stripe_events.signature(body, secret=WebhookEndpoint.objects.get().secret)

    assert stripe_events.deliver(client, body, header=header).status_code == 200


def test_endpoint_with_other_events_is_updated(recorder):
    run()
    endpoint = enabled()[0]
    stripe_gateway.update_webhook_endpoint(endpoint["id"], {"enabled_events": ["product.created"]})

    done, _ = run()

    assert [found["id"] for found in enabled()] == [endpoint["id"]]
    assert enabled()[0]["enabled_events"] == list(receivers.REGISTRY)
    assert any("now sends exactly our events" in text for text in done)


def test_endpoint_whose_secret_is_unknown_is_replaced_and_then_disabled(recorder):
    run()
    old = enabled()[0]
    WebhookEndpoint.objects.all().delete()
    recorder.calls.clear()

    done, wrong = run()

    new = enabled()[0]
    assert wrong == []
    assert new["id"] != old["id"]
    assert len(enabled()) == 1
    assert WebhookEndpoint.objects.get(id=new["id"]).secret
    assert [sent.path for sent in writes(recorder)][-2:] == [
        "/v1/webhook_endpoints",
        f"/v1/webhook_endpoints/{old['id']}",
    ]
    assert f"The earlier endpoint {old['id']} was disabled." in done


def test_endpoint_of_another_api_version_is_replaced(recorder):
    made_by_hand(metadata={"promodesk": "webhooks"}, api_version="2020-08-27")

    run()

    assert [found["api_version"] for found in enabled()] == ["2026-08-26.dahlia"]


def test_secret_of_a_vanished_endpoint_is_no_longer_accepted(recorder):
    WebhookEndpoint.objects.create(
        id="we_gone", secret="whsec_gone", enabled_events=[], status="enabled", livemode=False
    )

    run()

    assert "whsec_gone" not in signing_secrets.current()


def test_foreign_endpoint_at_our_address_is_pointed_out(recorder):
    foreign = made_by_hand()

    _, wrong = run()

    assert len(wrong) == 1
    assert foreign["id"] in wrong[0]
    assert len(enabled()) == 2


@pytest.mark.parametrize(("events", "problems"), [(["*"], 0), (["product.created"], 1)])
def test_endpoint_made_by_hand_is_used_when_its_secret_is_configured(recorder, settings, events, problems):
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_by_hand"]
    made_by_hand(enabled_events=events)

    _, wrong = run()

    assert len(enabled()) == 1
    assert len(wrong) == problems
    assert all("checkout.session.completed" in text for text in wrong)


def test_no_command_warns_of_an_earlier_installations_endpoint(recorder, capsys):
    run()
    WebhookEndpoint.objects.all().delete()
    run()
    assert WebhookEndpoint.objects.filter(secret="").exists()

    call_command("check", databases=["default"])

    assert "webhook" not in capsys.readouterr().err.lower()


def test_restricted_key_with_the_permissions_in_the_list_connects(standin, settings):
    use_restricted_key(standin, settings, GRANTED)

    done, wrong = run()

    assert wrong == []
    assert "The key may do all that Promodesk needs." in done
    assert len(enabled()) == 1


@pytest.mark.parametrize("lacking", sorted(GRANTED))
def test_each_lacking_permission_is_named_in_stripes_word(standin, settings, lacking):
    use_restricted_key(standin, settings, GRANTED - {lacking})

    _, wrong = run()

    refused = [text for text in wrong if text.startswith("The key may not")]
    assert refused
    assert all(lacking.rpartition("_")[0] in text for text in refused)


def test_permission_checks_change_nothing_at_stripe(recorder):
    events = len(list(stripe_gateway.list_events()))

    list(connect.check_permissions())

    assert len(list(stripe_gateway.list_events())) == events


def test_refused_webhooks_do_not_stop_the_mirror(standin, settings):
    use_restricted_key(standin, settings, GRANTED - {"rak_webhook_endpoint_write"})

    done, wrong = run()

    assert any(text.startswith("Stripe did not let us connect the webhooks") for text in wrong)
    assert any(text.startswith("Mirrored") for text in done)


def test_wrong_key_stops_at_once(recorder, settings):
    settings.STRIPE_SECRET_KEY = "sk_live_" + "0" * 24

    done, wrong = run()

    assert done == []
    assert len(wrong) == 1
    assert wrong[0].startswith("The key does not work: Invalid API Key")
    assert not APIKey.objects.exists()


def test_unreachable_stripe_is_said_plainly():
    _, wrong = run()

    assert wrong == ["The key does not work: Stripe could not be reached."]


@pytest.mark.parametrize(
    ("site", "is_private"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://localhost:8000", True),
        ("http://[::1]:8000", True),
        ("http://192.168.1.7", True),
        ("http://desk.local", True),
        ("https://promo.example.com", False),
        ("https://8.8.8.8", False),
    ],
)
def test_private_address_is_recognised(site, is_private):
    assert connect._is_private(site) is is_private


@pytest.mark.parametrize(("secrets", "ok"), [([], False), (["whsec_of_the_cli"], True)])
def test_address_that_stripe_cannot_reach_gets_the_forwarding_command(settings, secrets, ok):
    settings.STRIPE_HOST = ""
    settings.STRIPE_WEBHOOK_SECRETS = secrets

    (step,) = connect.connect_webhooks()

    assert step.ok is ok
    assert (
        "stripe listen --forward-to http://127.0.0.1:8000/api/webhooks/stripe/ --events checkout" in step.text
    )


def test_codes_of_the_account_are_taken_over_once(recorder):
    coupon = stripe_gateway.create_coupon({"percent_off": 20, "duration": "once"}, idempotency_key="coupon")
    for text, active in (("OPEN", True), ("CLOSED", False)):
        params = {"promotion": {"type": "coupon", "coupon": coupon["id"]}, "code": text, "active": active}
        stripe_gateway.create_promotion_code(params, idempotency_key=text)

    first, wrong = run()
    second, _ = run()

    assert wrong == []
    assert first[-1] == "Took over 1 coupons and 1 codes from Stripe."
    assert second[-1] == "Took over 0 coupons and 0 codes from Stripe."
    assert PromoCode.objects.get().code == "OPEN"
    assert (Coupon.objects.count(), PromotionCode.objects.count()) == (1, 2)


def test_code_that_another_worker_takes_over_stops_no_other(recorder, monkeypatch):
    coupon = stripe_gateway.create_coupon({"percent_off": 20, "duration": "once"}, idempotency_key="coupon")
    for text in ("FIRST", "SECOND"):
        params = {"promotion": {"type": "coupon", "coupon": coupon["id"]}, "code": text}
        stripe_gateway.create_promotion_code(params, idempotency_key=text)
    take_over, met = pull.promotion_code, []

    def take_over_all_but_the_first(code_id, **rest):
        met.append(code_id)
        if len(met) == 1:
            raise pull.InMotion("Another worker takes the same over right now.")
        return take_over(code_id, **rest)

    monkeypatch.setattr(pull, "promotion_code", take_over_all_but_the_first)
    _, wrong = run()

    assert (wrong, len(met), PromoCode.objects.count()) == ([], 2, 1)


def test_rows_of_vanished_prices_and_products_go(recorder):
    factories.PriceFactory()

    run()

    assert not Price.objects.exists()
    assert not Product.objects.exists()


def test_command_prints_sentences_and_json(recorder):
    plain, as_json = StringIO(), StringIO()

    call_command("connect_stripe", stdout=plain)
    call_command("connect_stripe", "--json", stdout=as_json)

    answer = json.loads(as_json.getvalue())
    assert "✓ The key belongs to the account acct_" in plain.getvalue()
    assert answer["ok"] is True
    assert answer["url"] == endpoints.url()


def test_command_exits_with_1_when_something_is_wrong(standin, settings):
    use_restricted_key(standin, settings, GRANTED - {"rak_event_read"})

    with pytest.raises(CommandError) as caught:
        call_command("connect_stripe", stdout=StringIO())

    assert caught.value.returncode == 1


def test_key_of_another_account_owns_the_rows_from_then_on(recorder, settings):
    run()
    settings.STRIPE_SECRET_KEY = "sk_test_" + "1" * 24

    mirror.ensure_account()

    assert APIKey.objects.count() == 2
