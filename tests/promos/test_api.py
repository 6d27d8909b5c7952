from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from pytest_django import Settings

from promos import api_tokens
from promos.models import CheckoutAttempt, CodeCheck, Customer, PromoCode
from tests import factories, shop
from tests.shop import Shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_fresh_cache")]
API = "/api/promo-codes/"
NOBODYS = ("", "plans/", "openapi.json", "7/", "7/usages/", "7/funnel/", "analytics/")


class Caller:
    """A program with a key."""

    def __init__(self, user: User, now: datetime) -> None:
        self.client = Client()
        self.headers = {"Authorization": f"Bearer {api_tokens.issue(user, name='test', now=now)[1]}"}

    def get(self, path: str = "", **asked: object) -> Any:
        return self.client.get(API + path, asked, headers=self.headers)

    def post(self, path: str = "", **sent: object) -> Any:
        return self.client.post(API + path, sent, content_type="application/json", headers=self.headers)

    def patch(self, path: str, **sent: object) -> Any:
        return self.client.patch(API + path, sent, content_type="application/json", headers=self.headers)


@pytest.fixture
def staff(owner: User, now: datetime) -> Caller:
    return Caller(owner, now)


@pytest.fixture
def buyer(customer: Customer, now: datetime) -> Caller:
    return Caller(customer.user, now)


def error(answer: Any) -> tuple[int, str]:
    assert set(answer.json()["error"]) == {"code", "message", "fields"}
    return answer.status_code, answer.json()["error"]["code"]


def test_errors_are_said_in_the_callers_language(
    staff: Caller, buyer: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No language but English is shipped; this one is made of it.
    monkeypatch.setattr(translation._trans, "gettext", lambda text: f"«{text}»")
    absurd = "9999-01-01T00:00:00Z"
    told = [
        staff.get("7/").json()["error"]["message"],
        buyer.get().json()["error"]["message"],
        staff.post(starts_at=absurd).json()["error"]["fields"]["starts_at"][0]["message"],
        buyer.post("checkout/", plan="price_none").json()["error"]["fields"]["plan"][0]["message"],
        Client().get(API, headers={"Authorization": "Bearer x"}).json()["error"]["message"],
        Client().get(API, headers={"API-Version": "0"}).json()["error"]["message"],
    ]
    assert [text for text in told if not text.startswith("«")] == []


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("[" * 100_000, (400, "parse_error")),
        ('{"code": ', (400, "parse_error")),
        ('{"code": "%s"}' % ("A" * 3_000_000), (413, "too_large")),
    ],
)
def test_body_that_cannot_be_read_is_an_error_in_our_shape(
    buyer: Caller, body: str, told: tuple[int, str]
) -> None:
    answer = buyer.client.post(
        f"{API}validate/", body, content_type="application/json", headers=buyer.headers
    )
    assert error(answer) == told


@pytest.mark.parametrize("path", NOBODYS)
def test_every_address_asks_who_calls(client: Client, path: str) -> None:
    answer = client.get(API + path)
    assert error(answer) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"] == "Bearer"
    assert error(client.get(API + path, headers={"Authorization": "Bearer pdk_no"})) == (
        401,
        "authentication_failed",
    )


def test_session_may_call_with_its_csrf_token_only(customer: Customer, team: Shop) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(customer.user)
    assert client.get(API + "plans/").status_code == 200
    sent = client.post(API + "validate/", {"code": "X"}, content_type="application/json")
    assert error(sent) == (403, "permission_denied")


@pytest.mark.parametrize("address", ["/api/promo-codes", "/api/promo-codes/validate"])
def test_address_without_its_slash_says_so(buyer: Caller, address: str) -> None:
    answer = buyer.client.post(address, {}, content_type="application/json", headers=buyer.headers)
    assert error(answer) == (404, "not_found")
    assert "end in a slash" in answer.json()["error"]["message"]


def test_answers_name_their_version(buyer: Caller, team: Shop) -> None:
    assert buyer.get("plans/")["API-Version"] == "1"
    buyer.headers["API-Version"] = "2"
    assert error(buyer.get("plans/")) == (400, "unknown_version")


def test_validate_prices_every_plan(buyer: Caller, team: Shop) -> None:
    shop.give_code("YEARLY", offer={"product_ids": [team.yearly_product]})
    told = buyer.post("validate/", code=" yearly ").json()
    assert (told["code"], told["accepted"], told["reason"]) == ("YEARLY", True, None)
    found = {plan["plan"]: (plan["accepted"], plan["reason"], plan["net_amount"]) for plan in told["plans"]}
    assert found == {
        team.monthly: (False, "plan_not_covered", 29_950),
        team.yearly: (True, None, 79_200),
    }
    assert not CheckoutAttempt.objects.exists()


