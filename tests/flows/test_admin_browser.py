"""The owner's admin in a real browser: accessibility of its pages, and the owner's journeys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from analytics.models import Alert, AlertMessage
from promos import batches, stripe_gateway, worker
from promos.models import ApiToken, CodeBatch, PromoCode, StripePromotionCode
from promos.standin.server import Standin
from promos.sync import pull
from tests import factories
from tests.analytics.builders import redeem
from tests.promos.sides import again, coupon_id, synced
from tests.standin.dashboard import Dashboard

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
#: What WCAG 2.1 AA asks for.
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}
PHONE = {"width": 360, "height": 800}
DESK = {"width": 1366, "height": 900}


@pytest.fixture(scope="session", autouse=True)
def _database_beside_playwright() -> Iterator[None]:
    """Playwright keeps an event loop in this thread, which Django takes for asynchronous code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


@pytest.fixture
def shop(db: None, now: datetime) -> PromoCode:
    """A little of everything that the pages show."""
    factories.PriceFactory(id="price_monthly", amount=4900)
    campaign = factories.CampaignFactory(
        name="Spring launch", currency="usd", budget_amount=500_000, spent_amount=120_000
    )
    offer = factories.OfferFactory(duration="repeating", duration_in_months=3)
    code = factories.SyncedPromoCodeFactory(
        code="SPRING20", campaign=campaign, offer=offer, max_redemptions=500, used_count=123
    )
    redeem(code, at=now - timedelta(days=1))
    factories.PromoCodeFactory(code="PAUSED", paused_at=now)
    factories.PromoCodeFactory(code="REFUSED")
    PromoCode.objects.filter(code="REFUSED").update(sync_status="error", sync_error="No such product.")
    factories.CodeCheckFactory(promo_code=code, text="SPRING20")
    factories.ApiTokenFactory()
    _alert(now)
    return code


def _alert(now: datetime) -> None:
    sentence = (
        "30 codes were refused in the 24 hours before 2026-06-30 12:00 UTC; before there were at most 3."
    )
    told = {"sentence": sentence, "link": "/admin/", "opened_at": now, "seen_at": now}
    alert = Alert.objects.create(kind="failed_checks_jump", **told)
    AlertMessage.objects.create(alert=alert, event="opened", channel="mail", created_at=now, error="Refused.")


@pytest.fixture
def office(page: Page, client: Client, owner: User, live_server: LiveServer) -> Page:
    """The owner's browser, signed in."""
    client.force_login(owner)
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    page.context.add_cookies([cookie])
    page.base = live_server.url
    page.set_default_timeout(15_000)
    return page


def go(page: Page, name: str, *args: object) -> None:
    page.goto(page.base + reverse(name, args=args))


def act(page: Page, action: str, button: str, *, shows: str = "") -> None:
    """Open the dialog of an action of the page's, look what it shows, and confirm it."""
    page.locator(f"[hx-get$='/{action}/']:visible").first.click()
    expect(page.locator("#dialog")).to_contain_text(shows)
    page.get_by_role("button", name=button).last.click()


def complaints(page: Page) -> list[str]:
    """Return what axe has to say, each with the element it is about."""
    found = Axe().run(page, options=RULES).response["violations"]
    return [
        f"{each['id']}: {node['target']} {node['html'][:120]}" for each in found for node in each["nodes"]
    ]


def too_wide(page: Page) -> list[str]:
    """Say whether a page has to be moved sideways on a phone."""
    page.set_viewport_size(PHONE)
    width = page.evaluate("document.documentElement.scrollWidth")
    return [f"{width} pixels on a phone"] if width > PHONE["width"] else []


PAGES = {
    "home": ("admin:index",),
    "list": ("admin:promos_promocode_changelist",),
    "add": ("admin:promos_promocode_add",),
    "code": ("admin:promos_promocode_change", "code"),
    "history": ("admin:promos_promocode_history", "code"),
    "campaign": ("admin:promos_campaign_change", "campaign"),
    "campaigns": ("admin:promos_campaign_changelist",),
    "batch": ("admin:promos_codebatch_add",),
    "import": ("admin:promos_promocode_import_file",),
    "why": ("admin:promos_codecheck_why",),
    "health": ("admin:promos_webhookevent_health",),
    "alerts": ("admin:analytics_alert_changelist",),
    "alert": ("admin:analytics_alert_change", "alert"),
    "messages": ("admin:analytics_alertmessage_changelist",),
    "journeys": ("admin:promos_journey_changelist",),
    "tokens": ("admin:promos_apitoken_changelist",),
    "new token": ("admin:promos_apitoken_add",),
}


