"""The history page: when, who, what from what to what, and why."""

from datetime import datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from promos import history, promo_codes
from promos.models import PromoCode
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def office(owner: User, client: Client) -> Client:
    client.force_login(owner)
    return client


def page_of(office: Client, code: PromoCode) -> str:
    return office.get(reverse("admin:promos_promocode_history", args=[code.pk])).content.decode()


def test_history_says_what_became_of_code_and_terms(office: Client, now: datetime) -> None:
    spring = factories.CampaignFactory(name="Spring")
    code = factories.PromoCodeFactory()
    code.campaign, code.max_redemptions, code.offer.percent_off = spring, 5, 30
    with history.because("The fair went well"):
        promo_codes.change(code, offer=code.offer, now=now)
    page = page_of(office, code)
    for words in (
        "Promo code made",
        "Campaign: – → Spring",
        "Max redemptions: – → 5",
        "Percent off: 20.00 → 30.00",
        "The fair went well",
    ):
        assert words in page


def test_history_calls_intents_by_their_names(office: Client, owner: User) -> None:
    code = factories.PromoCodeFactory()
    for name in ("pause", "resume"):
        office.post(
            reverse(f"admin:promos_promocode_{name}", args=[code.pk]),
            {"_form_submitted": "on", "why": f"because {name}"},
        )
    page = page_of(office, code)
    for words in ("Paused", "Resumed", "because pause", "because resume", owner.get_username()):
        assert words in page


def test_why_of_the_form_is_kept(office: Client) -> None:
    campaign = factories.CampaignFactory(name="Spring")
    empty = dict.fromkeys(("starts_at_0", "starts_at_1", "ends_at_0", "ends_at_1", "currency"), "")
    data = {"name": "Summer", "budget_amount": "", "fixed_cost_amount": "", "why": "A new season", **empty}
    office.post(reverse("admin:promos_campaign_change", args=[campaign.pk]), data)
    latest = campaign.history.latest("pk")
    assert (latest.name, latest.history_change_reason) == ("Summer", "A new season")


def test_history_takes_a_constant_number_of_queries(
    office: Client, now: datetime, django_assert_max_num_queries
) -> None:
    code = factories.PromoCodeFactory()
    for number in range(1, 30):
        code.campaign = factories.CampaignFactory()
        code.max_redemptions = number
        promo_codes.change(code, offer=code.offer, now=now)
    with django_assert_max_num_queries(12):
        assert "Max redemptions: 28 → 29" in page_of(office, code)


def test_history_of_a_row_without_one_is_djangos(office: Client, owner: User) -> None:
    assert office.get(reverse("admin:auth_user_history", args=[owner.pk])).status_code == 200


def test_duplicate_opens_a_form_with_the_same_terms(office: Client, now: datetime) -> None:
    code = factories.PromoCodeFactory(
        code="FIRST", max_redemptions=7, minimum_amount=5000, minimum_amount_currency="usd", expires_at=now
    )
    answer = office.get(reverse("admin:promos_promocode_duplicate", args=[code.pk]), follow=True)
    initial = answer.context["adminform"].form.initial
    assert (initial["percent_off"], initial["max_redemptions"], initial["minimum_amount"]) == (
        "20",
        7,
        "50.00",
    )
    assert "code" not in initial
    assert "expires_at" not in initial
    assert PromoCode.objects.count() == 1