def test_validate_hides_why_a_code_is_not_the_callers(buyer: Caller, team: Shop) -> None:
    shop.give_code("EXPIRED", expires_at=factories.LONG_AGO)
    shop.give_code("OTHERS", customer=factories.CustomerFactory())
    told = [buyer.post("validate/", code=text).json() for text in ("EXPIRED", "OTHERS", "NOSUCH")]
    assert {answer["reason"] for answer in told} == {"not_found"}
    assert told[0]["plans"] == told[1]["plans"] == told[2]["plans"]
    assert set(CodeCheck.objects.values_list("reason", flat=True)) == {"expired", "other_customer"}


def test_validate_is_braked(buyer: Caller, team: Shop) -> None:
    answers = [buyer.post("validate/", code=f"GUESS{number}") for number in range(9)]
    assert [answer.status_code for answer in answers] == [200] * 8 + [429]
    assert error(answers[-1]) == (429, "throttled")
    assert answers[-1]["Retry-After"] in {"1", "2"}
    said = answers[-1].json()["error"]["message"]
    assert said.startswith("These were many codes in a short time. Please try again in ")


def test_checkout_opens_at_stripe(buyer: Caller, team: Shop) -> None:
    shop.give_code("SPRING20")
    answer = buyer.post("checkout/", plan=team.monthly, code="SPRING20")
    assert answer.status_code == 201
    assert CheckoutAttempt.objects.get().stripe_session_id in answer.json()["url"]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ({"plan": "price_gone"}, (400, "invalid")),
        ({}, (400, "invalid")),
        ({"plan": "monthly", "promo_code": "SPRING20"}, (400, "invalid")),
        ({"plan": "monthly", "code": "NOSUCH"}, (422, "not_found")),
        ({"plan": "monthly", "code": "YEARLY"}, (422, "plan_not_covered")),
    ],
)
def test_checkout_says_why_not(buyer: Caller, team: Shop, order: dict[str, str], expected: Any) -> None:
    shop.give_code("YEARLY", offer={"product_ids": [team.yearly_product]})
    order = {**order, "plan": team.monthly} if order.get("plan") == "monthly" else order
    assert error(buyer.post("checkout/", **order)) == expected


def test_checkout_without_stripe_says_later(buyer: Caller, team: Shop, settings: Settings) -> None:
    settings.STRIPE_HOST = "http://127.0.0.1:9"
    assert error(buyer.post("checkout/", plan=team.monthly)) == (503, "try_later")


def test_staff_make_change_pause_and_archive_a_code(staff: Caller, owner: User) -> None:
    made = staff.post(code="new10", kind="percent", percent_off="10", max_redemptions=5)
    assert made.status_code == 201, made.content
    number = made.json()["id"]
    changed = staff.patch(f"{number}/", max_redemptions=7, description="More")
    assert (changed.json()["max_redemptions"], changed.json()["description"]) == (7, "More")
    deeds = [staff.post(f"{number}/{deed}/").json()["status"] for deed in ("pause", "resume", "archive")]
    assert deeds == ["paused", "active", "archived"]
    code = PromoCode.objects.get(pk=number)
    assert (code.code, code.sync_status, code.terms_changed_by) == ("NEW10", "pending", owner)


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"code": "TAKEN", "kind": "percent", "percent_off": "10"}, "code"),
        ({"code": "Ä", "kind": "percent", "percent_off": "10"}, "code"),
        ({"kind": "percent"}, "percent_off"),
        ({"kind": "percent", "percent_off": "101"}, "percent_off"),
        ({"kind": "amount", "amount_off": 100}, "currency"),
        ({"kind": "fixed_price", "fixed_price_amount": 5, "list_price_id": "price_no"}, "list_price_id"),
        ({"kind": "free", "expires_at": "0001-01-01T00:00:00+14:00"}, "expires_at"),
        ({"kind": "free", "product_ids": [["x"]]}, "product_ids.0"),
        ({"kind": "other"}, "kind"),
        ({"kind": "free", "max_redemption": 5}, "max_redemption"),
        ({"kind": "free", "percent_off": "10"}, "percent_off"),
        ({"kind": "percent", "percent_off": "10", "amount_off": 500, "currency": "usd"}, "amount_off"),
        ({"kind": "amount", "amount_off": 5, "currency": "usd", "list_price_id": "p"}, "list_price_id"),
        ({"kind": "fixed_price", "fixed_price_amount": 5, "product_ids": ["prod_1"]}, "product_ids"),
        ({"kind": "free", "duration": "once", "duration_in_months": 5}, "duration_in_months"),
        ({"kind": "free", "minimum_amount": 5, "minimum_amount_currency": "12"}, "minimum_amount_currency"),
    ],
)
def test_create_names_the_field_that_is_wrong(staff: Caller, sent: dict[str, Any], field: str) -> None:
    factories.PromoCodeFactory(code="TAKEN")
    answer = staff.post(**sent)
    assert error(answer) == (400, "invalid")
    assert field in answer.json()["error"]["fields"]


