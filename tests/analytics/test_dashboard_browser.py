"""The admin's home in a real browser: charts drawn under the content security policy, formulas by keyboard."""

from collections.abc import Iterator
from datetime import datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import ConsoleMessage, Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.analytics.builders import redeem
from tests.factories import PromoCodeFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

IS_DRAWN = """canvas => {
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    return pixels.some(value => value !== 0);
}"""


@pytest.fixture(scope="session", autouse=True)
def _database_beside_playwright() -> Iterator[None]:
    """Playwright keeps an event loop in this thread, which Django takes for asynchronous code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


@pytest.fixture
def home(page: Page, client: Client, owner: User, now: datetime, live_server: LiveServer) -> Page:
    """The home with a redemption on it, and the browser's complaints in ``page.complaints``."""
    redeem(PromoCodeFactory(code="A-VERY-LONG-CODE-FOR-THE-PHONE-2026"), at=now)
    client.force_login(owner)
    page.context.add_cookies(
        [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}]
    )
    page.complaints = []
    page.on("console", lambda message: _note(page, message))
    page.goto(f"{live_server.url}/admin/")
    return page


def _note(page: Page, message: ConsoleMessage) -> None:
    # Unfold brings no favicon.
    if message.type == "error" and "favicon" not in message.location["url"]:
        page.complaints.append(message.text)


def test_charts_are_drawn_without_a_complaint(home: Page) -> None:
    canvases = home.locator("canvas.chart")

    expect(canvases).to_have_count(3)
    assert all(canvas.evaluate(IS_DRAWN) for canvas in canvases.all())
    assert home.complaints == []


def test_formula_opens_by_keyboard(home: Page) -> None:
    formula = home.get_by_text("Sum of the discounts Stripe reports")
    expect(formula).to_be_hidden()

    home.get_by_label("Formula of Total customer savings").focus()
    home.keyboard.press("Enter")

    expect(formula).to_be_visible()


def test_home_fits_a_phone(home: Page) -> None:
    home.set_viewport_size({"width": 360, "height": 800})

    assert home.evaluate("document.documentElement.scrollWidth") <= 360