def open_page(page: Page, name: str, code: PromoCode) -> None:
    route, *kinds = PAGES[name]
    alert = Alert.objects.values_list("pk", flat=True).first()
    keys = {"code": code.pk, "campaign": code.campaign_id, "alert": alert}
    go(page, route, *(keys[kind] for kind in kinds))
    page.wait_for_load_state("networkidle")


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_are_clean_of_accessibility_faults_and_fit_a_phone(
    office: Page, shop: PromoCode, theme: str
) -> None:
    office.emulate_media(color_scheme=theme)
    found = {}
    for name in PAGES:
        office.set_viewport_size(DESK)
        open_page(office, name, shop)
        found[name] = [*complaints(office), *too_wide(office)]
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_axe_finds_a_fault_that_is_there(office: Page, shop: PromoCode) -> None:
    open_page(office, "health", shop)
    office.evaluate("document.body.append(new Image())")
    assert any(fault.startswith("image-alt") for fault in complaints(office))


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_before_login_are_clean_of_accessibility_faults(
    page: Page, live_server: LiveServer, db: None, theme: str
) -> None:
    page.emulate_media(color_scheme=theme)
    for name in ("account_login", "account_signup", "account_reset_password"):
        page.goto(live_server.url + reverse(name))
        assert complaints(page) == [], name


def test_code_is_made_with_a_preview_pushed_and_edited_into_a_successor(
    office: Page, standin: Standin, now: datetime
) -> None:
    factories.PriceFactory(id="price_monthly", amount=4900)
    go(office, "admin:promos_promocode_add")
    office.get_by_label("Code", exact=True).fill("launch")
    office.get_by_label("Percent off").fill("20")
    expect(office.get_by_text("$39.20")).to_be_visible()
    office.get_by_role("button", name="Save", exact=True).click()
    expect(office.get_by_text("was added successfully")).to_be_visible()
    worker.work(now)
    code = PromoCode.objects.get()
    assert code.sync_status == "synced"

    go(office, "admin:promos_promocode_change", code.pk)
    office.get_by_label("Percent off").fill("30")
    expect(office.get_by_text("makes a successor with the same text")).to_be_visible()
    office.get_by_label("Why").fill("The rival gives 25")
    office.get_by_role("button", name="Save", exact=True).click()
    expect(office.get_by_text("was changed successfully")).to_be_visible()
    worker.work(now)
    states = StripePromotionCode.objects.order_by("generation").values_list("state", flat=True)
    assert list(states) == ["retired", "current"]
    go(office, "admin:promos_promocode_history", code.pk)
    expect(office.get_by_text("The rival gives 25").first).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("action", "button", "name"),
    [
        ("keep_ours", "Keep ours", "Summer"),
        pytest.param("take_stripes", "Take Stripe's", "Winter", marks=pytest.mark.slow),
    ],
)
def test_conflict_is_seen_side_by_side_and_settled(
    office: Page, standin: Standin, now: datetime, action: str, button: str, name: str
) -> None:
    code = synced(now, code="SPRING20")
    go(office, "admin:promos_promocode_change", code.pk)
    office.get_by_label("Name shown to customers").fill("Summer")
    office.get_by_role("button", name="Save", exact=True).click()
    expect(office.get_by_text("was changed successfully")).to_be_visible()
    Dashboard(standin.url).rename_coupon(coupon_id(code), "Winter")
    pull.coupon(coupon_id(code), now=now)

    go(office, "admin:index")
    office.get_by_role("link", name="Code in conflict with Stripe").click()
    office.get_by_role("link", name="SPRING20").click()
    expect(office.get_by_role("row", name="Name (differs) Summer Winter")).to_be_visible()
    assert complaints(office) == []
    act(office, action, button)
    expect(office.get_by_text("SPRING20.")).to_be_visible()
    worker.work(now)
    assert (again(code).sync_status, again(code).offer.name) == ("synced", name)
    assert [coupon["name"] for coupon in stripe_gateway.list_coupons()] == [name]


@pytest.mark.slow
def test_ten_thousand_codes_are_generated_with_progress(office: Page, shop: PromoCode, now: datetime) -> None:
    go(office, "admin:promos_codebatch_add")
    office.get_by_label("Prefix").fill("FAIR-")
    office.get_by_label("How many").fill("10000")
    office.get_by_label("Percent off").fill("15")
    office.get_by_role("button", name="Save", exact=True).click()
    progress = office.locator("#batch-progress")
    expect(progress).to_have_text("0 of 10,000")
    batches.work(now)
    expect(progress).not_to_have_text("0 of 10,000")
    while batches.work(now):
        pass
    expect(progress).to_have_text("10,000 of 10,000")
    assert PromoCode.objects.filter(batch=CodeBatch.objects.get()).count() == 10_000


