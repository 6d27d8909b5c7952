"""When codes are redeemed, on rows whose figures were worked out by hand."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from pytest_django import DjangoAssertNumQueries

from analytics.measures import times
from analytics.measures.times import Hour, Step, Used
from analytics.pages import usage_times as page
from analytics.periods import Period
from analytics.selection import Selection
from tests.analytics.builders import redeem
from tests.factories import CustomerFactory, PromoCodeFactory, UsageFactory

pytestmark = pytest.mark.django_db
BERLIN = ZoneInfo("Europe/Berlin")
JANUARY = Selection(Period(date(2026, 1, 1), date(2026, 2, 1)))


def test_used_counts_redemptions_and_customers(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    code, buyer = PromoCodeFactory(), CustomerFactory()
    redeem(code, customer=buyer, is_new_customer=True)
    redeem(code, customer=buyer, currency="eur")
    redeem(code)
    UsageFactory(promo_code=code, status="pending")

    with django_assert_num_queries(1):
        assert times.used(JANUARY) == Used(redemptions=3, by_new_customers=1, customers=2)


@pytest.mark.parametrize(
    ("step", "shown"),
    [
        (
            Step.DAY,
            {"30 Jan 2026": 0, "31 Jan 2026": 2, "01 Feb 2026": 1, "02 Feb 2026": 0, "03 Feb 2026": 1},
        ),
        (Step.WEEK, {"30 Jan 2026": 3, "02 Feb 2026": 1}),  # the first week is cut
        (Step.MONTH, {"Jan 2026": 2, "Feb 2026": 2}),
    ],
)
def test_over_time_has_no_gaps(
    step: Step, shown: dict[str, int], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    code = PromoCodeFactory()
    for day, hour in ((31, 0), (31, 23)):
        redeem(code, at=datetime(2026, 1, day, hour, tzinfo=UTC))
    for day in (1, 3):
        redeem(code, at=datetime(2026, 2, day, tzinfo=UTC))
    days = Selection(Period(date(2026, 1, 30), date(2026, 2, 4)))

    with django_assert_num_queries(1):
        found = times.over_time(days, step)

    assert {name: used.redemptions for name, used in found.items()} == shown


def test_hours_and_weekdays_are_those_of_the_site(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    redeem(PromoCodeFactory(), at=datetime(2026, 1, 4, 23, 30, tzinfo=UTC))  # a Sunday; in Berlin, Monday
    berlin = Selection(Period(date(2026, 1, 5), date(2026, 1, 6), BERLIN))

    with django_assert_num_queries(2):
        by_hour, heat = times.over_time(berlin, Step.HOUR), times.by_weekday_and_hour(berlin)

    assert heat == [Hour(weekday=1, hour=0, redemptions=1)]
    assert len(by_hour) == 24
    assert by_hour["05 Jan 00:00"].redemptions == 1
    assert times.by_weekday_and_hour(JANUARY) == [Hour(7, 23, 1)]


def test_hours_survive_the_change_of_clocks() -> None:
    for hour in (0, 1, 2):  # 02:30 does not exist in Berlin on this day
        redeem(PromoCodeFactory(), at=datetime(2026, 3, 29, hour, 30, tzinfo=UTC))
    found = times.over_time(Selection(Period(date(2026, 3, 29), date(2026, 3, 30), BERLIN)), Step.HOUR)
    used = {name: one.redemptions for name, one in found.items() if one.redemptions}
    assert used == {"29 Mar 01:00": 1, "29 Mar 03:00": 1, "29 Mar 04:00": 1}


def test_sentence_names_the_busiest_weekday_and_hour() -> None:
    hours = [Hour(1, 9, 3), Hour(2, 23, 5), Hour(3, 23, 2)]
    assert page.sentence(hours, BERLIN) == (
        "Codes are redeemed most on Tuesdays (5 of 10 redemptions) and from 23:00 to 24:00 (7 of 10 redemptions), "
        "in the time zone Europe/Berlin."
    )
    assert page.sentence([], UTC) == "Nobody redeemed a code in this period."


@pytest.mark.parametrize(
    ("hours", "said"),
    [([Hour(1, 9, 1)], "1 redemption."), ([Hour(1, 9, 1), Hour(2, 8, 1)], "2 redemptions.")],
)
def test_sentence_makes_no_peak_of_single_redemptions(hours: list[Hour], said: str) -> None:
    assert page.sentence(hours, UTC) == f"No weekday and no hour stands out among {said}"


def test_sentence_makes_no_peak_of_what_many_share() -> None:
    alike = [Hour(weekday, weekday, 1) for weekday in (1, 3, 5)]
    assert page.sentence(alike, UTC) == "No weekday and no hour stands out among 3 redemptions."
    assert page.sentence([*alike, Hour(1, 4, 1), Hour(3, 6, 1)], UTC) == (
        "Codes are redeemed most on Mondays or on Wednesdays (2 of 5 redemptions each), in the time zone UTC."
    )
