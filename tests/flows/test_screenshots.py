"""The pictures of the README: ``pytest tests/flows/test_screenshots.py --screenshots .screenshots`` makes them again."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page

from promos.models import PromoCode
from tests import factories
from tests.analytics.builders import redeem
from tests.flows.test_admin_browser import (  # noqa: F401
    DESK,
    _database_beside_playwright,
    office,
    open_page,
    shop,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
PICTURED = ("home", "list", "code", "why")
#: What is asked of a page: the most used codes first, and why a code was refused.
ASKED = {"list": {"o": "-5"}, "why": {"email": "", "code": "SPRING20", "plan": "price_monthly"}}


@pytest.fixture
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where the pictures go; without the option, nowhere that stays."""
    chosen = request.config.getoption("--screenshots")
    target = Path(chosen) if chosen else tmp_path
    target.mkdir(exist_ok=True)
    return target


def furnish(first: PromoCode, now: datetime) -> None:
    """Give the shop a month of redemptions of several codes, all but the refused one in step with Stripe."""
    amount = factories.OfferFactory(kind="amount", percent_off=None, amount_off=1_000, currency="usd")
    for number in range(40):
        at = now - timedelta(days=number * number % 29, hours=number % 7)
        redeem(first, at=at, discount=980, gross=4900)
        if number % 3 == 0:
            uses = {"used_count": 39 - number, "max_redemptions": 50}
            partner = factories.PromoCodeFactory(code=f"PARTNER{number}", offer=amount, **uses)
            redeem(partner, at=at, discount=1_000, gross=4900)
    PromoCode.objects.exclude(code="REFUSED").update(sync_status="synced", synced_at=now, next_try_at=None)


def test_pictures_are_taken(office: Page, shop: PromoCode, folder: Path, now: datetime) -> None:  # noqa: F811
    furnish(shop, now)
    office.set_viewport_size(DESK)
    for name in PICTURED:
        open_page(office, name, shop)
        if name in ASKED:
            office.goto(f"{office.url}?{urlencode(ASKED[name])}")
        office.wait_for_timeout(500)
        office.screenshot(path=folder / f"{name}.png")
    assert all((folder / f"{name}.png").stat().st_size > 20_000 for name in PICTURED)
