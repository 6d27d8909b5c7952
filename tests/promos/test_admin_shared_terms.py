"""Editing terms that many codes share: asked first, then all wait for their push at once."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from promos.admin import shared_terms
from promos.models import Offer, PromoCode
from tests import factories

pytestmark = pytest.mark.django_db
FORM = {
    "kind": "percent",
    "percent_off": "30",
    "duration": "once",
    "name": "Twenty percent off",
    **dict.fromkeys(
        ("amount_off", "currency", "list_price_id", "fixed_price_amount", "duration_in_months", "why"), ""
    ),
}


@pytest.fixture
def office(owner: User, client: Client) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture
def offer() -> Offer:
    """The terms of three codes that Stripe has."""
    shared = factories.OfferFactory()
    factories.SyncedPromoCodeFactory.create_batch(3, offer=shared)
    return shared


def save(office: Client, offer: Offer, **changes: str) -> str:
    address = reverse("admin:promos_offer_change", args=[offer.pk])
    return office.post(address, FORM | changes).content.decode()


def percents() -> list[Any]:
    return list(Offer.objects.values_list("percent_off", flat=True))


def test_edit_of_shared_terms_asks_first(office: Client, offer: Offer) -> None:
    asked = save(office, offer)
    assert "3 codes share these terms" in asked
    assert "At 20 requests a second this takes less than a minute" in asked
    assert '<input type="hidden" name="percent_off" value="30">' in asked
    assert percents() == [20]


def test_confirmed_edit_marks_all_codes_in_one_update(office: Client, offer: Offer) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        save(office, offer, confirmed="yes")
    marking = [
        one["sql"] for one in queries if one["sql"].startswith('UPDATE "promo_codes" SET "sync_status"')
    ]
    assert len(marking) == 1
    assert percents() == [30]
    assert set(PromoCode.objects.values_list("sync_status", flat=True)) == {"pending"}


@pytest.mark.parametrize(
    "changes",
    [{"percent_off": "20", "name": "Spring"}, {"percent_off": "20"}],
    ids=["renamed", "untouched"],
)
def test_edit_that_stripe_takes_in_place_asks_nothing(
    office: Client, offer: Offer, changes: dict[str, str]
) -> None:
    assert "share these terms" not in save(office, offer, **changes)
    assert Offer.objects.get().name == changes.get("name", "Twenty percent off")


def test_edit_of_one_codes_terms_asks_nothing(office: Client) -> None:
    save(office, factories.SyncedPromoCodeFactory().offer)
    assert percents() == [30]


def test_wrong_edit_shows_its_errors_before_any_question(office: Client, offer: Offer) -> None:
    assert "The percentage must be at most 100." in save(office, offer, percent_off="130")


def test_edit_without_right_is_refused(client: Client, offer: Offer) -> None:
    viewer = factories.user("viewer@example.com", "viewer", is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(viewer)
    assert "share these terms" not in save(client, offer)
    assert percents() == [20]


@pytest.mark.parametrize(
    ("count", "words"),
    [(3, "less than a minute"), (600, "about 1 minute"), (100_000, "about 3 hours")],
)
def test_duration_follows_from_the_pace(count: int, words: str) -> None:
    assert shared_terms.in_words(shared_terms.how_long(count)) == words


def test_duration_at_another_pace(settings: Settings) -> None:
    settings.STRIPE_REQUESTS_PER_SECOND = 80.0
    assert shared_terms.how_long(8000) == timedelta(seconds=200)
