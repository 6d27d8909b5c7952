"""Every rule for a code, a customer and a plan; and the goodwill code."""

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from promos import desk, eligibility, plans
from promos.models import Customer, PromoCode
from promos.plans import Plan
from tests import factories

pytestmark = pytest.mark.django_db
WHY = reverse("admin:promos_codecheck_why")
DAY = timedelta(days=1)


@pytest.fixture
def plan(db: None) -> Plan:
    factories.PriceFactory(id="price_monthly", amount=10_000)
    found = plans.get("price_monthly")
    assert found is not None
    return found


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"paused_at": "now"},
        {"approved_at": None},
        {"expires_at": "past"},
        {"starts_at": "future"},
        {"max_redemptions": 1, "used_count": 1},
        {"max_redemptions": 1, "held_count": 1},
        {"first_time_only": True},
        {"max_redemptions_per_customer": 1},
        {"minimum_amount": 20_000, "minimum_amount_currency": "usd"},
        {"minimum_amount": 1, "minimum_amount_currency": "eur"},
        {"offer": {"product_ids": ["prod_other"]}},
        {"offer": {"kind": "amount", "percent_off": None, "amount_off": 5, "currency": "eur"}},
        {"customer": "other"},
        {"campaign": {"budget_amount": 5, "currency": "usd", "spent_amount": 5}},
    ],
    ids=str,
)
def test_desk_and_checkout_agree(
    fields: dict[str, object], plan: Plan, customer: Customer, now: datetime
) -> None:
    times = {"now": now, "past": now - DAY, "future": now + DAY}
    made = {
        name: times.get(value, value) if isinstance(value, str) else value for name, value in fields.items()
    }
    if "offer" in made:
        made["offer"] = factories.OfferFactory(**made["offer"])
    if "campaign" in made:
        made["campaign"] = factories.CampaignFactory(**made["campaign"])
    if "customer" in made:
        made["customer"] = factories.CustomerFactory()
    code = factories.PromoCodeFactory(code="CODE", **made)
    factories.LedgerEntryFactory(
        customer=customer, usage=factories.UsageFactory(promo_code=code, customer=customer)
    )

    case = desk.look_into("code", email=customer.email.upper(), plan=plan, now=now)
    verdict = eligibility.check("code", customer=customer, plan=plan, now=now)
    failing = {rule.reason for rule in case.rules if not rule.passes}
    assert case.is_accepted == verdict.is_accepted
    assert failing == ({verdict.reason} if verdict.reason else set())
    assert all(rule.remedy for rule in case.rules if not rule.passes)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (None, "No code has this text"),
        ({"archived_at": "now"}, "archived"),
        ({"sync_status": "conflict"}, "conflicts"),
    ],
)
def test_code_that_is_not_found_is_explained(
    fields: dict[str, object] | None, words: str, plan: Plan, now: datetime
) -> None:
    if fields is not None:
        code = factories.PromoCodeFactory(code="GONE")
        PromoCode.objects.filter(pk=code.pk).update(
            **{name: now if value == "now" else value for name, value in fields.items()}
        )
    case = desk.look_into("gone", email="", plan=plan, now=now)
    assert not case.is_accepted
    assert words in case.rules[0].found


def test_page_shows_rules_and_past_tries(
    owner: User, client: Client, plan: Plan, customer: Customer, now: datetime
) -> None:
    code = factories.PromoCodeFactory(code="OLD", expires_at=now - DAY)
    factories.CodeCheckFactory(promo_code=code, customer=customer, reason="expired", text="OLD")
    client.force_login(owner)
    page = client.get(WHY, {"email": customer.email, "code": "old", "plan": plan.price_id}).content.decode()
    assert "OLD would be refused" in page
    assert "Give it a later end." in page
    assert "OLD · The code has expired" in page
    assert "Used 0 times by the customer, without a limit" in page


def test_goodwill_code_is_for_that_customer_alone(
    owner: User, client: Client, customer: Customer, now: datetime
) -> None:
    client.force_login(owner)
    client.post(reverse("admin:promos_codecheck_goodwill"), {"customer": customer.pk, "percent_off": "30"})
    code = PromoCode.objects.get()
    assert (code.customer, code.max_redemptions, code.offer.percent_off) == (customer, 1, 30)
    assert code.history.get().history_change_reason == "Goodwill"


@pytest.mark.parametrize("percent", ["0", "101", "", "-5", "x", "²"])
def test_goodwill_of_no_percentage_makes_nothing(
    percent: str, owner: User, client: Client, customer: Customer
) -> None:
    client.force_login(owner)
    client.post(reverse("admin:promos_codecheck_goodwill"), {"customer": customer.pk, "percent_off": percent})
    assert not PromoCode.objects.exists()


def test_customers_page_leads_to_the_question_about_them(plan: Plan, owner: User, client: Client) -> None:
    client.force_login(owner)
    ada = factories.CustomerFactory(email="ada+1@example.com")
    page = client.get(reverse("admin:promos_customer_change", args=[ada.pk])).content.decode()
    assert f"{WHY}?email=ada%2B1%40example.com" in page
    asked = client.get(WHY, {"email": ada.email}).content.decode()
    assert 'value="ada+1@example.com"' in asked
    assert "This field is required" not in asked


def test_goodwill_is_told_beside_the_answer_it_was_given_for(plan: Plan, owner: User, client: Client) -> None:
    client.force_login(owner)
    ada = factories.CustomerFactory()
    asked = {"email": ada.email, "code": "SPRING", "plan": plan.price_id}
    given = asked | {"customer": ada.pk, "percent_off": "30"}
    page = client.post(reverse("admin:promos_codecheck_goodwill"), given, follow=True).content.decode()
    assert "SPRING would be refused" in page
    assert "Made SORRY-" in page


@pytest.mark.parametrize(
    ("email", "words"), [("", "For somebody new"), ("nobody@example.com", "Nobody with this address")]
)
def test_question_about_nobody_known_says_so(
    email: str, words: str, plan: Plan, owner: User, client: Client
) -> None:
    client.force_login(owner)
    page = client.get(WHY, {"email": email, "code": "SPRING", "plan": plan.price_id}).content.decode()
    assert [told in page for told in ("For somebody new", "Nobody with this address")].count(True) == 1
    assert words in page
