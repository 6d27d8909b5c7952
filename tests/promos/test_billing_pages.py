from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils.html import strip_tags
from django.views.defaults import server_error
from pytest_django import Settings

from promos.billing import outcome, words
from promos.models import CheckoutAttempt, Customer, PromoCode
from tests import factories, shop
from tests.shop import Shop

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Trigger": "code"}


def squeezed(html: bytes) -> str:
    return " ".join(strip_tags(html.decode()).split())


def test_plans_ask_for_a_login_and_come_back(client: Client, db: None) -> None:
    answer = client.get("/billing/?plan=price_1")
    assert answer.status_code == 302
    assert answer["Location"] == "/accounts/login/?next=/billing/%3Fplan%3Dprice_1"


def test_htmx_without_a_login_leaves_the_page(client: Client, db: None) -> None:
    answer = client.post("/billing/check/", headers=HTMX)
    assert answer["HX-Redirect"] == "/accounts/login/?next=%2Fbilling%2F"


def test_plans_are_kind_when_there_are_none(buyer: Client) -> None:
    answer = buyer.get("/billing/")
    assert answer.status_code == 200
    assert b"No plans are on sale yet" in answer.content


def test_plans_show_prices_and_setup_fee(buyer: Client, team: Shop) -> None:
    page = squeezed(buyer.get("/billing/").content)
    assert "Team $99.50 a month plus $200.00 once for the setup" in page
    assert "Due today $299.50 Then $99.50 a month." in page
    assert "yearly" not in page.partition("Your order")[0]


def test_switch_shows_the_plans_of_the_other_side_and_keeps_the_code(buyer: Client, team: Shop) -> None:
    shop.give_code("SPRING20")
    page = buyer.get("/billing/?every=year&code=SPRING20")
    shown = squeezed(page.content)
    assert "Team, paid yearly $990.00 a year" in shown
    assert "$99.50" not in shown
    assert "SPRING20 is applied: you save $198.00 today." in shown
    assert 'href="/billing/?every=month&amp;code=SPRING20"' in page.content.decode()


def test_plans_stay_up_while_stripe_is_down(buyer: Client, team: Shop, settings: Settings) -> None:
    shop.give_code("SPRING20")
    settings.STRIPE_HOST = "http://127.0.0.1:9"
    answer = buyer.post("/billing/check/", {"plan": team.monthly, "code": "SPRING20"})
    assert b"try again in a moment" in answer.content
    assert b"$99.50" in answer.content


@pytest.mark.parametrize(("code", "is_told"), [("SPRING20", True), ("", False)])
def test_order_that_stripe_does_not_take_leaves_its_code_open(
    buyer: Client, team: Shop, settings: Settings, code: str, is_told: bool
) -> None:
    settings.STRIPE_HOST = "http://127.0.0.1:9"
    page = buyer.post("/billing/checkout/", {"plan": team.monthly, "code": code}).content.decode()
    assert "The payment page could not be opened just now." in page
    assert ("Press “Apply” to check this code." in page) == is_told


def test_check_shows_the_price_before_and_after(buyer: Client, team: Shop) -> None:
    shop.give_code("LAUNCH50", offer={"percent_off": 50, "product_ids": [team.setup_product]})
    answer = buyer.post("/billing/check/", {"plan": team.monthly, "code": "launch50"}, headers=HTMX)
    page = squeezed(answer.content)
    assert "LAUNCH50 is applied: you save $100.00 today." in page
    assert "Discount−$100.00" in page
    assert "Due today instead of $299.50$199.50" in page


@pytest.mark.parametrize("code", ["", "SPRING20", "NOPE"])
def test_check_without_javascript_shows_the_same(buyer: Client, team: Shop, code: str) -> None:
    shop.give_code("SPRING20")
    order = {"plan": team.yearly, "code": code}
    part = buyer.post("/billing/check/", order, headers=HTMX).content.decode()
    page = buyer.post("/billing/check/", order).content.decode()
    # A whole page begins with its answer; a part leaves the cursor where it is.
    assert part.strip() in page.replace(' tabindex="-1" autofocus', "")
    assert f'value="{code}"' in page
    assert f'value="{team.yearly}" checked' in page


def test_slow_typing_is_not_called_guessing(buyer: Client, team: Shop) -> None:
    shop.give_code("SPRING20")
    typed = [
        buyer.post("/billing/check/", {"plan": team.monthly, "code": "SPRING20"[:end]}, headers=HTMX).content
        for end in range(1, 9)
    ]
    assert ["Press “Apply”".encode() in answer for answer in typed] == [False] * 4 + [True] * 4
    order = {"plan": team.monthly, "code": "SPRING20"}
    applied = buyer.post("/billing/check/", order, headers={**HTMX, "HX-Trigger": "apply"})
    assert "SPRING20 is applied" in squeezed(applied.content)


