from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from analytics import blocks, periods
from analytics.periods import Period

NOW = datetime(2026, 3, 30, 22, 30, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def test_last_days_end_after_today() -> None:
    period = periods.last_days(7, now=NOW, zone=UTC)

    assert (period.start, period.end) == (
        datetime(2026, 3, 24, tzinfo=UTC),
        datetime(2026, 3, 31, tzinfo=UTC),
    )
    assert (period.days, period.last_day) == (7, date(2026, 3, 30))


def test_last_days_take_the_day_of_the_site() -> None:
    """At 22:30 UTC it is already the 31st in Berlin, and summer time began within the period."""
    period = periods.last_days(7, now=NOW, zone=BERLIN)

    assert period.start == datetime(2026, 3, 24, 23, tzinfo=UTC)
    assert period.end == datetime(2026, 3, 31, 22, tzinfo=UTC)


def test_previous_meets_the_period() -> None:
    period = Period(date(2026, 3, 1), date(2026, 3, 31), BERLIN)

    assert period.previous == Period(date(2026, 1, 30), date(2026, 3, 1), BERLIN)
    assert period.previous.end == period.start


def test_between_includes_both_days() -> None:
    assert periods.between("2026-01-01", " 2026-01-31 ", zone=UTC) == Period(
        date(2026, 1, 1), date(2026, 2, 1)
    )


@pytest.mark.parametrize(
    ("first", "last", "sentence"),
    [
        ("yesterday", "2026-01-01", "2026-03-31"),
        ("2026-01-01", "", "2026-03-31"),
        ("2026-02-30", "2026-03-01", "2026-03-31"),
        ("2026-01-02", "2026-01-01", "ends .* before it starts"),
        ("2020-01-01", "2026-01-01", "too long"),
        ("0001-01-01", "0001-01-02", "between the years"),
        ("9999-12-31", "9999-12-31", "between the years"),
    ],
)
def test_between_refuses_absurd_dates(first: str, last: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        periods.between(first, last, zone=UTC)


def test_chosen_is_thirty_days_unless_asked() -> None:
    assert periods.chosen({}, now=NOW, zone=UTC).days == 30
    assert periods.chosen({"days": "90"}, now=NOW, zone=UTC).days == 90
    assert (
        periods.chosen({"days": "90", "from": "2026-01-01", "to": "2026-01-02"}, now=NOW, zone=UTC).days == 2
    )


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("2026-03-01", "2026-03-30", ""),
        ("2026-03-25", "2026-03-31", "6 of these 7 days are over; what is beside them is of 7 whole days."),
        ("2026-03-31", "2026-04-29", "0 of these 30 days are over; what is beside them is of 30 whole days."),
        ("2027-01-01", "2027-01-01", "This day is not over; the one beside it is whole."),
    ],
)
def test_a_period_says_how_much_of_it_is_over(first: str, last: str, said: str) -> None:
    # 23:30 UTC is the 31st in Vienna.
    now = datetime(2026, 3, 30, 23, 30, tzinfo=UTC)
    assert blocks.so_far(periods.between(first, last, zone=ZoneInfo("Europe/Vienna")), now) == said


@pytest.mark.parametrize("days", ["0", "-7", "31", "x", "7 "])
def test_chosen_refuses_other_numbers_of_days(days: str) -> None:
    with pytest.raises(ValueError, match="7, 30 or 90"):
        periods.chosen({"days": days}, now=NOW, zone=UTC)


def test_buckets_are_days_then_weeks_then_months() -> None:
    by_day = Period(date(2026, 3, 1), date(2026, 3, 4))
    by_week = Period(date(2026, 1, 1), date(2026, 6, 1))
    by_month = Period(date(2023, 1, 15), date(2026, 1, 1))

    assert by_day.buckets() == [date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)]
    assert by_week.buckets()[:2] == [date(2026, 1, 1), date(2026, 1, 5)]  # a Thursday, then Monday
    assert by_month.buckets()[:2] == [date(2023, 1, 15), date(2023, 2, 1)]
    assert [period.bucket for period in (by_day, by_week, by_month)] == ["day", "week", "month"]


def test_always_survives_every_time_zone() -> None:
    for zone in (UTC, ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Pacific/Pago_Pago")):
        assert Period(periods.ALWAYS.first_day, periods.ALWAYS.end_day, zone).start.year in {1999, 2000}


def test_chosen_takes_the_days_that_a_page_offers() -> None:
    spans = periods.Spans((90, 365, 1_000), default=365)

    assert periods.chosen({}, now=NOW, zone=UTC, spans=spans).days == 365
    assert periods.chosen({"days": "90"}, now=NOW, zone=UTC, spans=spans).days == 90
    with pytest.raises(ValueError, match="Choose 90, 365 or 1,000 days, or two dates"):
        periods.chosen({"days": "7"}, now=NOW, zone=UTC, spans=spans)
