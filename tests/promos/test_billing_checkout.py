from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
import requests
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from pytest_django import Settings

from promos import plans, stripe_gateway
from promos.billing import checkout
from promos.eligibility import Reason
from promos.models import CheckoutAttempt, CodeCheck, Customer, PromoCode
from promos.standin.api import Api
from promos.standin.messages import Request, Response
from promos.standin.server import Standin
from tests import factories, shop
from tests.promos import sides
from tests.shop import Shop
from tests.standin.faults import Faults

pytestmark = pytest.mark.django_db
DOWN = "http://127.0.0.1:9"
State = CheckoutAttempt.State


@dataclass
class Fault:
    """Stands before the stand-in: spoils the first answers to a POST there, before or after it was done."""

    core: Api
    path: str = "/v1/checkout/sessions"
    status: int = 500
    times: int = 1
    is_opened: bool = False

    def handle(self, request: Request) -> Response:
        is_hit = self.times > 0 and (request.method, request.path) == ("POST", self.path)
        self.times -= is_hit
        if self.is_opened or not is_hit:
            answer = self.core.handle(request)
        return Response(self.status, '{"error": {"message": "Not now"}}') if is_hit else answer


def open_checkout(customer: Customer, price_id: str, text: str, now: datetime) -> str:
    customer.refresh_from_db()
    plan = plans.get(price_id)
    assert plan
    return checkout.open(customer, plan=plan, code_text=text, now=now)


def sessions() -> list[stripe_gateway.StripeObject]:
    return list(stripe_gateway.list_checkout_sessions())


def held(text: str) -> int:
    return PromoCode.objects.get(code=text).held_count


def test_open_leads_to_stripe_with_plan_fee_and_code(
    client: Client, customer: Customer, team: Shop, settings: Settings
) -> None:
    shop.give_code("SPRING20")
    client.force_login(customer.user)
    answer = client.post("/billing/checkout/", {"plan": team.monthly, "code": "spring20"})
    attempt = CheckoutAttempt.objects.get()
    session = stripe_gateway.retrieve_checkout_session(attempt.stripe_session_id)
    assert (answer.status_code, answer["Location"]) == (303, session["url"])
    assert (session["amount_subtotal"], session["amount_total"]) == (29_950, 23_960)
    assert session["metadata"]["promodesk_attempt"] == str(attempt.pk)
    assert (
        session["success_url"] == f"{settings.SITE_URL}/billing/success/?session_id={{CHECKOUT_SESSION_ID}}"
    )
    assert (attempt.state, attempt.held_amount, held("SPRING20")) == (State.OPEN, 0, 1)
    assert CodeCheck.objects.get().reason == ""


def test_open_without_a_code_makes_one_customer_for_two_orders(
    customer: Customer, team: Shop, now: datetime
) -> None:
    open_checkout(customer, team.monthly, "", now)
    open_checkout(customer, team.yearly, "", now + timedelta(seconds=1))
    customer.refresh_from_db()
    assert {session["customer"] for session in sessions()} == {customer.stripe_customer_id}
    assert CodeCheck.objects.count() == 0


def test_open_asks_for_no_card_when_nothing_will_ever_be_due(
    customer: Customer, team: Shop, now: datetime
) -> None:
    shop.give_code("OWNER", offer={"kind": "free", "percent_off": 100, "duration": "forever"})
    shop.give_code("FIRSTFREE", offer={"kind": "free", "percent_off": 100})
    open_checkout(customer, team.monthly, "OWNER", now)
    assert sessions()[0]["payment_method_collection"] == "if_required"
    open_checkout(customer, team.monthly, "FIRSTFREE", now)
    assert {session["payment_method_collection"] for session in sessions()} == {"always", "if_required"}


def test_open_twice_leads_to_the_same_checkout(customer: Customer, team: Shop, now: datetime) -> None:
    shop.give_code("LAST", max_redemptions=1)
    first = open_checkout(customer, team.monthly, "LAST", now)
    again = open_checkout(customer, team.monthly, "last", now + timedelta(minutes=20))
    assert again == first
    assert (len(sessions()), held("LAST")) == (1, 1)