BAD: dict[str, dict[str, object]] = {
    "EXPIRED": {"expires_at": factories.LONG_AGO},
    "PAUSED": {"paused_at": factories.LONG_AGO},
    "USEDUP": {"max_redemptions": 1, "used_count": 1},
    "DRAFT": {"submitted_at": None},
}


@pytest.mark.parametrize("text", [*BAD, "UNKNOWN"])
@pytest.mark.parametrize("address", ["/billing/check/", "/billing/checkout/"])
def test_bad_code_gets_one_neutral_answer_and_holds_nothing(
    buyer: Client, team: Shop, text: str, address: str
) -> None:
    if text in BAD:
        shop.give_code(text, **BAD[text])
    answer = buyer.post(address, {"plan": team.monthly, "code": text})
    assert answer.status_code == (422 if "checkout" in address else 200)
    assert str(words.NEUTRAL) in answer.content.decode()
    assert CheckoutAttempt.objects.count() == 0
    assert not PromoCode.objects.filter(held_count__gt=0).exists()


def test_not_started_code_gets_the_neutral_answer(buyer: Client, team: Shop, now: datetime) -> None:
    shop.give_code("SOON", starts_at=now + timedelta(days=1))
    answer = buyer.post("/billing/check/", {"plan": team.monthly, "code": "SOON"})
    assert str(words.NEUTRAL) in answer.content.decode()


def test_wrong_plan_is_named_and_the_right_one(buyer: Client, team: Shop) -> None:
    shop.give_code("YEARLY", offer={"product_ids": [team.yearly_product]})
    for address in ("/billing/check/", "/billing/checkout/"):
        answer = buyer.post(address, {"plan": team.monthly, "code": "YEARLY"})
        told = "This code is not for the plan “Team”, but for “Team, paid yearly” ($990.00 a year)."
        assert told in answer.content.decode()
    assert CheckoutAttempt.objects.count() == 0


@pytest.mark.parametrize("order", [{}, {"plan": "price_gone"}, {"plan": "\0", "code": "\0"}])
@pytest.mark.parametrize("address", ["/billing/check/", "/billing/checkout/"])
def test_form_that_makes_no_sense_gets_a_clear_answer(
    buyer: Client, team: Shop, order: dict[str, str], address: str
) -> None:
    answer = buyer.post(address, order)
    assert answer.status_code in {200, 422}
    assert b"verdict refused" in answer.content


@pytest.mark.parametrize("address", ["check/", "checkout/", "subscription/code/", "portal/"])
def test_form_by_get_leads_to_the_plans(buyer: Client, address: str) -> None:
    assert buyer.get(f"/billing/{address}")["Location"] == "/billing/"


def began_checkout(customer: Customer) -> str:
    times = {"created_at": factories.LONG_AGO, "expires_at": factories.LONG_AGO}
    attempt = CheckoutAttempt(customer=customer, plan="price_1", stripe_session_id="cs_mine", **times)
    attempt.save()
    return attempt.stripe_session_id


def test_success_of_somebody_else_is_not_found(client: Client, customer: Customer, stranger: User) -> None:
    anothers = began_checkout(customer)
    client.force_login(stranger)
    for session_id in (anothers, "", "junk", "\0", "x" * 5000):
        assert client.get("/billing/success/", {"session_id": session_id}).status_code == 404


def test_success_looks_among_the_customers_own_orders(customer: Customer) -> None:
    """A ledger of millions has no index by session, and the page asks again and again."""
    session_id = began_checkout(customer)
    with CaptureQueriesContext(connection) as asked:
        outcome.of_session(session_id, customer=customer)
    [look] = [query["sql"] for query in asked if "promos_ledgerentry" in query["sql"]]
    assert f'"customer_id" = {customer.pk}' in look


@pytest.mark.parametrize("address", ["/no/such/page", "/billing/success/"])
def test_not_found_page_looks_like_the_site(buyer: Client, address: str) -> None:
    answer = buyer.get(address)
    assert answer.status_code == 404
    assert b"There is nothing here" in answer.content


def test_error_page_needs_neither_a_request_nor_a_user() -> None:
    assert "Something went wrong on our side" in server_error(RequestFactory().get("/")).content.decode()


@pytest.mark.parametrize(
    "address",
    ["/accounts/email/", "/accounts/password/change/", "/accounts/2fa/", "/billing/", "/billing/cancelled/"],
)
def test_account_pages_carry_no_inline_script_or_style(buyer: Client, address: str) -> None:
    answer = buyer.get(address)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert 'aria-label="Main"' in page
    assert "<style" not in page
    assert " style=" not in page
    policy = [directive.strip() for directive in answer["Content-Security-Policy"].split(";")]
    assert "script-src 'self'" in policy
