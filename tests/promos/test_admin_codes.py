"""The list of codes and the page of one code."""

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from promos.models import PromoCode, StripeCoupon, StripePromotionCode
from tests import factories

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
    assert queries(office) == few <= 8
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
        ("paused", {"PAUSED"}),
        ("expired", {"OLD"}),
        ("scheduled", {"SOON"}),
        ("used_up", {"GONE"}),
        ("archived", {"ARCHIVED"}),
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
