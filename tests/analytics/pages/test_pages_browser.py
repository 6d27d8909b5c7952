"""Every page of figures in a real browser: accessible, without a complaint of the console, and fit for a phone.

``--screenshots DIR`` keeps what it looks like in light and dark, on a desk and on a phone.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect

from analytics.pages import registry
from promos.eligibility import Reason
from promos.models import Campaign, CheckoutAttempt, CodeView
from promos.redemptions import rebuilding
from tests import factories
from tests.analytics.builders import buy, pay_back, redeem, renew
from tests.analytics.subscribers import run_on, subscribe_many
from tests.flows.test_admin_browser import DESK, PHONE, _database_beside_playwright, complaints, office  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SLUGS = [page.slug for page in registry.PAGES]


@pytest.fixture
def trade(db: None, now: datetime) -> None:
    """Sixty orders over two months, in two currencies, with what came before and after them."""
    dice = random.Random(7)  # noqa: S311 - a story, not a secret
    campaign = factories.CampaignFactory(name="Spring launch", currency="usd", fixed_cost_amount=50_000)
    product = factories.ProductFactory(title="Team")
    for price, interval in (("price_monthly", "month"), ("price_yearly", "year")):
        factories.PriceFactory(id=price, product=product, interval=interval)
    codes = [
        factories.PromoCodeFactory(code="SPRING20", campaign=campaign, max_redemptions=40, used_count=34),
        factories.PromoCodeFactory(
            code="A-VERY-LONG-CODE-FOR-THE-PHONE-2026", expires_at=now + timedelta(days=3)
        ),
        factories.PromoCodeFactory(code="PARTNER", campaign=campaign),
    ]
    factories.PromoCodeFactory(code="NEVER-USED")
    for number in range(60):
        _order(number, codes[number % 3], now - timedelta(days=dice.uniform(0, 58)), dice)
    _cohorts(now, dice)
    # What is written in bulk moves no totals.
    rebuilding.run(rebuilding.all_weeks(), at_once=60, watch=lambda weeks: None)


def _cohorts(now: datetime, dice: random.Random) -> None:
    """Customers of the last half year, with three discounted months and without; some discounts still run."""
    offer = factories.OfferFactory(duration="repeating", duration_in_months=3)
    code = factories.PromoCodeFactory(code="QUARTER", offer=offer, campaign=Campaign.objects.get())
    for age in range(7):
        began = now - timedelta(days=30 * age)
        for subscriber in [
            *subscribe_many(34, code, at=began, discount=2_000),
            *subscribe_many(40, at=began),
        ]:
            for number in range(1, dice.randint(1, age + 1)):
                discount = 2_000 if subscriber.usage and number < 3 else 0
                subscriber.renew(began + timedelta(days=30 * number), discount=discount)
        for ends in (30, 60):
            run_on(code, began=began, renews=now + timedelta(days=20), ends=now + timedelta(days=ends))


def _order(number: int, code, at: datetime, dice: random.Random) -> None:
    buy(at=at, plan="price_yearly" if number % 4 else "price_monthly")
    check = factories.CodeCheckFactory(promo_code=code, customer=factories.CustomerFactory(), checked_at=at)
    CodeView.objects.create(text=code.code, promo_code=code, viewed_at=at)
    usage = redeem(
        code,
        at=at,
        gross=4_900,
        discount=dice.choice((980, 1_470)),
        currency="eur" if number % 9 == 0 else "usd",
        is_new_customer=number % 2 == 0,
        customer=check.customer,
        plan=dice.choice(("price_monthly", "price_yearly")),
    )
    CheckoutAttempt.objects.create(
        customer=check.customer,
        promo_code=code,
        plan=usage.plan,
        state="completed" if number % 3 else "expired",
        created_at=at,
        expires_at=at,
    )
    if number % 5 == 0:
        renew(usage, gross=4_900, discount=0, at=at + timedelta(hours=3))
        pay_back(usage, 900, at=at + timedelta(hours=5))
        factories.CodeCheckFactory(promo_code=code, checked_at=at, reason=dice.choice(Reason.values))


@pytest.fixture
def heard(page: Page) -> list[str]:
    """What the browser's console complains of."""
    found: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and "favicon" not in message.location["url"]:
            found.append(message.text)

    page.on("console", note)
    return found


def go(page: Page, slug: str) -> None:
    page.goto(f"{page.base}/admin/analytics/{slug}/")
    page.wait_for_load_state("networkidle")


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.usefixtures("trade")
def test_pages_are_accessible_and_without_complaint(
    office: Page,  # noqa: F811
    heard: list[str],
    theme: str,
    request: pytest.FixtureRequest,
) -> None:
    office.emulate_media(color_scheme=theme)
    office.set_viewport_size(DESK)
    found = {}
    for slug in SLUGS:
        go(office, slug)
        _picture(office, f"{slug}-{theme}", request)
        found[slug] = complaints(office)
    assert {slug: faults for slug, faults in found.items() if faults} == {}
    assert heard == []


@pytest.mark.slow
@pytest.mark.usefixtures("trade")
def test_pages_fit_a_phone(office: Page, request: pytest.FixtureRequest) -> None:  # noqa: F811
    office.set_viewport_size(PHONE)
    for slug in SLUGS:
        go(office, slug)
        _picture(office, f"{slug}-phone", request)
        assert office.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], slug


@pytest.mark.usefixtures("trade")
def test_filter_is_chosen_and_the_figures_exported(office: Page) -> None:  # noqa: F811
    go(office, "revenue")
    expect(office.get_by_role("heading", name="EUR")).to_be_visible()
    office.get_by_label("Currency").select_option("USD")
    office.get_by_role("button", name="Show").click()
    expect(office.get_by_role("heading", name="EUR")).to_have_count(0)
    with office.expect_download() as download:
        office.get_by_role("link", name="CSV").click()
    text = Path(download.value.path()).read_text("utf-8-sig")
    assert "USD · Figures" in text
    assert "EUR" not in text


def _picture(page: Page, name: str, request: pytest.FixtureRequest) -> None:
    if folder := request.config.getoption("--screenshots"):
        Path(folder).mkdir(exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
