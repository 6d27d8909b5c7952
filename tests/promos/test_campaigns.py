"""How fast a budget goes, and what a campaign's codes did."""

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from promos import campaigns
from promos.models import Campaign, CodeDayTotal
from tests import factories

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def campaign(now: datetime, **fields: object) -> Campaign:
    row = factories.CampaignFactory(
        **{"currency": "usd", "budget_amount": 100_00, "starts_at": now - 10 * DAY} | fields
    )
    row.created_at = now - 30 * DAY
    row.save(update_fields=["created_at"])
    return row


def test_pace_is_what_was_given_and_promised_by_day(now: datetime) -> None:
    pace = campaigns.pace(
        campaign(now, spent_amount=30_00, promised_amount=20_00, held_amount=10_00), now=now
    )
    assert pace == campaigns.Pace(daily_amount=5_00, left_amount=40_00, lasts_until=now + 8 * DAY)


@pytest.mark.parametrize(
    ("fields", "daily"),
    [({}, 0), ({"spent_amount": 100_00}, 10_00), ({"spent_amount": 9}, 0)],
)
def test_pace_without_an_end_names_none(fields: dict[str, int], daily: int, now: datetime) -> None:
    pace = campaigns.pace(campaign(now, **fields), now=now)
    assert pace is not None
    assert (pace.daily_amount, pace.lasts_until) == (daily, None)


def test_pace_of_the_first_hours_is_a_days(now: datetime) -> None:
    pace = campaigns.pace(campaign(now, starts_at=now - timedelta(hours=1), spent_amount=50_00), now=now)
    assert pace is not None
    assert pace.lasts_until == now + DAY


@pytest.mark.parametrize("owner", ["promo_code", "batch"])
def test_pace_begins_with_the_first_redemption_that_a_code_brought_along(owner: str, now: datetime) -> None:
    row = campaign(now, spent_amount=50_00)
    make = {"promo_code": factories.PromoCodeFactory, "batch": factories.CodeBatchFactory}[owner]
    brought = {owner: make(campaign=row), "currency": "usd", "redemptions": 1}
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for days_ago in (50, 20):
        CodeDayTotal.objects.create(day=(midnight - days_ago * DAY).date(), **brought)
    assert campaigns.pace(row, now=midnight) == campaigns.Pace(1_00, 50_00, midnight + 50 * DAY)


def test_pace_needs_a_budget(now: datetime) -> None:
    assert campaigns.pace(campaign(now, budget_amount=None), now=now) is None


def test_results_are_by_currency_and_settled(now: datetime) -> None:
    code = factories.PromoCodeFactory(campaign=campaign(now))
    amounts = {"gross_amount": 100, "discount_amount": 20, "net_amount": 80}
    for currency, status in (("usd", "settled"), ("usd", "refunded"), ("eur", "settled"), ("usd", "failed")):
        factories.UsageFactory(promo_code=code, currency=currency, status=status, **amounts)
    factories.UsageFactory(**amounts)
    assert campaigns.results(code.campaign) == [
        campaigns.Result("eur", 1, 100, 20, 80),
        campaigns.Result("usd", 2, 200, 40, 160),
    ]


def test_page_shows_what_is_left_the_pace_and_the_results(owner: User, client: Client, now: datetime) -> None:
    row = campaign(now, spent_amount=30_00, promised_amount=20_00)
    code = factories.PromoCodeFactory(campaign=row)
    factories.UsageFactory(promo_code=code, gross_amount=1000, discount_amount=200, net_amount=800)
    client.force_login(owner)
    page = client.get(reverse("admin:promos_campaign_change", args=[row.pk])).content.decode()
    for words in (
        "$50.00<progress",
        " a day; lasts until 20",
        "1 redemption: $10.00 gross, $2.00 given away",
    ):
        assert words in page


def test_list_is_filtered_by_budget(owner: User, client: Client, now: datetime) -> None:
    for name, spent in (("Fresh", 0), ("Nearly", 80_00), ("Spent", 100_00)):
        campaign(now, name=name, spent_amount=spent)
    client.force_login(owner)
    url = reverse("admin:promos_campaign_changelist")
    found = {
        choice: {row.name for row in client.get(url, {"budget": choice}).context["cl"].result_list}
        for choice in ("nearly", "spent")
    }
    assert found == {"nearly": {"Nearly", "Spent"}, "spent": {"Spent"}}


def test_list_takes_as_many_queries_for_many_campaigns_as_for_one(
    owner: User, client: Client, now: datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    campaign(now)
    client.force_login(owner)
    url = reverse("admin:promos_campaign_changelist")
    client.get(url)
    with django_assert_num_queries(
        7
    ):  # Session, person, count, keys, rows, first days of codes and of batches.
        client.get(url)
    for _ in range(9):
        campaign(now)
    with django_assert_num_queries(7):
        client.get(url)
