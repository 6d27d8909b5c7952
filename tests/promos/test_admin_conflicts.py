"""Conflicts on a code's page: the two sides, the two answers, and the timeline of what Stripe has had."""

from datetime import datetime

import pytest
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from promos.models import PromoCode
from promos.standin.server import Standin
from promos.sync import pull
from tests.promos import sides
from tests.promos.sides import again, stripe_id, synced
from tests.standin.dashboard import Dashboard

pytestmark = pytest.mark.django_db
SUBMITTED = {"_form_submitted": "on"}


@pytest.fixture
def office(owner: User, client: Client) -> Client:
    client.force_login(owner)
    return client


def page(office: Client, code: PromoCode) -> str:
    return office.get(reverse("admin:promos_promocode_change", args=[code.pk])).content.decode()


def answer(office: Client, code: PromoCode, name: str) -> str:
    response = office.post(reverse(f"admin:promos_promocode_{name}", args=[code.pk]), SUBMITTED)
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


@pytest.fixture
def clash(dashboard: Dashboard, now: datetime) -> PromoCode:
    coupon = dashboard.create_coupon(percent_off=50, duration="once")
    found = dashboard.create_code(coupon.id, "SPRING")
    code = synced(now, code="SPRING")
    pull.promotion_code(found.id, now=now)
    return again(code)


def test_page_of_a_conflict_shows_both_sides_and_both_answers(office: Client, clash: PromoCode) -> None:
    shown = page(office, clash)
    assert "In conflict with Stripe" in shown
    assert all(f">{text}</td>" in shown for text in ("20%", "50%"))
    assert all(
        reverse(f"admin:promos_promocode_{name}", args=[clash.pk]) in shown
        for name in ("keep_ours", "take_stripes")
    )


def test_page_of_the_imported_side_shows_it_too(office: Client, clash: PromoCode) -> None:
    imported = PromoCode.objects.exclude(pk=clash.pk).get()
    assert ">50%</td>" in page(office, imported)


def test_page_of_a_code_in_step_offers_no_answer(office: Client, standin: Standin, now: datetime) -> None:
    shown = page(office, synced(now))
    assert "keep_ours" not in shown
    assert "In conflict" not in shown


def test_keep_ours_settles_it(office: Client, clash: PromoCode, now: datetime) -> None:
    assert answer(office, clash, "keep_ours") == "Settled for ours: SPRING."
    sides.push_all(now)
    assert again(clash).sync_status == "synced"
    assert sides.active_at_stripe("SPRING") == [stripe_id(clash)]


def test_take_stripes_settles_it(office: Client, clash: PromoCode, now: datetime) -> None:
    assert answer(office, clash, "take_stripes") == "Settled for Stripe's: SPRING."
    sides.push_all(now)
    assert (again(clash).offer.percent_off, again(clash).sync_status) == (50, "synced")


def test_answer_without_a_conflict_is_skipped(office: Client, standin: Standin, now: datetime) -> None:
    code = synced(now)
    assert answer(office, code, "keep_ours") == f"1 skipped: {code} (it is not in conflict with Stripe)."


def test_answer_while_stripe_is_down_says_so(office: Client, clash: PromoCode, settings: Settings) -> None:
    settings.STRIPE_HOST = "http://127.0.0.1:9"
    assert "Stripe could not be reached" in answer(office, clash, "keep_ours")
    assert again(clash).sync_status == "conflict"


def test_timeline_shows_every_generation_and_why_it_ended(
    office: Client, standin: Standin, now: datetime
) -> None:
    code = synced(now)
    first = stripe_id(code)
    code.max_redemptions = 7
    code.save()
    sides.push_all(now)
    shown = page(office, code)
    assert first in shown
    assert stripe_id(code) in shown
    assert "Edited: limit (" in shown
    assert "7 uses" in shown


def test_code_with_terms_that_only_stripe_can_make_is_read_only(
    office: Client, standin: Standin, now: datetime
) -> None:
    code = synced(now)
    code.offer.kind = "other"
    code.offer.save()
    assert 'name="max_redemptions"' not in page(office, code)
    assert "its terms can only be changed in Stripe" in answer(office, code, "pause")
