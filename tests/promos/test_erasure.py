"""A person is forgotten everywhere; what was bought stays."""

import json
from datetime import datetime
from io import StringIO

import pytest
from allauth.account.models import EmailAddress
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from djstripe.models import Event, WebhookEventTrigger

from promos import desk, erasure, funnel, redemptions
from promos.models import Customer, LedgerEntry, PromoCode, PromoCodeUsage, WebhookEvent
from promos.webhooks import inbox
from tests import factories
from tests.promos import stripe_events
from tests.promos.stripe_orders import invoice, session

pytestmark = pytest.mark.django_db

EMAIL = "Jané.Doe@example.com"


def told(email: str = EMAIL) -> dict[str, object]:
    details = {"email": email, "name": "Jane Doe", "address": {"line1": "1 Elm St"}}
    return session(customer_details=details, receipt=f"sent to {email}")


@pytest.fixture
def bought(now: datetime, owner: User) -> Customer:
    """Somebody who has bought, and whose address is wherever it can come to be."""
    customer = factories.CustomerFactory(email=EMAIL, stripe_customer_id="cus_1")
    event = stripe_events.event("checkout.session.completed", told())
    inbox.take(event, now=now)
    factories.AccountFactory()
    Event.objects.create(
        id=event["id"], type=event["type"], livemode=False, data=event["data"], stripe_data=event
    )
    WebhookEventTrigger.objects.create(remote_ip="127.0.0.1", headers={}, body=json.dumps(event))
    LogEntry.objects.create(user=owner, object_repr=EMAIL, action_flag=CHANGE, object_id=str(customer.pk))
    desk.give_goodwill(customer, percent_off=20, now=now, by=owner)
    return customer


@pytest.fixture
def account(bought: Customer) -> User:
    user = factories.user(EMAIL.lower(), "secret", first_name="Jane")
    EmailAddress.objects.create(user=user, email=EMAIL.lower())
    Customer.objects.filter(pk=bought.pk).update(user=user)
    return user


def erase(*options: str, email: str = EMAIL) -> dict[str, object]:
    out = StringIO()
    call_command("erase_customer", email, "--json", *options, stdout=out)
    return json.loads(out.getvalue())


def test_erase_leaves_the_address_nowhere(bought: Customer, account: User) -> None:
    assert len(erasure.places(EMAIL)) >= 8
    erased = erase("--account")
    assert (erased["customers"], erased["accounts"], erased["stripe_customer_ids"]) == (1, 1, ["cus_1"])
    assert erasure.places(EMAIL) == {}
    assert "Elm St" not in str(WebhookEvent.objects.get().payload)


def test_erase_clears_what_an_earlier_version_wrote_of_goodwill(bought: Customer) -> None:
    PromoCode.history.update(history_change_reason=f"Goodwill for {EMAIL}")
    assert erase()["reasons"] == 1
    assert PromoCode.history.get().history_change_reason == "Goodwill"


def test_erase_keeps_the_money_and_the_event(bought: Customer, now: datetime) -> None:
    erase()
    inbox.take(WebhookEvent.objects.get().payload, now=now)
    entry = LedgerEntry.objects.get()
    assert (entry.customer, entry.net_amount, entry.event) == (bought, 10_000, WebhookEvent.objects.get())


def test_erase_forgets_where_the_customer_came_from(bought: Customer, now: datetime) -> None:
    funnel.claim(funnel.arrive(None, {"utm_source": "news"}, now=now).uid, bought)
    erasure.erase(EMAIL, now=now)
    assert not bought.journeys.exists()


def test_erase_finds_every_spelling_of_the_mailbox(now: datetime) -> None:
    factories.CustomerFactory(email="j.doe+promo@gmail.com", stripe_customer_id="cus_1")
    inbox.take(stripe_events.event("checkout.session.completed", told("j.doe+promo@gmail.com")), now=now)
    erase(email="JDoe@gmail.com")
    assert erasure.places("j.doe+promo@gmail.com") == {}


def test_erased_customer_gets_no_address_from_a_late_event(bought: Customer, now: datetime) -> None:
    erase()
    redemptions.record_invoice(invoice(month=1, customer_email=EMAIL), event=None, now=now)
    bought.refresh_from_db()
    assert (bought.email, bought.email_key, LedgerEntry.objects.count()) == ("", "", 2)


def test_erase_says_that_a_login_remains(bought: Customer, account: User) -> None:
    with pytest.raises(CommandError, match=r"auth_user\.email"):
        erase()
    account.refresh_from_db()
    assert account.is_active


def test_closed_login_cannot_be_used(bought: Customer, account: User, client) -> None:
    client.force_login(account)
    erase("--account")
    account.refresh_from_db()
    assert not account.is_active
    assert client.get("/billing/").status_code == 302


def test_dry_run_counts_and_changes_nothing(bought: Customer) -> None:
    before = erasure.places(EMAIL)
    counted = erase("--dry-run")
    assert (counted["webhook_events"], counted["mirrored_events"], counted["mirrored_bodies"]) == (1, 1, 1)
    assert erasure.places(EMAIL) == before


def test_other_people_are_left_alone(bought: Customer, now: datetime) -> None:
    other = factories.CustomerFactory(email="other@example.com", stripe_customer_id="cus_2")
    theirs = session(id="cs_2", customer="cus_2", subscription="sub_2")
    inbox.take(stripe_events.event("checkout.session.completed", theirs), now=now)
    erase()
    other.refresh_from_db()
    kept = WebhookEvent.objects.get(object_id="cs_2").payload["data"]["object"]["customer_details"]
    assert (other.email, kept["email"]) == ("other@example.com", "customer@example.com")


@pytest.mark.parametrize("email", ["nobody@example.com", " "])
def test_unknown_address_is_an_error(email: str) -> None:
    with pytest.raises(CommandError, match="Nothing is known"):
        erase(email=email)


def test_only_customer_and_event_hold_an_address(now: datetime) -> None:
    code = factories.SyncedPromoCodeFactory()
    session_ = session(code, customer_details={"email": EMAIL})
    inbox.take(stripe_events.event("checkout.session.completed", session_), now=now)
    redemptions.record_invoice(invoice(code, month=1, customer_email=EMAIL), event=None, now=now)
    assert PromoCodeUsage.objects.get().promo_code == PromoCode.objects.get()
    kept = {"promos_customer.email", "promos_customer.email_key", "promos_webhookevent.payload"}
    assert set(erasure.places(EMAIL)) == kept
