"""Who changed what and why: which saves leave a record, and what it says."""

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from promos import history, promo_codes
from promos.models import Campaign, Offer, PromoCode
from tests import factories

pytestmark = pytest.mark.django_db


def test_save_of_terms_leaves_a_record(now: datetime) -> None:
    code = factories.PromoCodeFactory()
    code.max_redemptions = 5
    promo_codes.change(code, offer=code.offer, now=now)
    latest, first = code.history.order_by("-pk")
    assert (first.history_type, latest.history_type) == ("+", "~")
    assert latest.diff_against(first).changed_fields == ["max_redemptions"]


@pytest.mark.parametrize("fields", [["sync_status", "synced_at"], ["used_count"], ["updated_at"]])
def test_save_of_what_nobody_decides_leaves_none(fields: list[str]) -> None:
    code = factories.PromoCodeFactory()
    code.save(update_fields=fields)
    assert code.history.count() == 1


def test_record_names_the_person_of_the_request(owner: User, client: Client) -> None:
    code = factories.PromoCodeFactory()
    client.force_login(owner)
    client.post(reverse("admin:promos_promocode_pause", args=[code.pk]), {"_form_submitted": "on"})
    latest = code.history.latest("pk")
    assert (latest.history_user, latest.paused_at is not None) == (owner, True)


def test_because_gives_the_reason_to_every_record_inside() -> None:
    with history.because("The fair is over"), history.because(""):
        code = factories.PromoCodeFactory()
    assert code.history.get().history_change_reason == "The fair is over"
    assert factories.PromoCodeFactory().history.get().history_change_reason == ""


def test_note_records_changes_that_no_save_has_seen(now: datetime) -> None:
    codes = [factories.PromoCodeFactory() for _ in range(3)]
    PromoCode.objects.update(paused_at=now)
    with history.because("All at once"):
        history.note(PromoCode.objects.all(), now=now + timedelta(hours=1))
    for code in codes:
        latest = code.history.latest("pk")
        assert (latest.paused_at, latest.history_change_reason) == (now, "All at once")


def test_offers_and_campaigns_have_a_history_without_kept_amounts() -> None:
    campaign = factories.CampaignFactory()
    campaign.save(update_fields=["spent_amount"])
    assert campaign.history.count() == 1
    assert Offer.history.count() == Campaign.history.count() - 1 == 0


def test_many_codes_at_once_take_no_record_each(now: datetime) -> None:
    offer = factories.OfferFactory.build()
    promo_codes.create_all([PromoCode(code=f"BULK{n}", offer=offer) for n in range(3)], now=now)
    assert PromoCode.objects.count() == 3
    assert PromoCode.history.count() == 0
