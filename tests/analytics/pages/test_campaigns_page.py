"""The page of campaign results: every figure of one campaign in words."""

from decimal import Decimal

import pytest
from django.test import Client

from analytics import links
from promos.models import Campaign
from tests.analytics.builders import redeem
from tests.analytics.pages.conftest import Open
from tests.analytics.subscribers import month, subscribe_many
from tests.factories import CampaignFactory, PromoCodeFactory

pytestmark = pytest.mark.django_db
FIRST_HALF = {"from": "2026-01-01", "to": "2026-06-30"}


@pytest.fixture
def spring() -> Campaign:
    """Thirty redemptions of 100.00 less 20.00, a renewal of each two months later, 1,500.00 fixed cost."""
    campaign = CampaignFactory(name="Spring", currency="usd", fixed_cost_amount=150_000)
    code = PromoCodeFactory(campaign=campaign)
    for subscriber in subscribe_many(30, code, at=month(1), discount=2_000):
        subscriber.renew(month(3))
    return campaign


@pytest.mark.usefixtures("spring")
def test_page_says_what_a_campaign_returned(opened: Open) -> None:
    page = opened("campaigns", **FIRST_HALF)

    assert (
        "Spring returned the most for its cost: $2,100.00 spent, $3,900.00 of profit attributed to it, "
        "a return of 185.7 %."
    ) in page
    for shown in ("$6,000.00", "$600.00", "$5,400.00", "25.0 %", "month 0"):
        assert shown in page
    assert "margin 100 %, payment fees 0 %" in page


def test_a_lower_margin_lowers_everything(
    spring: Campaign, opened: Open, settings: pytest.FixtureRequest
) -> None:
    settings.GROSS_MARGIN_PERCENT = Decimal(20)

    page = opened("campaigns", campaign=str(spring.pk), **FIRST_HALF)

    # 1,200 − 600 − 1,500 against 2,100; a fifth off eats a fifth of margin.
    assert "−42.9 %" in page
    assert "impossible" in page
    assert "Cost back: not yet." in page


def test_a_fixed_cost_in_another_currency_is_told(spring: Campaign, opened: Open) -> None:
    told = "Without the fixed cost of what has it in another currency: Spring (USD)."
    assert told not in opened("campaigns", **FIRST_HALF)
    redeem(PromoCodeFactory(campaign=spring), currency="eur", at=month(1))

    assert told in opened("campaigns", currency="eur", **FIRST_HALF)


def test_page_with_few_redemptions_says_too_few(opened: Open) -> None:
    redeem(PromoCodeFactory(campaign=CampaignFactory()), at=month(1))

    assert "No campaign with at least 30 redemptions has cost anything yet" in opened(
        "campaigns", **FIRST_HALF
    )


def test_links_lead_to_the_redemptions(spring: Campaign, opened: Open, signed_in: Client) -> None:
    address = links.campaign_redemptions(spring.pk, "usd")

    assert f'href="{address}"' in opened("campaigns", **FIRST_HALF)
    assert signed_in.get(address).context_data["cl"].result_count == 30
