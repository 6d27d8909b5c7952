"""The admin's home as the owner meets it."""

import json
import re
from datetime import datetime, timedelta
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.test import Client

from promos.models import PromoCode, PromoCodeUsage
from tests.analytics.builders import pay_back, redeem, set_sync
from tests.factories import CampaignFactory, CodeCheckFactory, PromoCodeFactory, WebhookEventFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def signed_in(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def home(client: Client, query: str = "") -> str:
    response = client.get(f"/admin/{query}")
    assert response.status_code == 200
    return re.sub(r"\s+", " ", unescape(response.content.decode()))


def test_home_without_codes_says_the_first_step(signed_in: Client) -> None:
    page = home(signed_in)

    assert "Make your first promo code" in page
    assert 'href="/admin/promos/promocode/add/"' in page


def test_home_without_redemptions_says_so(signed_in: Client) -> None:
    PromoCodeFactory()

    page = home(signed_in)

    assert "Nobody has redeemed a code in this period" in page
    assert "Nothing needs attention." in page


def test_home_shows_each_figure_with_its_formula(signed_in: Client, now: datetime) -> None:
    usage = redeem(PromoCodeFactory(code="LAUNCH50"), gross=29_950, discount=10_000, at=now)
    pay_back(usage, 950, at=now)

    page = home(signed_in)

    for shown in ("$299.50", "−$100.00", "−$9.50", "$190.00", "LAUNCH50", "1 of 1"):
        assert shown in page
    assert "Gross − discount − refunds − lost disputes" in page
    assert page.count("<summary") >= 9


def test_home_never_sums_currencies(signed_in: Client, now: datetime) -> None:
    code = PromoCodeFactory()
    redeem(code, gross=10_000, discount=1_000, at=now)
    redeem(code, gross=10_000, discount=1_000, at=now, currency="jpy")

    page = home(signed_in)

    assert ">USD</h2>" in page
    assert ">JPY</h2>" in page
    assert "¥9,000" in page
    assert "$90.00" in page


def test_home_compares_with_the_period_before(signed_in: Client, now: datetime) -> None:
    code = PromoCodeFactory()
    redeem(code, gross=10_000, discount=1_234, at=now - timedelta(days=10))

    assert "$12.34 in the 7 days before" in home(signed_in, "?days=7")


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?from=2026-02-01&to=2026-01-01", "The period ends (2026-01-01) before it starts (2026-02-01)."),
        ("?from=x&to=2026-01-01", "Write dates as 2026-03-31, not “x”."),
        ("?days=99999999999", "Choose 7, 30 or 90 days, or two dates."),
        ("?from=%00&to=", "Write dates"),
    ],
)
def test_home_answers_absurd_periods_with_a_sentence(signed_in: Client, query: str, sentence: str) -> None:
    PromoCodeFactory()

    page = home(signed_in, query)

    assert sentence in page
    assert "Shown are the last 30 days." in page


def test_home_lists_what_needs_attention(signed_in: Client, now: datetime) -> None:
    set_sync(PromoCodeFactory(), "error", "No such product.")
    set_sync(PromoCodeFactory(), "conflict")
    set_sync(PromoCodeFactory(), "pending", "Stripe cannot be reached.")
    PromoCodeFactory(expires_at=now + timedelta(days=2))
    WebhookEventFactory(error="It broke.", received_at=now)
    redeem(PromoCodeFactory(), is_over_limit=True, at=now)

    page = home(signed_in)

    for label in (
        "refused",
        "conflict",
        "retried",
        "expires within 7",
        "Webhook not",
        "past its code's limit",
    ):
        assert label in page


def test_home_tells_one_from_several_that_need_attention(signed_in: Client) -> None:
    set_sync(PromoCodeFactory(), "conflict")
    assert ">Code in conflict with Stripe<" in home(signed_in)
    set_sync(PromoCodeFactory(), "conflict")
    assert ">Codes in conflict with Stripe<" in home(signed_in)


def test_links_lead_to_exactly_the_rows_of_the_figure(signed_in: Client, now: datetime) -> None:
    code = PromoCodeFactory(expires_at=now + timedelta(days=2))
    set_sync(code, "error", "No such product.")
    set_sync(PromoCodeFactory(), "conflict")
    set_sync(PromoCodeFactory(), "pending", "Stripe cannot be reached.")
    WebhookEventFactory(error="It broke.", received_at=now)
    CodeCheckFactory(
        promo_code=code, customer=redeem(code, at=now, is_over_limit=True).customer, checked_at=now
    )
    # A redemption stays one when it is refunded.
    PromoCodeUsage.objects.update(status="refunded")
    redeem(code, at=now - timedelta(days=40))
    PromoCodeFactory(approved_at=None)
    PromoCodeFactory(approved_at=None, submitted_at=None)  # a draft waits for nobody
    PromoCodeFactory(needs_review=True)
    PromoCodeFactory(max_redemptions=10, used_count=9)
    CampaignFactory(needs_approval=True)
    CampaignFactory(currency="usd", budget_amount=100, spent_amount=90)

    links = set(re.findall(r'href="(/admin/promos/[^"]+\?[^"]+)"', home(signed_in)))

    assert len(links) == 16
    for link in links:
        response = signed_in.get(link)
        assert response.status_code == 200, link  # a filter that is not allowed would redirect to ?e=1
        assert response.context["cl"].result_count == 1, link


def test_charts_are_json_with_words_beside_them(signed_in: Client, now: datetime) -> None:
    redeem(PromoCodeFactory(), gross=10_000, discount=2_550, at=now)

    response = signed_in.get("/admin/")
    money, redemptions, plans = map(
        json.loads, map(unescape, re.findall(r'data-value="([^"]+)"', response.content.decode()))
    )

    assert [one["data"][-1] for one in money["datasets"]] == [74.5, 25.5]
    assert redemptions["datasets"][0]["data"] == [0] * 29 + [1]
    assert plans["labels"] == ["price_monthly"]
    assert response.content.decode().count('role="img" aria-label=') == 3


def test_home_escapes_what_came_from_outside(signed_in: Client, now: datetime) -> None:
    redeem(PromoCodeFactory(), plan='"><script>alert(1)</script>', at=now)

    assert b"<script>alert" not in signed_in.get("/admin/").content


def test_home_hides_figures_from_staff_without_the_right(client: Client, now: datetime) -> None:
    redeem(PromoCodeFactory(code="SECRET"), at=now)
    client.force_login(User.objects.create_user("helper", is_staff=True))

    page = home(client)

    assert "Total customer savings" not in page
    assert "SECRET" not in page


def test_home_asks_a_bounded_number_of_queries(
    signed_in: Client, now: datetime, django_assert_max_num_queries
) -> None:
    for currency in ("usd", "eur"):
        for code in PromoCode.objects.filter(pk__in=[one.pk for one in PromoCodeFactory.create_batch(12)]):
            redeem(code, at=now, currency=currency)

    with django_assert_max_num_queries(32):
        home(signed_in)