def test_open_of_what_is_paid_already_leads_to_its_outcome(
    customer: Customer, team: Shop, now: datetime, settings: Settings
) -> None:
    """Stripe's event is late, and somebody impatient goes back and orders the same again."""
    paid = open_checkout(customer, team.monthly, "", now)
    requests.post(paid, {"action": "pay", "card": "4242 4242 4242 4242"}, allow_redirects=False, timeout=10)
    again = open_checkout(customer, team.monthly, "", now + timedelta(minutes=10))
    [session] = sessions()
    assert again == f"{settings.SITE_URL}/billing/success/?session_id={session['id']}"


@pytest.mark.django_db(transaction=True)
def test_double_click_opens_one_checkout(customer: Customer, team: Shop, now: datetime) -> None:
    shop.give_code("LAST", max_redemptions=1)

    def click(_number: int) -> str:
        try:
            return open_checkout(Customer.objects.get(), team.monthly, "LAST", now)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as clicks:
        urls = set(clicks.map(click, range(2)))
    assert len(urls) == 1
    assert (len(sessions()), held("LAST")) == (1, 1)


def test_open_with_another_plan_gives_up_the_first_checkout(
    customer: Customer, team: Shop, now: datetime
) -> None:
    shop.give_code("LAST", max_redemptions=1)
    open_checkout(customer, team.monthly, "LAST", now)
    open_checkout(customer, team.yearly, "LAST", now + timedelta(minutes=1))
    assert sorted(session["status"] for session in sessions()) == ["expired", "open"]
    assert held("LAST") == 1


def test_check_after_the_way_back_does_not_call_the_own_hold_used_up(
    client: Client, customer: Customer, team: Shop, now: datetime
) -> None:
    shop.give_code("LAST", max_redemptions=1)
    open_checkout(customer, team.monthly, "LAST", now)
    client.force_login(customer.user)
    answer = client.post("/billing/check/", {"plan": team.yearly, "code": "LAST"})
    assert b"LAST</code> is applied" in answer.content
    assert held("LAST") == 0


def test_open_is_refused_while_somebody_else_holds_the_last_use(
    customer: Customer, stranger: User, team: Shop, now: datetime
) -> None:
    shop.give_code("LAST", max_redemptions=1)
    open_checkout(customer, team.monthly, "LAST", now)
    with pytest.raises(checkout.CodeRefused) as caught:
        open_checkout(Customer.objects.create(user=stranger), team.monthly, "LAST", now)
    assert caught.value.verdict.reason == Reason.USED_UP


def test_open_for_a_new_customer_while_stripe_is_down_holds_nothing(
    client: Client, customer: Customer, team: Shop, settings: Settings
) -> None:
    shop.give_code("SPRING20")
    settings.STRIPE_HOST = DOWN
    client.force_login(customer.user)
    answer = client.post("/billing/checkout/", {"plan": team.monthly, "code": "SPRING20"})
    assert answer.status_code == 422
    assert "Nothing was charged; please try again in a moment." in answer.content.decode()
    assert (CheckoutAttempt.objects.count(), held("SPRING20")) == (0, 0)


def test_open_keeps_its_hold_without_an_answer_and_takes_it_up_again(
    customer: Customer, team: Shop, now: datetime, settings: Settings
) -> None:
    shop.give_code("LAST", max_redemptions=1)
    open_checkout(customer, team.monthly, "", now)
    host, settings.STRIPE_HOST = settings.STRIPE_HOST, DOWN
    with pytest.raises(checkout.NotOpened):
        open_checkout(customer, team.monthly, "LAST", now)
    assert held("LAST") == 1
    settings.STRIPE_HOST = host
    assert open_checkout(customer, team.monthly, "LAST", now + timedelta(minutes=1))
    assert held("LAST") == 1


def test_open_comes_back_to_the_checkout_of_a_code_that_has_a_successor_now(
    customer: Customer, team: Shop, now: datetime, standin: Standin
) -> None:
    code = shop.give_code("LAST", max_redemptions=1)
    faults = Faults(standin)
    faults.next(faults.drop_after_commit, method="POST", path="/v1/checkout/sessions")
    with pytest.raises(checkout.NotOpened):
        open_checkout(customer, team.monthly, "LAST", now)
    sides.replace_at_stripe(code)
    again = open_checkout(customer, team.monthly, "LAST", now + timedelta(minutes=1))
    assert [session["url"] for session in sessions()] == [again]
    assert held("LAST") == 1


