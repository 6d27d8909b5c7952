"""Whose discount ends next month, and what they pay before and after."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from pytest_django import DjangoAssertNumQueries

from analytics.measures import price_cliff
from analytics.measures.price_cliff import Cliff
from analytics.periods import Period
from analytics.selection import Selection
from promos.models import PromoCode
from tests.analytics.subscribers import month, run_on
from tests.factories import PriceFactory, PromoCodeFactory

pytestmark = pytest.mark.django_db
NOW = month(3, day=20)


@pytest.fixture
def code() -> PromoCode:
    """Twenty percent off a plan of 99.50."""
    PriceFactory(id="price_monthly", amount=9_950)
    return PromoCodeFactory(code="SPRING")


def cliff(chosen: Selection | None = None, *, limit: int = 10) -> Cliff:
    return price_cliff.cliff(chosen or Selection(), now=NOW, limit=limit)


def test_cliff_names_price_before_and_after(
    code: PromoCode, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    usage = run_on(code, began=month(1), renews=month(4), ends=month(4))

    with django_assert_num_queries(4):
        found = cliff()

    (fall,) = found.falls
    assert (fall.customer, fall.code, fall.ends_at) == (usage.customer, "SPRING", month(4))
    assert (fall.before_amount, fall.after_amount) == (7_960, 9_950)
    assert found.counts == {"usd": 1}


def test_cliff_is_of_next_month_only(code: PromoCode) -> None:
    ends = [datetime(2026, *day, tzinfo=UTC) for day in ((3, 31, 23), (4, 1), (4, 30, 23), (5, 1))]
    usages = [run_on(code, began=month(1), renews=month(4), ends=end) for end in ends]

    assert [fall.usage_id for fall in cliff().falls] == [usage.pk for usage in usages[1:3]]


def test_cliff_is_of_the_sites_month(code: PromoCode) -> None:
    run_on(code, began=month(1), renews=month(4), ends=datetime(2026, 3, 31, 23, tzinfo=UTC))
    berlin = Selection(Period(date(2026, 3, 1), date(2026, 4, 1), ZoneInfo("Europe/Berlin")))

    assert (len(cliff().falls), len(cliff(berlin).falls)) == (0, 1)


def test_who_has_left_or_will_have_left_falls_off_no_cliff(code: PromoCode) -> None:
    run_on(code, began=month(1), renews=month(4), ends=month(4), status="canceled", ended_at=month(3))
    run_on(code, began=month(1), renews=month(4), ends=month(4), cancel_at=month(4))
    stays = run_on(code, began=month(1), renews=month(4), ends=month(4), cancel_at=month(5))

    assert [fall.usage_id for fall in cliff().falls] == [stays.pk]


def test_a_long_list_is_cut_and_counted(code: PromoCode) -> None:
    for day in (20, 10, 5):
        run_on(code, began=month(1), renews=month(4), ends=month(4, day=day))

    found = cliff(limit=2)

    assert [fall.ends_at.day for fall in found.falls] == [5, 10]
    assert found.counts == {"usd": 3}


def test_an_unknown_price_is_not_made_up(code: PromoCode) -> None:
    run_on(code, began=month(1), renews=month(4), ends=month(4), plan="price_gone")

    (fall,) = cliff().falls

    assert (fall.before_amount, fall.after_amount) == (None, None)
