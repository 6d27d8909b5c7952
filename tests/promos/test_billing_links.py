"""Links with a code: the same page for everybody before the login, the offer after it."""

import time
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from promos import brake, funnel
from promos.billing import even_time
from promos.models import BrakeCounter, CodeCheck, CodeView, Customer, Journey
from tests import factories, shop
from tests.conftest import PASSWORD
from tests.shop import Shop

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("address", ["/p/{}", "/billing/?promo={}"])
def test_link_shows_the_same_to_everybody_before_the_login(team: Shop, address: str) -> None:
    shop.give_code("SPRING20")
    pages = set()
    for text in ("SPRING20", "NOSUCH", "x" * 300, "%C3%9F", "%00"):
        client = Client()
        page = client.get(address.format(text), follow=True)
        token = str(page.context["csrf_token"]).encode()
        pages.add((tuple(page.redirect_chain), page.content.replace(token, b"")))
    assert len(pages) == 1


def test_link_says_what_the_login_is_for(client: Client, team: Shop) -> None:
    told = "Sign in or create an account to see what your link gives you."
    assert told not in client.get("/accounts/login/").content.decode()
    assert told in client.get("/p/NOSUCH", follow=True).content.decode()
    assert told in client.get("/accounts/signup/").content.decode()


def test_link_takes_as_long_for_any_text(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(even_time, "STEP_SECONDS", 0.3)
    began = time.perf_counter()
    client.get("/p/NOSUCH")
    assert time.perf_counter() - began >= 0.3


def test_link_shows_its_offer_after_the_login(client: Client, customer: Customer, team: Shop) -> None:
    shop.give_code("SPRING20")
    client.get("/p/spring20")
    form = {"login": customer.email, "password": PASSWORD, "next": "/billing/"}
    page = client.post("/accounts/login/", form, follow=True).content.decode()
    assert 'value="SPRING20"' in page
    assert "<code>SPRING20</code> is applied: you save $59.90 today." in page


def test_link_shows_its_offer_after_the_sign_up(client: Client, team: Shop) -> None:
    shop.give_code("SPRING20")
    client.get("/p/SPRING20")
    form = {"email": "new@example.com", "password1": "a-Long-one-77", "password2": "a-Long-one-77"}
    page = client.post("/accounts/signup/", form, follow=True).content.decode()
    assert "<code>SPRING20</code> is applied" in page


def test_link_begins_with_a_plan_that_its_code_covers(buyer: Client, team: Shop) -> None:
    shop.give_code("YEARLY", offer={"product_ids": [team.yearly_product]})
    page = buyer.get("/p/YEARLY", follow=True).content.decode()
    assert f'value="{team.yearly}" checked' in page
    assert "is applied" in page


@pytest.mark.parametrize("address", ["/p/SPRING20", "/billing/?promo=SPRING20"])
def test_link_is_alive_to_who_only_asks(client: Client, team: Shop, address: str) -> None:
    answer = client.head(address)
    assert (answer.status_code, answer["Location"]) == (302, "/billing/")
    counts = (CodeView.objects.count(), Journey.objects.count(), len(answer.cookies))
    assert counts == (0, 0, 0)


def test_link_with_a_slash_at_its_end_is_the_same(buyer: Client, team: Shop) -> None:
    shop.give_code("SPRING20")
    assert "is applied" in buyer.get("/p/SPRING20/", follow=True).content.decode()


@pytest.mark.parametrize("text", ["NOSUCH", "EXPIRED"])
def test_dead_link_lands_softly_on_the_plans(buyer: Client, team: Shop, text: str) -> None:
    shop.give_code("EXPIRED", expires_at=factories.LONG_AGO)
    page = buyer.get(f"/p/{text}", follow=True).content.decode()
    assert "cannot be used any more. Here are our plans." in page
    assert "$99.50" in page
    assert text not in page
    assert "cannot be used any more" not in buyer.get("/billing/").content.decode()


def test_link_does_not_come_back_after_the_purchase(buyer: Client, customer: Customer, team: Shop) -> None:
    buyer.get("/p/SPRING20")
    factories.models.CheckoutAttempt.objects.create(
        customer=customer,
        plan=team.monthly,
        state="expired",
        stripe_session_id="cs_mine",
        created_at=factories.LONG_AGO,
        expires_at=factories.LONG_AGO,
    )
    buyer.get("/billing/success/?session_id=cs_mine")
    assert "SPRING20" not in buyer.get("/billing/").content.decode()


@pytest.mark.parametrize("text", ["😀", "ПРОМО", "😀" * 255])
def test_link_with_any_letters_can_be_sent_and_lands_softly(buyer: Client, team: Shop, text: str) -> None:
    answer = buyer.get(f"/p/{text}")
    cookie = answer.cookies["promodesk_code"].OutputString()
    assert cookie.isascii()
    assert len(cookie) < 4096
    assert "cannot be used any more. Here are our plans." in buyer.get("/billing/").content.decode()


def test_forged_cookie_is_overlooked(buyer: Client, team: Shop) -> None:
    shop.give_code("SPRING20")
    buyer.cookies["promodesk_code"] = "SPRING20:forged"
    buyer.cookies["promodesk_journey"] = "junk:forged"
    assert "SPRING20" not in buyer.get("/billing/").content.decode()


def test_link_counts_as_viewed_with_where_its_visitor_came_from(
    client: Client, customer: Customer, team: Shop
) -> None:
    code = shop.give_code("SPRING20")
    client.get("/p/SPRING20?utm_source=news", headers={"Referer": "https://blog.example.org/post"})
    client.get("/p/SPRING20?utm_source=advert")
    client.force_login(customer.user)
    client.get("/billing/")
    journey = Journey.objects.get()
    assert journey.customer == customer
    assert journey.first_touch == {"utm_source": "news", "referrer": "blog.example.org"}
    assert journey.last_touch == {"utm_source": "advert"}
    assert list(CodeView.objects.values_list("promo_code", "journey")) == [(code.pk, journey.pk)] * 2


def test_journey_is_not_handed_to_the_next_customer(
    buyer: Client, customer: Customer, stranger: User, team: Shop
) -> None:
    buyer.get("/p/SPRING20?utm_source=news", follow=True)
    buyer.force_login(stranger)
    buyer.get("/billing/")
    assert Journey.objects.get().customer == customer
    assert "promodesk_journey" not in {name for name, kept in buyer.cookies.items() if kept.value}


@pytest.mark.parametrize(("tracking", "asked"), [(False, {}), (True, {"DNT": "1"}), (True, {"Sec-GPC": "1"})])
def test_view_without_tracking_keeps_nothing_of_the_visitor(
    client: Client, settings: Settings, tracking: bool, asked: dict[str, str]
) -> None:
    settings.TRACKING = tracking
    client.get("/p/SPRING20?utm_source=news", headers=asked)
    assert CodeView.objects.get().journey is None
    assert not Journey.objects.exists()
    assert set(client.cookies) == {"promodesk_code"}


def test_links_count_against_the_brake(client: Client, db: None) -> None:
    for number in range(3):
        client.get(f"/p/GUESS{number}")
    assert BrakeCounter.objects.get().count == pytest.approx(3, abs=0.1)
    BrakeCounter.objects.update(count=brake.NETWORK.most)
    assert client.get("/p/GUESS9").status_code == 302
    assert CodeView.objects.count() == 3


def test_links_followed_by_a_customer_are_braked_like_typing(buyer: Client, team: Shop) -> None:
    pages = [buyer.get(f"/p/GUESS{number}", follow=True).content.decode() for number in range(12)]
    answered = ["cannot be used any more" in page for page in pages]
    assert sum(answered) <= brake.PERSON.freely
    assert "These were many codes" in pages[-1]


def test_steps_count_what_was_done_with_a_code(customer: Customer, now: datetime) -> None:
    code = factories.PromoCodeFactory(code="SPRING20")
    for _ in range(3):
        funnel.view("SPRING20", journey=None, now=now)
    for reason in ("", "", "expired"):
        CodeCheck.objects.create(promo_code=code, text="SPRING20", reason=reason, checked_at=now)
    for number, state in enumerate(["completed", "expired", "open"]):
        factories.models.CheckoutAttempt.objects.create(
            customer=customer,
            promo_code=code,
            state=state,
            stripe_session_id=f"cs_{number}",
            created_at=now,
            expires_at=now,
        )
    found = funnel.steps(code, start=now, end=now + timedelta(seconds=1))
    assert found == funnel.Steps(3, 3, 2, {"expired": 1}, 3, 1, 1)
    assert funnel.steps(code, start=now - timedelta(days=1), end=now).viewed == 0


def test_what_led_nowhere_is_found_after_a_while(customer: Customer, now: datetime) -> None:
    factories.PromoCodeFactory(code="SPRING20")
    nobodys = funnel.arrive(None, {}, now=now)
    funnel.claim(funnel.arrive(None, {}, now=now).uid, customer)
    for text in ("SPRING20", "NOSUCH"):
        funnel.view(text, journey=nobodys, now=now)
    later = now + funnel.FORGET_AFTER + timedelta(days=1)
    assert [view.text for view in funnel.dead_links(later)] == ["NOSUCH"]
    assert list(funnel.lost_journeys(later)) == [nobodys]
