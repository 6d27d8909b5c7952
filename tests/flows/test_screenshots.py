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


@pytest.fixture
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where the pictures go; without the option, nowhere that stays."""
    chosen = request.config.getoption("--screenshots")
    target = Path(chosen) if chosen else tmp_path
    target.mkdir(exist_ok=True)
    return target


def test_pictures_are_taken(office: Page, shop: PromoCode, folder: Path, now: datetime) -> None:  # noqa: F811
    for number in range(40):
        code = shop if number % 3 else factories.PromoCodeFactory(code=f"PARTNER{number}", used_count=1)
        redeem(code, at=now - timedelta(days=number % 28, hours=1), discount=980 + 35 * number, gross=4900)
    office.set_viewport_size(DESK)
    for name in PICTURED:
        open_page(office, name, shop)
        if name == "why":
            answer = {"email": "", "code": shop.code, "plan": "price_monthly"}
            office.goto(f"{office.url}?{urlencode(answer)}")
        if name == "code":
            office.locator("#preview-title").scroll_into_view_if_needed()
        office.wait_for_timeout(500)
        office.screenshot(path=folder / f"{name}.png")
    assert all((folder / f"{name}.png").stat().st_size > 20_000 for name in PICTURED)