@pytest.mark.slow
def test_csv_with_errors_is_mended_and_imported(office: Page, db: None, tmp_path: Path) -> None:
    file = tmp_path / "codes.csv"
    file.write_text("code,percent\nGOOD,20\nBAD ONE,20\n")
    go(office, "admin:promos_promocode_import_file")
    office.get_by_label("CSV file").set_input_files(file)
    office.get_by_role("button", name="Check the file").click()
    expect(office.get_by_text("1 of 2 rows cannot be imported, so none is.")).to_be_visible()
    assert not PromoCode.objects.exists()
    file.write_text("code,percent\nGOOD,20\nBETTER,20\n")
    office.get_by_label("CSV file").set_input_files(file)
    office.get_by_role("button", name="Check the file").click()
    office.get_by_role("button", name="Import now").click()
    expect(office.get_by_text("2 imported")).to_be_visible()
    assert PromoCode.objects.count() == 2


def test_waiting_code_is_approved(office: Page, stranger: User, settings: Settings, db: None) -> None:
    settings.APPROVAL_REQUIRED = True
    code = factories.PromoCodeFactory(code="GIFT", approved_at=None, terms_changed_by=stranger)
    go(office, "admin:index")
    office.get_by_role("link", name="Code that waits for approval").click()
    office.get_by_role("link", name="GIFT").click()
    act(office, "approve", "Approve", shows="GIFT: 20% off, once")
    expect(office.get_by_text("Approved GIFT.")).to_be_visible()
    code.refresh_from_db()
    assert code.approved_at is not None


@pytest.mark.slow
def test_what_is_filtered_is_exported(office: Page, shop: PromoCode) -> None:
    go(office, "admin:promos_promocode_changelist")
    office.get_by_role("link", name="Paused", exact=True).first.click()
    with office.expect_download() as download:
        office.get_by_role("link", name="Export these").click()
    text = Path(download.value.path()).read_text("utf-8-sig")
    assert "PAUSED" in text
    assert "SPRING20" not in text


@pytest.mark.parametrize("name", ["home", "list", "code"])
def test_keyboard_comes_past_the_menu_at_once(office: Page, shop: PromoCode, name: str) -> None:
    open_page(office, name, shop)
    office.keyboard.press("Tab")
    skip = office.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    office.keyboard.press("Enter")
    office.keyboard.press("Tab")
    expect(office.locator("#content :focus")).to_have_count(1)


def test_search_and_menu_are_reached_by_keyboard(office: Page, shop: PromoCode) -> None:
    go(office, "admin:promos_promocode_changelist")
    opener = office.get_by_role("button", name="Search Ctrl + K")
    office.get_by_role("button", name="Menu").press("Enter")
    expect(opener).to_be_hidden()
    office.get_by_role("button", name="Menu").press("Enter")
    opener.press("Enter")
    expect(office.get_by_role("searchbox", name="Type to search")).to_be_focused()


def test_row_is_acted_on_by_keyboard(office: Page, shop: PromoCode) -> None:
    go(office, "admin:promos_promocode_changelist")
    row = office.get_by_role("row").filter(has_text="SPRING20")
    row.get_by_role("button", name="More actions").press("Enter")
    assert complaints(office) == []
    office.keyboard.press("Tab")
    expect(office.locator("#row-menu").get_by_role("link", name="Push now")).to_be_focused()
    office.get_by_role("link", name="Pause", exact=True).press("Enter")
    expect(office.locator("#dialog")).to_contain_text("Pause: SPRING20?")
    office.get_by_role("button", name="Pause").last.press("Enter")
    expect(office.get_by_text("Paused SPRING20.")).to_be_visible()
    shop.refresh_from_db()
    assert shop.paused_at is not None


@pytest.mark.slow
def test_search_is_reached_by_keyboard(office: Page, shop: PromoCode) -> None:
    go(office, "admin:promos_promocode_changelist")
    office.keyboard.press("Control+k")
    expect(office.get_by_role("searchbox").or_(office.locator("[name=s]")).last).to_be_focused()
    office.keyboard.type("SPRING")
    expect(office.locator("#command-results, [id*=command]").get_by_text("SPRING20").first).to_be_visible()


@pytest.mark.slow
def test_key_to_the_api_is_made_and_shown(office: Page, stranger: User) -> None:
    go(office, "admin:promos_apitoken_add")
    office.locator(".select2-selection").click()
    office.locator(".select2-search__field").last.fill("stranger")
    office.get_by_role("option", name="stranger@example.com").click()
    office.get_by_label("Name").fill("Shop")
    office.get_by_role("button", name="Save", exact=True).click()
    expect(office.locator("code")).to_have_text(re.compile(r"pdk_[\w-]{43}"))
    assert complaints(office) == []
    assert too_wide(office) == []
    assert ApiToken.objects.get().user == stranger
