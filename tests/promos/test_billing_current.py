"""The customer's running subscription, bought at the stand-in as a customer would."""

from datetime import datetime
from typing import Any

import pytest
import requests
from django.test import Client
from django.utils.formats import date_format
from django.utils.html import strip_tags
from pytest_django import Settings

from promos import redemptions, stripe_gateway
from promos.billing import current
from promos.models import Customer, Subscription
from promos.standin.server import Standin
from tests import factories, shop
from tests.factories import LONG_AGO
from tests.shop import Shop

pytestmark = pytest.mark.django_db


def buy(buyer: Client, plan: str, now: datetime, *, code: str = "") -> Subscription:
    """Pay a plan at the stand-in, and keep what it says of the subscription as its events would."""
    url = buyer.post("/billing/checkout/", {"plan": plan, "code": code})["Location"]
    requests.post(
        url, data={"action": "pay", "card": "4242 4242 4242 4242"}, allow_redirects=False, timeout=10
    )
    made = next(iter(stripe_gateway.list_subscriptions()))
    return redemptions.note_subscription(made, now=now)


def card(buyer: Client) -> str:
    page = buyer.get("/billing/").content.decode().replace("<", " <")
    return " ".join(strip_tags(page.partition("Your subscription")[2].partition("</section>")[0]).split())


def test_page_without_a_subscription_has_no_card(buyer: Client, team: Shop) -> None:
    assert card(buyer) == ""


def test_page_shows_what_renews_and_when(buyer: Client, team: Shop, now: datetime) -> None:
    bought = buy(buyer, team.monthly, now)
    renewal = date_format(bought.current_period_ends_at, "DATE_FORMAT")
    assert card(buyer).startswith(
        f"Plan Team Status Active Regular price $99.50 a month Renews on {renewal} Next payment $99.50"
    )


def test_page_shows_the_running_discount_and_the_next_price(buyer: Client, team: Shop, now: datetime) -> None:
    shop.give_code("HALF", offer={"percent_off": 50, "duration": "repeating", "duration_in_months": 3})
    bought = buy(buyer, team.monthly, now, code="HALF")
    end = datetime.fromtimestamp(next(iter(bought.discounts.values())), now.tzinfo)
    shown = card(buyer)
    assert f"Discount HALF, until {date_format(end, 'DATE_FORMAT')}" in shown
    assert "Next payment $49.75" in shown
    assert "Apply to my subscription" not in shown


def test_page_shows_when_a_cancelled_subscription_ends(buyer: Client, team: Shop, now: datetime) -> None:
    bought = buy(buyer, team.monthly, now)
    Subscription.objects.filter(pk=bought.pk).update(cancel_at=now)
    assert f"Ends on {date_format(now, 'DATE_FORMAT')}" in card(buyer)
    assert "Next payment" not in card(buyer)


def test_code_is_given_to_the_running_subscription(buyer: Client, team: Shop, now: datetime) -> None:
    buy(buyer, team.monthly, now)
    shop.give_code("LOYAL", offer={"duration": "forever"})
    page = buyer.post("/billing/subscription/code/", {"subscription_code": "loyal"}, follow=True)
    assert b"Your code is applied to your next payments." in page.content
    assert "Discount LOYAL, for as long as you stay" in card(buyer)
    assert "Next payment $79.60" in card(buyer)


def test_page_says_that_another_order_is_a_second_subscription(
    buyer: Client, team: Shop, now: datetime
) -> None:
    warning = "What you order here is a second one, paid in addition."
    assert warning not in buyer.get("/billing/").content.decode()
    buy(buyer, team.monthly, now)
    assert warning in buyer.get("/billing/").content.decode()


def test_page_shows_every_running_subscription(buyer: Client, team: Shop, now: datetime) -> None:
    buy(buyer, team.monthly, now)
    buy(buyer, team.yearly, now)
    page = buyer.get("/billing/").content.decode()
    assert "Your 2 subscriptions" in page
    assert "You already have 2 subscriptions." in page
    shown = [plan in page for plan in ("$99.50 a month</dd>", "$990.00 a year</dd>")]
    assert (shown, page.count("Cards, invoices, cancelling")) == ([True, True], 1)


def test_code_goes_to_the_subscription_it_was_entered_for(buyer: Client, team: Shop, now: datetime) -> None:
    monthly, yearly = buy(buyer, team.monthly, now), buy(buyer, team.yearly, now)
    shop.give_code("LOYAL", offer={"duration": "forever"})
    buyer.post("/billing/subscription/code/", {"subscription": monthly.pk, "subscription_code": "loyal"})
    monthly.refresh_from_db()
    yearly.refresh_from_db()
    assert (len(monthly.discounts), len(yearly.discounts)) == (1, 0)


