"""The customer of an account follows its address, here and at Stripe."""

import json
from datetime import datetime
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from promos import customers, stripe_gateway
from promos.models import Customer
from promos.standin.messages import Response
from promos.standin.server import Standin
from tests.standin.faults import Faults

pytestmark = pytest.mark.django_db
NEW = "moved.on@gmail.com"


@pytest.fixture
def buyer(customer: Customer, standin: Standin) -> Customer:
    return customers.ensure_at_stripe(customer)


def change_address(client: Client, customer: Customer) -> None:
    """Do what somebody does under Account: choose the address that they have confirmed."""
    EmailAddress.objects.create(user=customer.user, email=customer.email, verified=True, primary=True)
    EmailAddress.objects.create(user=customer.user, email=NEW, verified=True)
    client.force_login(customer.user)
    client.post("/accounts/email/", {"email": NEW, "action_primary": ""})


def addresses(customer: Customer) -> tuple[str, str, str]:
    customer.refresh_from_db()
    at_stripe = stripe_gateway.retrieve_customer(customer.stripe_customer_id or "")
    return customer.email, customer.email_key, at_stripe["email"]


def test_changed_address_arrives_here_and_at_stripe(client: Client, buyer: Customer) -> None:
    change_address(client, buyer)
    assert addresses(buyer) == (NEW, "movedon@gmail.com", NEW)


def test_address_that_stripe_did_not_hear_of_is_told_with_the_next_checkout(
    client: Client, buyer: Customer, standin: Standin, settings: Settings
) -> None:
    settings.STRIPE_HOST = "http://127.0.0.1:9"
    change_address(client, buyer)
    settings.STRIPE_HOST = standin.url
    assert addresses(buyer)[::2] == ("customer@example.com",) * 2
    customers.ensure_at_stripe(Customer.objects.get(pk=buyer.pk))
    assert addresses(buyer)[::2] == (NEW, NEW)


def test_address_that_stripe_dislikes_keeps_nobody_from_buying(buyer: Customer, standin: Standin) -> None:
    User.objects.update(email=NEW)
    error = {"message": "Invalid email address", "type": "invalid_request_error", "code": "email_invalid"}
    refusal = Response(400, json.dumps({"error": error}))
    Faults(standin).always(lambda request, behind: refusal, method="POST", path="/v1/customers/")
    found = customers.ensure_at_stripe(Customer.objects.get(pk=buyer.pk))
    assert (found.email, found.stripe_customer_id) == ("customer@example.com", buyer.stripe_customer_id)


def test_customer_who_is_erased_while_stripe_is_told_stays_so(
    buyer: Customer, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    User.objects.update(email=NEW)
    tell = stripe_gateway.update_customer

    def tell_meanwhile(*args: Any, **kwargs: Any) -> Any:
        Customer.objects.update(email="", email_key="", erased_at=now)
        return tell(*args, **kwargs)

    monkeypatch.setattr(stripe_gateway, "update_customer", tell_meanwhile)
    customers.follow_account(User.objects.get())
    buyer.refresh_from_db()
    assert (buyer.email, buyer.email_key) == ("", "")


def test_customer_who_was_erased_stays_so(buyer: Customer, now: datetime) -> None:
    Customer.objects.update(email="", email_key="", erased_at=now)
    customers.ensure_at_stripe(Customer.objects.get(pk=buyer.pk))
    buyer.refresh_from_db()
    assert buyer.email == ""