def test_code_tells_its_terms_and_what_sets_its_campaign(staff: Caller, team: Shop) -> None:
    campaign = factories.CampaignFactory()
    terms = {"kind": "fixed_price", "fixed_price_amount": 7_000, "list_price_id": team.monthly}
    made = staff.post(**terms, campaign=campaign.pk).json()
    assert (made["campaign"], made["campaign_id"]) == (campaign.name, campaign.pk)
    assert made["offer"].items() >= {**terms, "amount_off": 2_950, "percent_off": None}.items()


def test_currencies_may_be_in_capitals(staff: Caller) -> None:
    terms = {"kind": "amount", "amount_off": 500, "currency": "USD"}
    made = staff.post(**terms, minimum_amount=900, minimum_amount_currency="USD").json()
    assert (made["offer"]["currency"], made["minimum_amount_currency"]) == ("usd", "usd")


@pytest.mark.parametrize(
    ("terms", "field", "told"),
    [
        ({"kind": "free", "product_ids": ["prod_no"]}, "product_ids", "“prod_no” is not among your Stripe"),
        ({"kind": "amount", "amount_off": 500, "currency": "xyz"}, "currency", "You sell nothing in XYZ;"),
        (
            {"kind": "free", "minimum_amount": 5, "minimum_amount_currency": "EUR"},
            "minimum_amount_currency",
            "You sell nothing in EUR; your Stripe prices are in USD.",
        ),
    ],
)
def test_code_for_what_stripe_does_not_have_is_refused_once_that_is_known(
    staff: Caller, terms: dict[str, Any], field: str, told: str
) -> None:
    assert staff.post(**terms).status_code == 201
    factories.PriceFactory()
    [refused] = staff.post(**terms).json()["error"]["fields"][field]
    assert refused["message"].startswith(told)


def test_currency_goes_with_the_smallest_order(staff: Caller) -> None:
    made = staff.post(kind="free", minimum_amount=5, minimum_amount_currency="usd").json()
    assert made["minimum_amount_currency"] == "usd"
    changed = staff.patch(f"{made['id']}/", minimum_amount=None).json()
    assert (changed["minimum_amount"], changed["minimum_amount_currency"]) == (None, "")


def test_smallest_order_is_not_moved_into_a_currency_of_no_price(staff: Caller) -> None:
    code = factories.PromoCodeFactory(minimum_amount=5, minimum_amount_currency="eur")
    factories.PriceFactory()
    kept = staff.patch(f"{code.pk}/", minimum_amount=7, minimum_amount_currency="eur")
    assert kept.json()["minimum_amount"] == 7
    moved = staff.patch(f"{code.pk}/", minimum_amount_currency="xyz")
    assert list(moved.json()["error"]["fields"]) == ["minimum_amount_currency"]


def test_change_names_what_cannot_be_changed(staff: Caller) -> None:
    code = factories.PromoCodeFactory()
    answer = staff.patch(f"{code.pk}/", kind="free", description="Changed")
    assert answer.json()["error"]["fields"] == {
        "kind": [{"code": "unknown", "message": "There is nothing of this name here."}]
    }
    code.refresh_from_db()
    assert code.description != "Changed"


def test_list_goes_on_where_the_last_page_ended(staff: Caller) -> None:
    made = [factories.PromoCodeFactory().code for _ in range(5)]
    first = staff.get(limit=3).json()
    second = staff.get(limit=3, after=first["next"]).json()
    assert [code["code"] for code in first["codes"] + second["codes"]] == made[::-1]
    assert second["next"] is None


def test_list_finds_by_text_and_status(staff: Caller, now: datetime) -> None:
    factories.PromoCodeFactory(code="OLD", expires_at=now - timedelta(days=1), starts_at=factories.LONG_AGO)
    factories.PromoCodeFactory(code="NEW")
    assert [code["code"] for code in staff.get(code="old").json()["codes"]] == ["OLD"]
    assert [code["code"] for code in staff.get(status="active").json()["codes"]] == ["NEW"]
    assert error(staff.get(status="nonsense", after="x")) == (400, "invalid")


def test_usages_and_figures_of_a_code(staff: Caller) -> None:
    code = factories.PromoCodeFactory(code="SPRING20")
    usage = factories.UsageFactory(promo_code=code)
    factories.LedgerEntryFactory(usage=usage, customer=usage.customer, discount_amount=2000)
    assert [row["code"] for row in staff.get(f"{code.pk}/usages/").json()["usages"]] == ["SPRING20"]
    told = staff.get("analytics/", code=code.pk).json()
    assert [(row["currency"], row["redemptions"], row["net_amount"]) for row in told["totals"]] == [
        ("usd", 1, 8000)
    ]
    assert told["codes"][0]["discount_amount"] == 2000
    assert staff.get(f"{code.pk}/funnel/").json()["viewed"] == 0