@pytest.mark.parametrize("number", ["x", "9" * 30, "{somebody_elses}"])
def test_code_for_no_subscription_of_the_customers_is_not_given(
    buyer: Client, team: Shop, now: datetime, number: str
) -> None:
    buy(buyer, team.monthly, now)
    other = factories.SubscriptionFactory(plan=team.monthly)
    shop.give_code("LOYAL")
    sent = {"subscription": number.format(somebody_elses=other.pk), "subscription_code": "LOYAL"}
    assert buyer.post("/billing/subscription/code/", sent)["Location"] == "/billing/"
    assert Subscription.objects.exclude(discounts={}).count() == 0


def test_subscriptions_take_the_same_queries_however_many(
    buyer: Client, customer: Customer, team: Shop, django_assert_num_queries: Any
) -> None:
    running = {"customer": customer, "plan": team.monthly, "discounts": {"promo_1": None}}
    factories.SubscriptionFactory.create_batch(5, **running)
    with django_assert_num_queries(3):
        assert len(current.all_of(customer, now=LONG_AGO)) == 5


def test_second_code_does_not_take_the_place_of_the_first(buyer: Client, team: Shop, now: datetime) -> None:
    shop.give_code("FIRST", offer={"duration": "forever"})
    shop.give_code("SECOND")
    buy(buyer, team.monthly, now, code="FIRST")
    page = buyer.post("/billing/subscription/code/", {"subscription_code": "SECOND"}, follow=True)
    assert b"A discount is running already" in page.content
    assert "FIRST" in card(buyer)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("NOSUCH", "This code cannot be used. Check the spelling.</p>"),
        ("NEWONLY", "for a first purchase only"),
        ("YEARLY", "nothing off the next payments for “Team”"),
    ],
)
def test_refused_code_says_why_and_changes_nothing(
    buyer: Client, customer: Customer, team: Shop, now: datetime, text: str, said: str
) -> None:
    buy(buyer, team.monthly, now)
    factories.LedgerEntryFactory(customer=customer)
    shop.give_code("NEWONLY", first_time_only=True)
    shop.give_code("YEARLY", offer={"product_ids": [team.yearly_product]})
    page = buyer.post("/billing/subscription/code/", {"subscription_code": text}).content.decode()
    assert said in page
    assert f'value="{text}" aria-invalid="true"' in page
    assert next(iter(stripe_gateway.list_subscriptions()))["discounts"] == []


def test_code_without_stripe_says_try_again(
    buyer: Client, team: Shop, now: datetime, settings: Settings
) -> None:
    buy(buyer, team.monthly, now)
    shop.give_code("LOYAL")
    settings.STRIPE_HOST = "http://127.0.0.1:9"
    page = buyer.post("/billing/subscription/code/", {"subscription_code": "LOYAL"}, follow=True)
    assert b"Please try again in a moment" in page.content


def test_code_of_a_link_stands_in_the_field_of_the_subscription_too(
    buyer: Client, team: Shop, now: datetime
) -> None:
    buy(buyer, team.monthly, now)
    shop.give_code("LOYAL")
    page = buyer.get("/p/loyal", follow=True).content.decode()
    assert page.count('value="LOYAL"') == 2
    assert 'name="subscription_code" type="text" value="LOYAL"' in page
    dead = buyer.get("/p/NOSUCH", follow=True).content.decode()
    assert 'value="NOSUCH"' not in dead


def test_code_without_a_subscription_leads_to_the_plans(buyer: Client, team: Shop) -> None:
    answer = buyer.post("/billing/subscription/code/", {"subscription_code": "LOYAL"})
    assert answer["Location"] == "/billing/"


def test_portal_opens_at_stripe_and_leads_back(
    buyer: Client, team: Shop, standin: Standin, now: datetime
) -> None:
    buy(buyer, team.monthly, now)
    answer = buyer.post("/billing/portal/")
    assert answer.status_code == 303
    assert answer["Location"].startswith(standin.url)


def test_portal_without_stripe_says_try_again(buyer: Client, team: Shop, settings: Settings) -> None:
    settings.STRIPE_HOST = "http://127.0.0.1:9"
    page = buyer.post("/billing/portal/", follow=True)
    assert b"The portal could not be opened just now" in page.content
