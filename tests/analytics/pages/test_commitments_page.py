"""The page of commitments: what is still owed, and whose price rises."""

import re
from datetime import datetime, timedelta
from html import unescape

import pytest
from django.test import Client

from promos.models import PromoCode
from tests.analytics.builders import redeem
from tests.analytics.pages.conftest import Open
from tests.analytics.subscribers import run_on
from tests.factories import OfferFactory, PriceFactory, PromoCodeFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def code() -> PromoCode:
    """Twenty percent off a plan of 100.00 for ever."""
    PriceFactory(id="price_monthly", amount=10_000, nickname="Team")
    return PromoCodeFactory(code="SPRING", offer=OfferFactory(duration="forever"), max_redemptions=10)


def next_month(now: datetime) -> datetime:
    """Return the twentieth of next month."""
    return (now.replace(day=1) + timedelta(days=32)).replace(day=20)


def test_page_says_what_is_owed(code: PromoCode, opened: Open, now: datetime) -> None:
    run_on(
        code, began=now - timedelta(days=5), renews=next_month(now), ends=next_month(now) + timedelta(days=1)
    )

    page = opened("commitments")

    assert (
        "$20.00 of discount is committed over 12 months to 1 running subscription (too few expected)" in page
    )
    assert "Too few customers tell of $20.00 of what is committed; it is left out." in page
    assert "open codes are expected to add $0.00, without a limit" in page


def test_exposure_links_to_the_open_codes(
    code: PromoCode, opened: Open, signed_in: Client, now: datetime
) -> None:
    PromoCodeFactory(expires_at=now)
    (link,) = re.findall(r'dashboard-value" href="(/admin/promos/promocode/[^"]+)"', opened("commitments"))
    assert list(signed_in.get(link).context["cl"].result_list) == [code]


def test_page_lists_the_price_cliff(code: PromoCode, opened: Open, now: datetime) -> None:
    usage = run_on(code, began=now, renews=next_month(now), ends=next_month(now))

    page = opened("commitments")

    assert "Price cliff: 1 next month" in page
    assert f'href="/admin/analytics/customers/?customer={usage.customer.pk}"' in page
    for shown in ("Team, monthly", "$80.00", "$100.00"):
        assert shown in page


def test_page_lists_open_codes_with_a_pace(opened: Open, now: datetime) -> None:
    PriceFactory(id="price_monthly", amount=10_000)
    code = PromoCodeFactory(code="SPRING", max_redemptions=40, used_count=30)
    for _ in range(30):
        redeem(code, discount=2_000, at=now - timedelta(days=1))

    page = opened("commitments")

    assert (
        "No running subscription has a discount; open codes are expected to add $200.00, at most $200.00"
        in page
    )
    assert "SPRING" in page


def test_what_cannot_be_priced_is_told(code: PromoCode, opened: Open, now: datetime) -> None:
    run_on(code, began=now, renews=next_month(now), plan="price_gone")

    assert "Not counted, since their plan's price is not known here: 1." in opened("commitments")


def test_running_discounts_lead_to_their_redemptions(
    code: PromoCode, signed_in: Client, now: datetime
) -> None:
    usage = run_on(code, began=now, renews=now + timedelta(days=20))
    run_on(code, began=now, renews=now + timedelta(days=20), ends=now - timedelta(days=1))
    redeem(code)
    page = signed_in.get("/admin/analytics/commitments/").content.decode()
    (link,) = re.findall(r'href="(/admin/promos/promocodeusage/[^"]*discount=running[^"]*)"', page)

    rows = signed_in.get(unescape(link)).context["cl"].result_list

    assert [row.pk for row in rows] == [usage.pk]
