"""The billing page in a real browser: the switch, a link through the sign-up, and nothing that axe objects to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from promos.billing import code_checks
from promos.models import Customer, Subscription
from promos.standin.server import Standin
from tests import shop
from tests.conftest import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="session", autouse=True)
def _database_beside_playwright() -> Iterator[None]:
    """Playwright keeps an event loop in this thread, which Django takes for asynchronous code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


@pytest.fixture
def site(live_server: LiveServer, settings: Settings, standin: Standin) -> str:
    settings.SITE_URL = live_server.url
    return live_server.url


def sign_in(page: Page, site: str, customer: Customer) -> None:
    page.goto(f"{site}/accounts/login/")
    page.get_by_label("Email").fill(customer.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    # Only then does the page hear what is typed.
    page.wait_for_url("**/billing/**", wait_until="load")


def test_switch_keeps_the_typed_code(page: Page, site: str, customer: Customer) -> None:
    shop.open_shop()
    shop.give_code("SPRING20")
    sign_in(page, site, customer)
    page.get_by_label("Promo code").press_sequentially("spring20")
    expect(page.get_by_text("you save $59.90 today")).to_be_visible()
    page.get_by_role("link", name="Yearly").press("Enter")
    expect(page.get_by_text("you save $198.00 today")).to_be_visible()
    # Who works the page by keyboard goes on from where they were.
    expect(page.get_by_role("link", name="Yearly")).to_be_focused()
    expect(page.get_by_label("Promo code")).to_have_value("spring20")


def test_page_of_an_earlier_login_reloads_instead_of_keeping_silent(
    page: Page, site: str, customer: Customer
) -> None:
    shop.open_shop()
    sign_in(page, site, customer)
    another_tab = page.context.new_page()
    another_tab.goto(f"{site}/billing/")
    another_tab.get_by_role("button", name="Sign out").click()
    another_tab.wait_for_url("**/accounts/login/**")
    sign_in(another_tab, site, customer)
    with page.expect_navigation():
        page.get_by_label("Promo code").press_sequentially("nosuch")
    page.get_by_label("Promo code").press_sequentially("nosuch")
    expect(page.get_by_text("This code cannot be used")).to_be_visible()


def test_link_shows_its_offer_after_the_sign_up_without_javascript(browser: Browser, site: str) -> None:
    shop.open_shop()
    shop.give_code("SPRING20")
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{site}/p/SPRING20")
    page.get_by_role("link", name="Create an account").first.click()
    page.get_by_label("Email").fill("new@example.com")
    page.get_by_label("Password", exact=True).fill("a-Long-one-77")
    page.get_by_label("Password (again)").fill("a-Long-one-77")
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_text("you save $59.90 today")).to_be_visible()


@pytest.mark.parametrize("has_javascript", [True, False])
def test_refused_order_shows_why_on_a_phone(
    browser: Browser, site: str, customer: Customer, has_javascript: bool
) -> None:
    team = shop.open_shop()
    shop.subscribe(customer, team, datetime.now(UTC))
    phone = {"width": 390, "height": 600}
    page = browser.new_context(java_script_enabled=has_javascript, viewport=phone).new_page()
    sign_in(page, site, customer)
    page.get_by_label("Promo code", exact=True).fill("NOSUCH")
    page.get_by_role("button", name="Continue to payment").click()
    expect(page).to_have_url(f"{site}/billing/checkout/")
    expect(page.get_by_text("This code cannot be used")).to_be_in_viewport()
    expect(page.get_by_text("This code cannot be used")).to_be_focused()


def test_running_discount_fits_a_phone(page: Page, site: str, customer: Customer) -> None:
    team, code = shop.open_shop(), shop.give_code("LOYAL-CUSTOMERS-2027", offer={"duration": "forever"})
    running = shop.subscribe(customer, team, datetime.now(UTC))
    promotion_code_id = code_checks.stripe_promotion_code_id(code)
    Subscription.objects.filter(pk=running.pk).update(discounts={promotion_code_id: None})
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in(page, site, customer)
    name, value = page.locator(".current dt:text-is('Discount')"), page.locator(".current .discount dd")
    assert (name.bounding_box() or {})["width"] > 50
    assert "LOYAL-CUSTOMERS-2027" in value.inner_text()
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_billing_page_is_accessible(
    page: Page, site: str, customer: Customer, scheme: str, width: int
) -> None:
    team = shop.open_shop()
    shop.give_code("SPRING20")
    Subscription.objects.create(
        customer=customer,
        stripe_subscription_id="sub_1",
        status="active",
        plan=team.monthly,
        started_at=datetime.now(UTC),
        current_period_ends_at=datetime.now(UTC),
    )
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 844})
    sign_in(page, site, customer)
    field, beside, wide = (
        page.locator(place).bounding_box() or {} for place in ("#code", "#apply", "[name=subscription_code]")
    )
    assert field["y"] == beside["y"]
    assert wide["width"] > 150
    for address in ("/billing/", "/billing/?code=SPRING20", "/billing/?code=NOSUCH", "/billing/cancelled/"):
        page.goto(f"{site}{address}")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


def test_billing_page_keeps_to_a_phone_with_a_font_twice_as_large(
    page: Page, site: str, customer: Customer
) -> None:
    team = shop.open_shop()
    shop.subscribe(customer, team, datetime.now(UTC))
    shop.give_code("LAUNCH50")
    page.set_viewport_size({"width": 360, "height": 640})
    sign_in(page, site, customer)
    page.goto(f"{site}/billing/?code=LAUNCH50")
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
