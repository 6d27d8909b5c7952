"""The list of codes and the page of one code."""

from datetime import datetime, timedelta

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from promos.admin import lists, site
from promos.models import CodeBatch, PromoCode, StripeCoupon, StripePromotionCode
from tests import factories
from tests.analytics.builders import redeem

pytestmark = pytest.mark.django_db
LIST = reverse("admin:promos_promocode_changelist")


@pytest.fixture
def office(owner: User, client: Client) -> Client:
    client.force_login(owner)
    return client


def listed(office: Client, **query: str) -> set[str]:
    return {code.code for code in office.get(LIST, query).context["cl"].result_list}


def queries(office: Client) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert office.get(LIST).status_code == 200
    return len(captured)


def test_list_takes_as_many_queries_for_one_code_as_for_a_page(office: Client) -> None:
    factories.PromoCodeFactory(campaign=factories.CampaignFactory())
    few = queries(office)
    for number in range(55):
        factories.PromoCodeFactory(campaign=factories.CampaignFactory() if number % 2 else None)
    PromoCode.objects.update(used_count=1)
    assert queries(office) == few + 2 <= 10
    assert len(listed(office)) == 50


def test_list_says_value_status_and_uses_in_words(office: Client) -> None:
    campaign = factories.CampaignFactory(name="Spring launch")
    offer = factories.OfferFactory(duration="repeating", duration_in_months=3)
    code = factories.PromoCodeFactory(
        code="SPRING", campaign=campaign, offer=offer, max_redemptions=10, used_count=7
    )
    page = office.get(LIST).content.decode()
    for words in (code.code, "Spring launch", "20% off for 3 months", "Active", "Pending", "7 / 10"):
        assert words in page


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("active", {"ACTIVE"}),
        ("paused", {"PAUSED", "IN-PAUSED", "IN-SPENT"}),
        ("expired", {"OLD", "IN-ENDED"}),
        ("scheduled", {"SOON", "IN-COMING"}),
        ("used_up", {"GONE"}),
        ("archived", {"ARCHIVED"}),
        ("waiting", {"WAITING", "IN-WAITING"}),
        ("nonsense", set()),
    ],
)
def test_list_is_filtered_by_status(status: str, expected: set[str], office: Client, now: datetime) -> None:
    day = timedelta(days=1)
    factories.PromoCodeFactory(code="ACTIVE")
    factories.PromoCodeFactory(code="PAUSED", paused_at=now)
    factories.PromoCodeFactory(code="OLD", expires_at=now - day)
    factories.PromoCodeFactory(code="SOON", starts_at=now + day)
    factories.PromoCodeFactory(code="GONE", max_redemptions=1, used_count=1)
    factories.PromoCodeFactory(code="ARCHIVED", archived_at=now)
    factories.PromoCodeFactory(code="WAITING", approved_at=None)
    for code, fields in (
        ("IN-PAUSED", {"paused_at": now}),
        ("IN-SPENT", {"currency": "usd", "budget_amount": 5, "spent_amount": 5}),
        ("IN-WAITING", {"needs_approval": True}),
        ("IN-ENDED", {"ends_at": now - day}),
        ("IN-COMING", {"starts_at": now + day}),
    ):
        factories.PromoCodeFactory(code=code, campaign=factories.CampaignFactory(**fields))
    assert listed(office, status=status) == expected


def test_list_is_filtered_by_sync_kind_and_campaign(office: Client) -> None:
    campaign = factories.CampaignFactory()
    free = factories.OfferFactory(kind="free", percent_off=100)
    factories.PromoCodeFactory(code="FREE", offer=free)
    factories.PromoCodeFactory(code="SPRING", campaign=campaign)
    PromoCode.objects.filter(code="FREE").update(sync_status="error")
    assert listed(office, sync_status__exact="error") == {"FREE"}
    assert listed(office, offer__kind__exact="free") == {"FREE"}
    assert listed(office, campaign__id__exact=str(campaign.pk)) == {"SPRING"}


def test_list_is_searched_by_code_and_description(office: Client) -> None:
    factories.PromoCodeFactory(code="WELCOME", description="for the fair")
    factories.PromoCodeFactory(code="OTHER")
    assert listed(office, q="welc") == {"WELCOME"}
    assert listed(office, q="the fair") == {"WELCOME"}


def test_page_links_every_generation_to_the_stripe_dashboard(office: Client) -> None:
    code = factories.PromoCodeFactory()
    coupon = StripeCoupon.objects.create(offer=code.offer, stripe_coupon_id="coupon_1")
    for number, state in ((1, "retired"), (2, "current")):
        StripePromotionCode.objects.create(
            promo_code=code,
            generation=number,
            stripe_coupon=coupon,
            stripe_promotion_code_id=f"promo_{number}",
            state=state,
        )
    page = office.get(reverse("admin:promos_promocode_change", args=[code.pk])).content.decode()
    assert 'href="https://dashboard.stripe.com/test/promotion_codes/promo_1"' in page
    assert 'href="https://dashboard.stripe.com/test/promotion_codes/promo_2"' in page
    assert 'href="https://dashboard.stripe.com/test/coupons/coupon_1"' in page


def test_page_says_why_a_code_is_paused(office: Client, now: datetime) -> None:
    campaign = factories.CampaignFactory(name="Spring", paused_at=now)
    code = factories.PromoCodeFactory(campaign=campaign)
    page = office.get(reverse("admin:promos_promocode_change", args=[code.pk])).content.decode()
    assert "Paused: The campaign Spring is paused" in page


