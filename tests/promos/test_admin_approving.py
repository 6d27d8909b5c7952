"""Approving in the admin: the dialog says what is approved, and what changed behind it is refused."""

import re
from datetime import datetime

import pytest
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from promos.models import Campaign, CodeBatch, Offer, PromoCode
from tests import factories

pytestmark = pytest.mark.django_db
LIST = reverse("admin:promos_promocode_changelist")


@pytest.fixture
def office(owner: User, client: Client, settings: Settings) -> Client:
    settings.APPROVAL_REQUIRED = True
    client.force_login(owner)
    return client


def gift(**fields: object) -> PromoCode:
    return factories.PromoCodeFactory(approved_at=None, max_redemptions=1, **fields)


def dialog(office: Client, row: PromoCode | Campaign) -> str:
    page = office.get(reverse(f"admin:promos_{row._meta.model_name}_approve", args=[row.pk]))
    return page.content.decode()


def seen_on(page: str) -> list[str]:
    return re.findall(r'name="seen" value="(\w+)"', page)


def approve(office: Client, row: PromoCode | Campaign, page: str) -> str:
    address = reverse(f"admin:promos_{row._meta.model_name}_approve", args=[row.pk])
    answer = office.post(address, {"_form_submitted": "on", "seen": seen_on(page)})
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def test_dialog_says_what_is_approved(office: Client) -> None:
    code = gift(code="GIFT", campaign=factories.CampaignFactory(name="Spring"))
    page = dialog(office, code)
    assert "GIFT</strong>: 20% off, once; uses in all: 1; in the campaign Spring" in page
    assert approve(office, code, page) == "Approved GIFT."


def test_code_that_changed_behind_the_dialog_is_refused(office: Client, now: datetime) -> None:
    code = gift(code="GIFT")
    page = dialog(office, code)
    Offer.objects.update(percent_off=90)
    said = approve(office, code, page)
    assert said == "1 failed: GIFT (the terms were changed meanwhile, so look at them again)."
    assert PromoCode.objects.get().approved_at is None


def test_campaign_is_approved_by_its_dialog(office: Client) -> None:
    campaign = factories.CampaignFactory(
        name="Big", currency="usd", budget_amount=500_000, needs_approval=True
    )
    page = dialog(office, campaign)
    assert "a budget of $5,000.00" in page
    assert approve(office, campaign, page) == "Approved Big."


def test_approval_of_many_shows_each_terms_once(office: Client) -> None:
    offer = factories.OfferFactory(percent_off=100)
    batch = CodeBatch.objects.create(offer=offer, pattern="####-####-####", requested=9)
    codes = [gift(code=f"FAIR-{n}", offer=offer, batch=batch) for n in range(5)]
    selected = {"action": "approve", "_selected_action": [code.pk for code in codes]}
    asked = office.post(LIST, selected).content.decode()
    assert "FAIR-0, FAIR-1, FAIR-2 and 2 more</strong>: 100% off, once" in asked
    assert len(seen_on(asked)) == 1
    PromoCode.objects.filter(code="FAIR-4").update(max_redemptions=1000)
    confirmed = {"confirmed": "yes", "_form_submitted": "on", "seen": seen_on(asked)}
    answer = office.post(LIST, {**selected, **confirmed})
    assert "1 failed: FAIR-4" in str(next(iter(get_messages(answer.wsgi_request))))
    assert PromoCode.objects.filter(approved_at=None).count() == 1
