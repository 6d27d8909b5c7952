"""Batches in the admin: the form, the progress, stopping and going on."""

from datetime import datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from promos import batches
from promos.models import CodeBatch, PromoCode

pytestmark = pytest.mark.django_db
ADD = reverse("admin:promos_codebatch_add")
FORM = {
    "prefix": "gift-",
    "pattern": "####-####-####",
    "requested": "7",
    "kind": "percent",
    "percent_off": "25",
    "duration": "once",
    "max_redemptions": "1",
    **dict.fromkeys(
        ("campaign", "description", "amount_off", "currency", "list_price_id", "fixed_price_amount"), ""
    ),
    **dict.fromkeys(("duration_in_months", "name", "minimum_amount", "minimum_amount_currency"), ""),
    **dict.fromkeys(("starts_at_0", "starts_at_1", "expires_at_0", "expires_at_1"), ""),
    "max_redemptions_per_customer": "",
}


@pytest.fixture
def office(owner: User, client: Client) -> Client:
    client.force_login(owner)
    return client


def progress(office: Client, batch: CodeBatch) -> str:
    return office.get(reverse("admin:promos_codebatch_progress_page", args=[batch.pk])).content.decode()


def test_batch_is_asked_for_made_and_its_progress_shown(office: Client, owner: User, now: datetime) -> None:
    answer = office.post(ADD, FORM)
    batch = CodeBatch.objects.get()
    assert answer.headers["Location"] == reverse("admin:promos_codebatch_change", args=[batch.pk])
    assert (batch.prefix, batch.created_by, batch.max_redemptions) == ("GIFT-", owner, 1)
    shown = progress(office, batch)
    assert "0 of 7" in shown
    assert "hx-trigger" in shown
    batches.work(now)
    batch.refresh_from_db()
    shown = progress(office, batch)
    assert "7 of 7" in shown
    assert "hx-trigger" not in shown
    assert PromoCode.objects.filter(offer__percent_off=25).count() == 7


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"pattern": "####"}, "pattern"),
        ({"requested": "2000000"}, "requested"),
        ({"requested": ""}, "requested"),
        ({"percent_off": "101"}, "percent_off"),
        ({"max_redemptions": "0"}, "max_redemptions"),
    ],
)
def test_batch_is_refused_beside_the_field(fields: dict[str, str], field: str, office: Client) -> None:
    answer = office.post(ADD, FORM | fields)
    assert list(answer.context["adminform"].form.errors) == [field]
    assert not CodeBatch.objects.exists()


def test_owner_may_insist_on_short_codes(office: Client) -> None:
    office.post(ADD, FORM | {"pattern": "####", "is_guessable_fine": "on"})
    assert CodeBatch.objects.get().pattern == "####"


def test_batch_is_stopped_and_goes_on(office: Client) -> None:
    office.post(ADD, FORM)
    batch = CodeBatch.objects.get()
    for name, is_stopped in (("stop", True), ("go_on", False)):
        office.post(reverse(f"admin:promos_codebatch_{name}", args=[batch.pk]), {"_form_submitted": "on"})
        batch.refresh_from_db()
        assert (batch.stopped_at is not None) == is_stopped


def test_progress_of_no_batch_is_not_found(office: Client) -> None:
    assert office.get(reverse("admin:promos_codebatch_progress_page", args=[99])).status_code == 404


def test_batch_shows_what_its_codes_allow_and_what_can_be_done_now(office: Client, now: datetime) -> None:
    office.post(ADD, FORM | {"expires_at_0": "2031-01-31", "first_time_only": "on", "description": "Fair"})
    batch = CodeBatch.objects.get()
    address = reverse("admin:promos_codebatch_change", args=[batch.pk])

    def offered() -> list[str]:
        return [name for name in ("stop", "go_on") if f"{name}/" in office.get(address).content.decode()]

    page = office.get(address).content.decode()
    assert all(told in page for told in ("2031-01-31 23:59", "Uses of each", "First purchase only", "Fair"))
    assert offered() == ["stop"]
    batches.stop(batch, now=now)
    assert offered() == ["go_on"]
    batches.go_on(batch)
    batches.work(now)
    assert offered() == []
