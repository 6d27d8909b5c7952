"""The forms of campaigns and of terms that several codes share."""

from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags

from promos.models import Campaign, PromoCode
from tests import factories

pytestmark = pytest.mark.django_db
ADD = reverse("admin:promos_campaign_add")
CAMPAIGN = {
    "name": "Spring",
    "currency": "usd",
    "budget_amount": "5,000.00",
    "fixed_cost_amount": "250",
    **dict.fromkeys(("starts_at_0", "starts_at_1", "ends_at_0", "ends_at_1"), ""),
}
TERMS = {
    "kind": "percent",
    "percent_off": "30",
    "duration": "once",
    "name": "Thirty percent",
    **dict.fromkeys(
        ("amount_off", "currency", "list_price_id", "fixed_price_amount", "duration_in_months"), ""
    ),
}


@pytest.fixture
def office(owner: User, client: Client) -> Client:
    factories.PriceFactory(id="price_monthly", amount=9950)
    client.force_login(owner)
    return client


def test_add_campaign_takes_currency_units(office: Client) -> None:
    office.post(ADD, CAMPAIGN)
    campaign = Campaign.objects.get()
    assert (campaign.budget_amount, campaign.fixed_cost_amount) == (500_000, 25_000)
    form = office.get(reverse("admin:promos_campaign_change", args=[campaign.pk])).context["adminform"].form
    assert form.initial["budget_amount"] == "5000.00"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"budget_amount": "0"}, "budget_amount"),
        ({"budget_amount": "1.005"}, "budget_amount"),
        ({"fixed_cost_amount": "-1"}, "fixed_cost_amount"),
        ({"currency": ""}, "currency"),
        (
            {
                "starts_at_0": "2030-01-02",
                "starts_at_1": "0:00",
                "ends_at_0": "2030-01-01",
                "ends_at_1": "0:00",
            },
            "ends_at",
        ),
        ({"name": "Taken"}, "name"),
    ],
)
def test_add_campaign_refuses_beside_the_field(fields: dict[str, str], field: str, office: Client) -> None:
    factories.CampaignFactory(name="Taken")
    answer = office.post(ADD, CAMPAIGN | fields)
    assert list(answer.context["adminform"].form.errors) == [field]
    assert Campaign.objects.count() == 1


def test_change_of_offer_reaches_all_its_codes(office: Client) -> None:
    offer = factories.OfferFactory()
    for _ in range(2):
        factories.PromoCodeFactory(offer=offer)
    assert office.post(reverse("admin:promos_offer_change", args=[offer.pk]), TERMS).status_code == 302
    assert set(PromoCode.objects.values_list("offer__percent_off", flat=True)) == {30}


def test_change_of_offer_refuses_beside_the_field(office: Client) -> None:
    offer = factories.OfferFactory()
    answer = office.post(
        reverse("admin:promos_offer_change", args=[offer.pk]), TERMS | {"percent_off": "101"}
    )
    assert list(answer.context["adminform"].form.errors) == ["percent_off"]


@pytest.mark.parametrize(
    ("days", "state"),
    [((-2, -1), "Over"), ((-1, 1), "Running"), ((1, 2), "Scheduled")],
)
def test_campaign_is_what_its_days_make_it(days: tuple[int, int], state: str, office: Client) -> None:
    starts_at, ends_at = (timezone.now() + timedelta(days=day) for day in days)
    factories.CampaignFactory(starts_at=starts_at, ends_at=ends_at)
    page = office.get(reverse("admin:promos_campaign_changelist")).content.decode()
    assert {word for word in ("Over", "Running", "Scheduled") if f">{word}<" in page.replace("\n", "")} == {
        state
    }


def test_new_campaign_has_no_results_yet(office: Client) -> None:
    assert "Results" not in strip_tags(office.get(ADD).content.decode())


@pytest.mark.parametrize(
    ("fields", "offered"),
    [
        ({}, ["pause_codes"]),
        ({"paused_at": factories.LONG_AGO}, ["resume_codes"]),
        ({"needs_approval": True}, ["approve", "pause_codes"]),
    ],
)
def test_campaign_offers_what_can_be_done_with_it_now(
    fields: dict[str, object], offered: list[str], office: Client
) -> None:
    campaign = factories.CampaignFactory(**fields)
    answer = office.get(reverse("admin:promos_campaign_change", args=[campaign.pk]))
    found = admin.site._registry[Campaign].get_actions_detail(answer.wsgi_request, str(campaign.pk))
    assert [each.method.__name__ for each in found] == offered


def test_campaign_is_deleted_only_while_it_has_no_codes(office: Client) -> None:
    campaign = factories.CampaignFactory()
    page, delete = (
        reverse(f"admin:promos_campaign_{name}", args=[campaign.pk]) for name in ("change", "delete")
    )
    assert "Delete campaign" in office.get(page).content.decode()
    factories.PromoCodeFactory(campaign=campaign)
    assert "Delete campaign" not in office.get(page).content.decode()
    assert office.get(delete).status_code == 403
    PromoCode.objects.all().delete()
    office.post(delete, {"post": "yes"})
    assert not Campaign.objects.exists()
