"""The main job from end to end: real processes, real HTTP, the real SDK, real signatures."""

from __future__ import annotations

import json

import pytest
import requests
from django.contrib.auth.models import User
from django.core.management import call_command
from pytest_django import Settings

from analytics.demo.catalogue import Catalogue
from analytics.demo.story import codes_of
from promos import stripe_gateway
from promos.models import Customer, LedgerEntry, PromoCode, PromoCodeUsage, WebhookEvent
from promos.sync import terms
from promos.webhooks import queue
from tests.flows.conftest import House, eventually

ADD_CODE = "/admin/promos/promocode/add/"


def make_code(house: House, owner: User, shop: Catalogue, code: str) -> PromoCode:
    visitor = house.sign_in(owner)
    visitor.get(ADD_CODE)
    answer = visitor.post(ADD_CODE, {"code": code, **codes_of(shop)[code]})
    assert answer.status_code == 302, answer.text
    return PromoCode.objects.get(code=code)


def is_synced(code: PromoCode) -> bool:
    return PromoCode.objects.filter(pk=code.pk, sync_status="synced").exists()


def redeem(house: House, customer: Customer, plan: str, code: str) -> requests.Response:
    """Redeem a code on the billing page and pay; return the page that the customer comes back to."""
    assert customer.user
    visitor = house.sign_in(customer.user)
    visitor.get("/billing/")
    answer = visitor.post("/billing/checkout/", {"plan": plan, "code": code})
    assert answer.status_code == 303, answer.text
    return visitor.pay(answer.headers["Location"])


def figures(capsys: pytest.CaptureFixture[str]) -> dict[str, list[dict[str, object]]]:
    capsys.readouterr()
    call_command("manage_promo_codes", "analytics", "--json")
    found: dict[str, list[dict[str, object]]] = json.loads(capsys.readouterr().out)
    return found


def test_a_code_made_in_the_admin_appears_at_stripe(house: House, owner: User, shop: Catalogue) -> None:
    code = make_code(house, owner, shop, "TESTCLIENT70")
    eventually(lambda: is_synced(code))
    found = next(stripe_gateway.list_promotion_codes(code="TESTCLIENT70"))
    coupon = stripe_gateway.retrieve_coupon(terms.coupon_id(found))
    assert (coupon["amount_off"], coupon["currency"], coupon["duration"]) == (2950, "usd", "forever")
    assert coupon["applies_to"]["products"] == [shop.monthly_product]


def test_a_code_made_in_stripes_dashboard_appears_in_the_admin(house: House, owner: User) -> None:
    coupon = {"percent_off": 25, "duration": "repeating", "duration_in_months": 3, "name": "Fair"}
    made = stripe_gateway.create_coupon(coupon, idempotency_key="dashboard-coupon")
    code = {"promotion": {"type": "coupon", "coupon": made["id"]}, "code": "FAIR25"}
    stripe_gateway.create_promotion_code(code, idempotency_key="dashboard-code")
    eventually(PromoCode.objects.filter(code="FAIR25").exists)
    page = house.sign_in(owner).get("/admin/promos/promocode/").text
    assert "FAIR25" in page
    assert "25% off for 3 months" in page


def test_a_redemption_shows_in_the_figures(
    house: House, owner: User, customer: Customer, shop: Catalogue, capsys: pytest.CaptureFixture[str]
) -> None:
    code = make_code(house, owner, shop, "LAUNCH50")
    eventually(lambda: is_synced(code))
    page = redeem(house, customer, shop.monthly_price, "launch50")
    eventually(PromoCodeUsage.objects.exists)
    assert page.status_code == 200
    (total,) = figures(capsys)["totals"]
    expected = {"redemptions": 1, "gross_amount": 29_950, "discount_amount": 10_000, "net_amount": 19_950}
    assert {"currency": "usd"} | expected == {key: total[key] for key in ("currency", *expected)}
    call_command("verify_analytics")


def test_a_code_made_while_stripe_is_down_arrives_afterwards(
    house: House, owner: User, shop: Catalogue, settings: Settings
) -> None:
    settings.STRIPE_HOST = "http://127.0.0.1:9"
    code = make_code(house, owner, shop, "LAUNCH50")
    eventually(lambda: PromoCode.objects.filter(pk=code.pk, sync_error__contains="reached").exists())
    settings.STRIPE_HOST = house.standin.url
    eventually(lambda: is_synced(code))


def test_a_redemption_while_our_web_is_down_arrives_afterwards(
    house: House, owner: User, customer: Customer, shop: Catalogue, capsys: pytest.CaptureFixture[str]
) -> None:
    code = make_code(house, owner, shop, "LAUNCH50")
    eventually(lambda: is_synced(code))
    assert customer.user
    visitor = house.sign_in(customer.user)
    visitor.get("/billing/")
    answer = visitor.post("/billing/checkout/", {"plan": shop.monthly_price, "code": "LAUNCH50"})
    house.close()
    with pytest.raises(requests.ConnectionError):
        visitor.pay(answer.headers["Location"])
    assert not LedgerEntry.objects.exists()
    house.open()
    eventually(PromoCodeUsage.objects.exists, seconds=30)
    assert figures(capsys)["totals"][0]["redemptions"] == 1


def test_the_same_event_five_times_is_one_usage(
    house: House, owner: User, customer: Customer, shop: Catalogue
) -> None:
    code = make_code(house, owner, shop, "LAUNCH50")
    eventually(lambda: is_synced(code))
    redeem(house, customer, shop.monthly_price, "LAUNCH50")
    eventually(PromoCodeUsage.objects.exists)
    for _ in range(4):
        queue.process_again(WebhookEvent.objects.filter(type="checkout.session.completed"), code.created_at)
        eventually(lambda: not WebhookEvent.objects.filter(processed_at=None).exists())
    code.refresh_from_db()
    assert (PromoCodeUsage.objects.count(), LedgerEntry.objects.count()) == (1, 1)
    assert (code.used_count, code.held_count) == (1, 0)
