"""The main job in a real browser: a customer redeems a code, pays on the hosted page and comes back."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from promos import stripe_gateway
from promos.models import CodeCheck, Customer, PromoCodeUsage
from promos.standin.server import Standin
from tests import shop
from tests.conftest import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SIZES = {"desktop": {"width": 1280, "height": 860}, "phone": {"width": 390, "height": 844}}


@pytest.fixture(scope="session", autouse=True)
def _database_beside_playwright() -> Iterator[None]:
    """Playwright keeps an event loop in this thread, which Django takes for asynchronous code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures go: the folder named by SCREENSHOTS, else a temporary one."""
    folder = os.environ.get("SCREENSHOTS")
    path = Path(folder) if folder else tmp_path_factory.mktemp("screenshots")
    path.mkdir(parents=True, exist_ok=True)
    return path


@pytest.fixture
def site(live_server: LiveServer, settings: Settings, standin: Standin) -> str:
    """The site in a thread, with the stand-in delivering its events there."""
    settings.SITE_URL = live_server.url
    settings.STRIPE_CHECKOUT_ORIGIN = standin.url
    directives = {**settings.CONTENT_SECURITY_POLICY["DIRECTIVES"], "form-action": ["'self'", standin.url]}
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": directives}
    endpoint = stripe_gateway.create_webhook_endpoint(
        {"url": f"{live_server.url}/api/webhooks/stripe/", "enabled_events": ["*"]},
        idempotency_key="endpoint",
    )
    settings.STRIPE_WEBHOOK_SECRETS = [endpoint["secret"]]
    return live_server.url


def picture(page: Page, folder: Path, name: str) -> None:
    """Take the page in light and dark, on a desktop and on a phone."""
    for size, viewport in SIZES.items():
        for scheme in ("light", "dark"):
            page.set_viewport_size(viewport)
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=folder / f"{name}-{size}-{scheme}.png", full_page=True)
    page.set_viewport_size(SIZES["desktop"])


@pytest.fixture
def complaints(page: Page, site: str) -> list[str]:
    """What the browser complains of on our pages: broken files and whatever the security policy had to stop."""
    found: list[str] = []

    def keep(message: ConsoleMessage) -> None:
        if message.type == "error" and message.location["url"].startswith(site):
            found.append(message.text)

    page.on("console", keep)
    return found


def sign_in(page: Page, site: str, customer: Customer) -> None:
    page.goto(f"{site}/billing/")
    page.get_by_label("Email").fill(customer.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    # Only then does the page hear what is typed.
    page.wait_for_url("**/billing/**", wait_until="load")


def test_customer_redeems_a_code_and_pays(
    page: Page, site: str, customer: Customer, pictures: Path, complaints: list[str]
) -> None:
    offer = {"percent_off": 50, "product_ids": [shop.open_shop().setup_product]}
    code = shop.give_code("LAUNCH50", offer=offer)

    sign_in(page, site, customer)
    picture(page, pictures, "plans")
    page.get_by_label("Promo code").press_sequentially("launch5")
    expect(page.get_by_text("cannot be used")).to_be_visible()
    picture(page, pictures, "refused")
    page.get_by_label("Promo code").press_sequentially("0")
    expect(page.get_by_text("you save $100.00 today")).to_be_visible()
    picture(page, pictures, "accepted")
    page.get_by_role("button", name="Continue to payment").click()
    page.get_by_label("Card number").fill("4242 4242 4242 4242")
    picture(page, pictures, "checkout")
    page.get_by_role("button", name="Pay").click()
    expect(page.get_by_text("Your plan Team is active.")).to_be_visible(timeout=15_000)
    expect(page.get_by_text("$199.50")).to_be_visible()
    picture(page, pictures, "success")
    assert Axe().run(page).violations_count == 0

    usage = PromoCodeUsage.objects.get()
    code.refresh_from_db()
    assert (usage.customer, usage.discount_amount, usage.net_amount) == (customer, 10_000, 19_950)
    assert (code.used_count, code.held_count) == (1, 0)
    assert list(CodeCheck.objects.values_list("text", "reason")) == [("LAUNCH50", "")]
    assert complaints == []


def test_customer_without_javascript_redeems_by_keyboard(
    browser: Browser, site: str, customer: Customer, pictures: Path
) -> None:
    shop.open_shop()
    shop.give_code("SPRING20")
    page = browser.new_context(java_script_enabled=False).new_page()

    sign_in(page, site, customer)
    page.get_by_label("Promo code").fill("spring20")
    page.keyboard.press("Enter")
    expect(page.get_by_text("you save $59.90 today")).to_be_visible()
    page.get_by_role("button", name="Continue to payment").press("Enter")
    expect(page.get_by_text("239.60").first).to_be_visible()
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_text("Your code SPRING20 is still good.")).to_be_visible()
    picture(page, pictures, "cancelled")
    page.get_by_role("link", name="Back to your order").click()
    expect(page.get_by_label("Promo code")).to_have_value("SPRING20")
    assert PromoCodeUsage.objects.count() == 0


@pytest.mark.slow
def test_success_page_waits_for_stripe_and_then_changes_by_itself(
    page: Page, site: str, customer: Customer, pictures: Path, settings: Settings, standin: Standin
) -> None:
    shop.open_shop()
    standin.courier.retry_delays = [0.5] * 40
    secrets, settings.STRIPE_WEBHOOK_SECRETS = settings.STRIPE_WEBHOOK_SECRETS, ["whsec_another"]
    sign_in(page, site, customer)
    page.get_by_role("button", name="Continue to payment").click()
    page.get_by_label("Card number").fill("4242 4242 4242 4242")
    page.get_by_role("button", name="Pay").click()
    expect(page.get_by_text("Confirming your payment")).to_be_visible()
    picture(page, pictures, "waiting")
    settings.STRIPE_WEBHOOK_SECRETS = secrets
    expect(page.get_by_text("Your plan Team is active.")).to_be_visible(timeout=30_000)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("login", "/accounts/login/"),
        ("signup", "/accounts/signup/"),
        ("reset", "/accounts/password/reset/"),
        ("missing", "/no/such/page"),
    ],
)
def test_pages_before_login_keep_to_the_security_policy(
    page: Page, site: str, pictures: Path, complaints: list[str], name: str, address: str
) -> None:
    page.goto(f"{site}{address}")
    picture(page, pictures, name)
    assert [text for text in complaints if "404" not in text] == []
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("email", "/accounts/email/"),
        ("password", "/accounts/password/change/"),
        ("two-factor", "/accounts/2fa/"),
        ("authenticator", "/accounts/2fa/totp/activate/"),
        ("no-plans", "/billing/"),
    ],
)
def test_account_pages_keep_to_the_security_policy(
    page: Page, site: str, customer: Customer, pictures: Path, complaints: list[str], name: str, address: str
) -> None:
    sign_in(page, site, customer)
    page.goto(f"{site}{address}")
    picture(page, pictures, name)
    assert complaints == []