@pytest.mark.parametrize("path", ["", "7/usages/", "7/funnel/", "analytics/"])
def test_misspelt_filter_is_refused(staff: Caller, path: str) -> None:
    factories.PromoCodeFactory(pk=7)
    answer = staff.get(path, sataus="active")
    assert error(answer) == (400, "invalid")
    assert list(answer.json()["error"]["fields"]) == ["sataus"]


def test_funnel_that_ends_before_it_starts_is_refused(staff: Caller) -> None:
    address = f"{factories.PromoCodeFactory().pk}/funnel/"
    days = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")
    assert staff.get(address, start=days[0], end=days[1]).status_code == 200
    answer = staff.get(address, start=days[1], end=days[0])
    assert list(answer.json()["error"]["fields"]) == ["end"]


def test_staff_addresses_refuse_customers(buyer: Caller) -> None:
    code = factories.PromoCodeFactory()
    answers = [
        buyer.get(),
        buyer.post(kind="free"),
        buyer.get(f"{code.pk}/"),
        buyer.post(f"{code.pk}/pause/"),
    ]
    answers += [buyer.get("analytics/"), buyer.get(f"{code.pk}/usages/"), buyer.get(f"{code.pk}/funnel/")]
    assert {error(answer) for answer in answers} == {(403, "permission_denied")}


def test_staff_need_the_permission_for_what_they_do(stranger: User, now: datetime) -> None:
    User.objects.filter(pk=stranger.pk).update(is_staff=True)
    stranger.user_permissions.add(Permission.objects.get(codename="view_promocode"))
    viewer, code = Caller(stranger, now), factories.PromoCodeFactory()
    assert viewer.get(f"{code.pk}/").status_code == 200
    assert error(viewer.post(f"{code.pk}/pause/")) == (403, "permission_denied")
    assert error(viewer.post(kind="free")) == (403, "permission_denied")


@pytest.mark.parametrize("deed", ["pause", "resume", "archive"])
def test_code_whose_terms_only_stripe_can_make_is_left_to_its_dashboard(staff: Caller, deed: str) -> None:
    """Nothing of it is ever pushed: paused here, it would go on working."""
    offer = factories.OfferFactory(kind="other", percent_off=None)
    code = factories.PromoCodeFactory(offer=offer, paused_at=factories.LONG_AGO if deed == "resume" else None)
    assert error(staff.post(f"{code.pk}/{deed}/")) == (400, "invalid")
    assert error(staff.patch(f"{code.pk}/", max_redemptions=5)) == (400, "invalid")
    before, after = code, PromoCode.objects.get(pk=code.pk)
    assert (after.paused_at, after.archived_at) == (before.paused_at, None)


def test_codes_of_a_status_are_read_by_what_few_have(staff: Caller, now: datetime) -> None:
    """By the rule alone all codes are read: half a second for the three paused ones of 200,000."""
    paused = factories.PromoCodeFactory(campaign=factories.CampaignFactory(paused_at=now))
    factories.PromoCodeFactory()
    with CaptureQueriesContext(connection) as asked:
        found = staff.get(status="paused").json()["codes"]
    assert [code["id"] for code in found] == [paused.pk]
    [listed] = [query["sql"] for query in asked if "LIMIT 51" in query["sql"]]
    assert f'"campaign_id" IN ({paused.campaign_id})' in listed


def test_archived_code_is_not_changed(staff: Caller, now: datetime) -> None:
    code = factories.PromoCodeFactory(archived_at=now)
    assert error(staff.patch(f"{code.pk}/", max_redemptions=5)) == (400, "invalid")
    assert PromoCode.objects.get().max_redemptions is None


def test_counts_of_calls_are_not_pushed_out_by_those_of_others(db: None) -> None:
    """Django's own limit is 300 entries; beyond it every third count is forgotten, of logins too."""
    cache.clear()
    for caller in range(310):
        cache.set(f"throttle_burst_{caller}", [1.0])
    assert all(cache.get(f"throttle_burst_{caller}") for caller in range(310))


def test_calls_are_throttled_per_user(buyer: Caller, team: Shop, settings: Settings) -> None:
    cache.clear()
    statuses = [buyer.get("plans/").status_code for _ in range(121)]
    assert statuses == [200] * 120 + [429]


@pytest.mark.parametrize("path", ["99/", "99/usages/", "99999999999999999999/", "null/", "no/such/thing"])
def test_code_that_is_not_there_is_not_found(staff: Caller, path: str) -> None:
    assert error(staff.get(path)) == (404, "not_found")