def test_page_says_when_it_is_about_live_mode(office: Client, settings: Settings) -> None:
    code = factories.PromoCodeFactory()
    coupon = StripeCoupon.objects.create(offer=code.offer, stripe_coupon_id="coupon_1")
    StripePromotionCode.objects.create(
        promo_code=code, stripe_coupon=coupon, stripe_promotion_code_id="promo_1"
    )
    address = reverse("admin:promos_promocode_change", args=[code.pk])
    assert ">TEST<" in "".join(office.get(address).content.decode().split())
    settings.STRIPE_LIVE_MODE = True
    page = office.get(address).content.decode()
    assert ">LIVE<" in "".join(page.split())
    assert 'href="https://dashboard.stripe.com/promotion_codes/promo_1"' in page


@pytest.mark.parametrize("is_in_batch", [False, True], ids=["alone", "of a batch"])
def test_list_says_savings_and_last_use_by_currency(office: Client, now: datetime, is_in_batch: bool) -> None:
    batch = CodeBatch.objects.create(offer=factories.OfferFactory(), pattern="####", requested=2)
    code, other = factories.PromoCodeFactory.create_batch(
        2, used_count=3, max_redemptions=10, batch=batch if is_in_batch else None
    )
    for currency, amount in (("usd", 500), ("usd", 250), ("eur", 70)):
        redeem(code, currency=currency, discount=amount, at=now - timedelta(days=1))
    redeem(other, discount=1)
    factories.UsageFactory(promo_code=code, status="failed", discount_amount=999, redeemed_at=now)
    [listed_code] = [one for one in office.get(LIST).context["cl"].result_list if one == code]
    assert listed_code.figures.savings_in_words == "€0.70, $7.50"
    assert listed_code.figures.last_used_at == now - timedelta(days=1)
    assert '<progress class="promos-uses" value="3" max="10"' in office.get(LIST).content.decode()


def test_list_counts_up_to_a_limit(office: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    factories.PromoCodeFactory.create_batch(3)
    assert "3 promo codes" in words(office.get(LIST).content.decode())
    monkeypatch.setattr(lists, "COUNTED_AT_MOST", 2)
    assert "2+ promo codes" in words(office.get(LIST).content.decode())


@pytest.mark.parametrize("column", range(1, 10))
@pytest.mark.parametrize("sign", ["", "-"])
def test_list_orders_ties_like_the_column(column: int, sign: str, office: Client) -> None:
    ordering = office.get(LIST, {"o": f"{sign}{column}"}).context["cl"].queryset.query.order_by
    signs = {"-" if str(name).startswith("-") else "" for name in ordering}
    assert len(signs) == 1


def test_views_are_tabs_and_the_open_one_is_marked(office: Client) -> None:
    answer = office.get(LIST, {"status": "paused", "p": "1"})
    [tabs] = site.tabs(answer.wsgi_request)
    assert [tab["title"] for tab in tabs["items"] if tab["active"]] == ["Paused"]
    for tab in tabs["items"]:
        assert office.get(tab["link"]).status_code == 200


def test_list_is_filtered_by_product_and_uses(office: Client) -> None:
    product = factories.ProductFactory()
    for name, products in (("ALL", []), ("THIS", [product.id]), ("OTHER", ["prod_other"])):
        offer = factories.OfferFactory(product_ids=products)
        factories.PromoCodeFactory(code=name, offer=offer)
    assert listed(office, product=product.id) == {"ALL", "THIS"}
    for uses, name in ((8, "ALL"), (11, "THIS")):
        PromoCode.objects.filter(code=name).update(used_count=uses, max_redemptions=10)
    given_back = PromoCode.objects.get(code="OTHER")
    factories.UsageFactory(promo_code=given_back, status="refunded", is_given_back=True)
    found = {choice: listed(office, uses=choice) for choice in ("unused", "used", "ever", "nearly", "over")}
    assert found == {
        "unused": {"OTHER"},
        "used": {"ALL", "THIS"},
        "ever": {"ALL", "THIS", "OTHER"},
        "nearly": {"ALL"},
        "over": {"THIS"},
    }


@pytest.mark.parametrize(
    ("fields", "offered"),
    [
        ({}, {"push_now", "duplicate", "pull", "pause", "move", "archive"}),
        ({"paused_at": factories.LONG_AGO}, {"push_now", "duplicate", "pull", "resume", "move", "archive"}),
        ({"archived_at": factories.LONG_AGO}, {"push_now", "duplicate", "pull"}),
        (
            {"sync_status": "error", "approved_at": None},
            {"push_now", "duplicate", "pull", "retry", "approve", "pause", "move", "archive"},
        ),
    ],
)
def test_code_offers_what_can_be_done_with_it_now(
    fields: dict[str, object], offered: set[str], office: Client
) -> None:
    code = factories.PromoCodeFactory()
    PromoCode.objects.update(**{"sync_status": "synced"} | fields)
    answer = office.get(reverse("admin:promos_promocode_change", args=[code.pk]))
    page = admin.site._registry[PromoCode]
    found = page.get_actions_detail(answer.wsgi_request, str(code.pk))
    assert {each.method.__name__ for each in found} == offered


def words(page: str) -> str:
    return " ".join(page.split())
