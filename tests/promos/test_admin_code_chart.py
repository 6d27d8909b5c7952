"""A code's redemptions day by day on its page."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from promos.admin import code_chart
from promos.models import CodeBatch, PromoCode
from tests import factories
from tests.analytics.builders import redeem

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
BAR = re.compile(r'<rect x="(\d+)" y="(\d+)" width="6" height="(\d+)"><title>([\d-]+): (\d+)</title>')


@pytest.fixture
def code() -> PromoCode:
    """Redeemed once 91 days ago, once 90 days ago counting today, and thrice today, in two currencies."""
    made = factories.PromoCodeFactory(code="SPRING20")
    for days, currency in ((90, "usd"), (89, "usd"), (0, "usd"), (0, "usd"), (0, "eur")):
        redeem(made, at=NOW - timedelta(days=days), currency=currency)
    return made


def test_chart_has_a_bar_for_each_day_with_redemptions(code: PromoCode) -> None:
    drawn = code_chart.render(code, now=NOW)
    assert BAR.findall(drawn) == [
        ("0", "54", "26", "2026-02-01", "1"),
        (str(89 * 8), "0", "80", "2026-05-01", "3"),
    ]
    assert "4 since 2026-02-01, at most 3 on one day" in drawn


def test_chart_takes_one_query(code: PromoCode, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(1):
        code_chart.render(code, now=NOW)


def test_without_redemptions_there_are_words(code: PromoCode) -> None:
    assert code_chart.render(code, now=NOW + timedelta(days=90)) == "Not redeemed in the last 90 days."
    code.batch = CodeBatch(pk=1)
    assert code_chart.render(code, now=NOW) == "Codes of a batch are counted together."


def test_page_of_a_code_shows_its_chart_and_copies_its_text(client: Client, owner: User) -> None:
    code = factories.PromoCodeFactory(code="SPRING20")
    redeem(code, at=datetime.now(UTC))
    client.force_login(owner)
    page = client.get(reverse("admin:promos_promocode_change", args=[code.pk])).content.decode()
    assert 'class="promos-chart"' in page
    assert 'data-copy="SPRING20"' in page
