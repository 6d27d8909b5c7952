"""Stripe takes calls and never answers: the customers' pages do, in good time."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from datetime import datetime

import pytest
from django.test import Client
from pytest_django import Settings

from promos import stripe_gateway
from promos.models import CheckoutAttempt, CodeCheck, Customer
from promos.stripe_gateway import calling
from tests import factories, shop
from tests.shop import Shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def _hanging(team: Shop, settings: Settings) -> Iterator[None]:
    """After the shop was made at the stand-in, calls go to a port that takes them and is silent."""
    shop.give_code("SPRING20")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.STRIPE_HOST = f"http://127.0.0.1:{silent.getsockname()[1]}"
        settings.STRIPE_PAGE_SECONDS = 1.0
        yield


@pytest.mark.usefixtures("_hanging")
@pytest.mark.parametrize("address", ["/billing/check/", "/billing/checkout/"])
def test_page_says_try_again_in_time(buyer: Client, customer: Customer, team: Shop, address: str) -> None:
    # An open checkout of another order is asked after as well: the calls of one page share its time.
    factories.models.CheckoutAttempt.objects.create(
        customer=customer,
        plan=team.yearly,
        state="open",
        stripe_session_id="cs_other",
        created_at=datetime.now().astimezone(),
        expires_at=datetime(2200, 1, 1).astimezone(),
    )
    began = time.monotonic()
    answer = buyer.post(address, {"plan": team.monthly, "code": "SPRING20"})
    assert time.monotonic() - began < 5
    assert b"try again in a moment" in answer.content
    assert b"$99.50" in answer.content


@pytest.mark.usefixtures("_hanging")
def test_plans_answer_in_time_with_a_link(buyer: Client) -> None:
    began = time.monotonic()
    answer = buyer.get("/p/SPRING20", follow=True)
    assert time.monotonic() - began < 5
    assert answer.status_code == 200
    assert b"$99.50" in answer.content


@pytest.mark.usefixtures("_hanging")
def test_code_is_accepted_on_our_rules_where_the_owner_allows(
    buyer: Client, team: Shop, settings: Settings
) -> None:
    settings.ACCEPT_CODES_WITHOUT_STRIPE = True
    answer = buyer.post("/billing/check/", {"plan": team.monthly, "code": "SPRING20"})
    assert b"<code>SPRING20</code> is applied" in answer.content
    assert CodeCheck.objects.get().reason == ""
    assert not CheckoutAttempt.objects.exists()


def test_defaults_keep_a_page_below_ten_seconds(settings: Settings) -> None:
    with stripe_gateway.hurried(settings.STRIPE_PAGE_SECONDS):
        connecting, answering = calling.timeout()
    # The worst: a call is begun just when the one before it has used up its share.
    first = connecting + answering
    left = settings.STRIPE_PAGE_SECONDS - first
    assert first + min(connecting, left) + min(answering, left) < 10
