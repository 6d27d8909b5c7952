"""Who changed what and why: which saves leave a record, and what it says."""

from datetime import datetime

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from promos import codes, history, promo_codes, stripe_gateway
from promos.models import Campaign, Offer, PromoCode
from promos.standin.server import Standin
from promos.sync import pull, push
from tests import factories
from tests.promos import sides
from tests.standin.dashboard import Dashboard

pytestmark = pytest.mark.django_db


def why(row: PromoCode | Offer) -> str:
    """The reason of a row's latest record."""
    return str(row.history.latest("pk").history_change_reason)


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


def test_reason_inside_of_another_keeps_both() -> None:
    with history.because("The rival gives more"), history.because("Stripe's side taken"):
        code = factories.PromoCodeFactory()
    assert code.history.get().history_change_reason == "Stripe's side taken: The rival gives more"


def test_note_records_changes_that_no_save_has_seen(now: datetime) -> None:
    codes = [factories.PromoCodeFactory() for _ in range(3)]
    PromoCode.objects.update(paused_at=now)
    with history.because("All at once"):
        history.note(PromoCode.objects.all())
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


def test_command_says_that_it_was_one() -> None:
    code = factories.PromoCodeFactory()
    call_command("manage_promo_codes", "pause", code.code, "--json")
    assert why(code) == "manage_promo_codes pause"


def test_changes_from_stripe_say_so(standin: Standin, now: datetime) -> None:
    code = factories.PromoCodeFactory()
    push.work(now)
    promotion_code = code.stripe_promotion_codes.get().stripe_promotion_code_id
    stripe_gateway.update_promotion_code(promotion_code, {"active": False})
    pull.promotion_code(promotion_code, now=now)
    latest = code.history.latest("pk")
    assert (latest.paused_at, latest.history_change_reason) == (now, "Changed in Stripe")


def test_conflict_settled_for_stripe_keeps_the_owners_reason(
    dashboard: Dashboard, owner: User, client: Client, now: datetime
) -> None:
    found = dashboard.create_code(dashboard.create_coupon().id, "SPRING")
    code = sides.synced(now, code="SPRING")
    pull.promotion_code(found.id, now=now)
    client.force_login(owner)
    answer = {"_form_submitted": "on", "why": "Theirs is printed"}
    client.post(reverse("admin:promos_promocode_take_stripes", args=[code.pk]), answer)
    assert why(code) == "Stripe's side taken: Theirs is printed"
    gone = PromoCode.history.filter(history_type="-").get()
    assert gone.history_change_reason == why(code)


def test_code_made_in_stripe_says_so_and_is_reviewed_where_needed(
    standin: Standin, now: datetime, settings: Settings
) -> None:
    settings.APPROVAL_REQUIRED = True
    coupon = {"percent_off": 100, "duration": "once", "name": "All"}
    made = stripe_gateway.create_coupon(coupon, idempotency_key="coupon")
    promotion = {"promotion": {"type": "coupon", "coupon": made["id"]}, "code": "GIFT"}
    found = stripe_gateway.create_promotion_code(promotion, idempotency_key="code")
    pull.promotion_code(found["id"], now=now)
    code = PromoCode.objects.get()
    assert (codes.status(code, now), code.needs_review) == (codes.Status.ACTIVE, True)
    assert why(code) == why(code.offer) == "Made in Stripe"