def test_open_after_a_definite_500_gives_the_use_back(
    customer: Customer, team: Shop, now: datetime, standin: Standin
) -> None:
    shop.give_code("LAST", max_redemptions=1)
    standin.api = Fault(standin.core)
    with pytest.raises(checkout.NotOpened) as caught:
        open_checkout(customer, team.monthly, "LAST", now)
    assert (caught.value.reason, held("LAST")) == (Reason.TRY_LATER, 0)
    assert open_checkout(customer, team.monthly, "LAST", now)


@pytest.mark.parametrize(("times", "is_open"), [(2, True), (3, False)])
def test_open_waits_a_moment_while_stripe_is_busy(
    customer: Customer, team: Shop, now: datetime, standin: Standin, times: int, is_open: bool
) -> None:
    standin.api = Fault(standin.core, status=409, times=times)
    with nullcontext() if is_open else pytest.raises(checkout.NotOpened):
        open_checkout(customer, team.monthly, "", now)
    assert len(sessions()) == is_open


def test_open_finds_the_checkout_that_a_500_hid(
    customer: Customer, team: Shop, now: datetime, standin: Standin
) -> None:
    shop.give_code("LAST", max_redemptions=1)
    standin.api = Fault(standin.core, is_opened=True)
    with pytest.raises(checkout.NotOpened):
        open_checkout(customer, team.monthly, "LAST", now)
    assert open_checkout(customer, team.monthly, "LAST", now) == sessions()[0]["url"]
    assert (len(sessions()), held("LAST")) == (1, 1)


def test_open_that_stripe_refuses_gives_the_use_back(customer: Customer, team: Shop, now: datetime) -> None:
    code = shop.give_code("SPRING20")
    promotion_code = code.stripe_promotion_codes.get().stripe_promotion_code_id
    stripe_gateway.update_promotion_code(promotion_code, {"active": False})
    with pytest.raises(checkout.CodeRefused) as caught:
        open_checkout(customer, team.monthly, "SPRING20", now)
    assert caught.value.verdict.reason == Reason.STRIPE_REFUSED
    assert (CheckoutAttempt.objects.get().state, held("SPRING20")) == (State.FAILED, 0)
    assert CodeCheck.objects.get().reason == "stripe_refused"


def test_open_refuses_a_code_that_stripe_does_not_have_yet(
    customer: Customer, team: Shop, now: datetime
) -> None:
    factories.PromoCodeFactory(code="FRESH")
    with pytest.raises(checkout.CodeRefused) as caught:
        open_checkout(customer, team.monthly, "FRESH", now)
    assert caught.value.verdict.reason == Reason.TRY_LATER
    assert (CheckoutAttempt.objects.count(), held("FRESH")) == (0, 0)


def test_open_gets_over_a_500_that_stripe_would_repeat_for_the_customer(
    customer: Customer, team: Shop, now: datetime, standin: Standin
) -> None:
    standin.api = Fault(standin.core, path="/v1/customers")
    assert open_checkout(customer, team.monthly, "", now) == sessions()[0]["url"]


def test_open_makes_a_customer_whose_address_changed_after_a_lost_answer(
    customer: Customer, team: Shop, standin: Standin, now: datetime
) -> None:
    """The same key with another address is refused for a day."""
    standin.api = Fault(standin.core, "/v1/customers", status=429, is_opened=True)
    with pytest.raises(checkout.NotOpened):
        open_checkout(customer, team.monthly, "", now)
    User.objects.update(email="new@example.com")
    customer = Customer.objects.get()
    assert open_checkout(customer, team.monthly, "", now)
    customer.refresh_from_db()
    made = stripe_gateway.retrieve_customer(customer.stripe_customer_id or "")
    assert made["email"] == "new@example.com"


def test_open_makes_a_customer_anew_that_was_deleted_at_stripe(
    customer: Customer, team: Shop, now: datetime
) -> None:
    Customer.objects.update(stripe_customer_id="cus_gone")
    with pytest.raises(checkout.NotOpened) as caught:
        open_checkout(customer, team.monthly, "", now)
    assert caught.value.reason == Reason.TRY_LATER
    assert open_checkout(customer, team.monthly, "", now + timedelta(seconds=5))
