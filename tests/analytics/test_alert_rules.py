"""What counts as out of the ordinary; every number is reckoned by hand."""

from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from analytics.alerts import paces, rules, usual
from analytics.alerts.usual import Span
from promos import brake
from promos.models import BrakeCounter, CodeCheck, PromoCode, PromoCodeUsage
from tests.analytics.builders import set_sync
from tests.factories import (
    CampaignFactory,
    CustomerFactory,
    PromoCodeFactory,
    UsageFactory,
    WebhookEventFactory,
)

NOW = datetime(2026, 6, 30, 12, 20, tzinfo=UTC)
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)


@pytest.mark.parametrize(
    ("count", "earlier", "is_jump"),
    [
        (30, [0, 0, 0, 0], True),
        (29, [0, 0, 0, 0], False),  # too few
        (60, [36, 1, 2, 3], False),  # 36 + 4·√36 = 60 may be chance
        (61, [36, 1, 2, 3], True),
        (149, [100, 1, 2, 3], False),  # 100 + 4·√100 = 140, but not half as many again
        (150, [100, 1, 2, 3], True),
        (150, [1, 2, 3, 150], False),
    ],
)
def test_is_jump(count: int, earlier: list[int], is_jump: bool) -> None:
    assert usual.is_jump(count, earlier, minimum=30, percent=50) is is_jump


def test_is_stop_looks_at_the_quietest_week() -> None:
    assert usual.is_stop([10, 40, 50, 60], expected=10)
    assert not usual.is_stop([9, 40, 50, 60], expected=10)


def test_span_is_compared_with_the_same_hours_of_four_weeks() -> None:
    span = usual.last_hours(24, now=NOW)
    assert span == Span(datetime(2026, 6, 29, 12, tzinfo=UTC), datetime(2026, 6, 30, 12, tzinfo=UTC))
    assert [each.start.day for each in span.earlier()] == [22, 15, 8, 1]
    assert {each.start.weekday() for each in span.earlier()} == {span.start.weekday()}


def redeemed(times: int, *, at: datetime) -> None:
    code, customer = PromoCodeFactory(), CustomerFactory()
    PromoCodeUsage.objects.bulk_create(
        UsageFactory.build(promo_code=code, customer=customer, redeemed_at=at) for _ in range(times)
    )


def refused(times: int, *, at: datetime) -> None:
    CodeCheck.objects.bulk_create(
        CodeCheck(text="NOPE", reason="not_found", checked_at=at) for _ in range(times)
    )


@pytest.mark.django_db
def test_jump_in_redemptions_names_both_numbers(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    redeemed(61, at=NOW - HOUR)
    redeemed(36, at=NOW - HOUR - 2 * WEEK)
    redeemed(500, at=NOW - HOUR - DAY)  # another day of the week
    with django_assert_num_queries(1):
        [finding] = paces.redemptions_jump(NOW)
    assert finding.sentence == (
        "61 redemptions in the 24 hours before 2026-06-30 12:00 UTC; "
        "in the same hours of the last four weeks there were at most 36."
    )
    assert paces.redemptions_jump(NOW + 2 * DAY) == []


@pytest.mark.django_db
def test_redemptions_of_the_running_hour_wait_for_its_end() -> None:
    redeemed(100, at=NOW)
    assert paces.redemptions_jump(NOW) == []
    assert len(paces.redemptions_jump(NOW + HOUR)) == 1


@pytest.mark.django_db
def test_stop_is_seen_when_every_week_had_enough() -> None:
    redeemed(1, at=NOW - 2 * HOUR)
    for week in range(1, 5):
        redeemed(10, at=NOW - HOUR - week * WEEK)
    [finding] = paces.redemptions_stop(NOW)
    assert "Nobody has redeemed a code since 2026-06-30 10:20 UTC" in finding.sentence
    assert "at least 10 redemptions" in finding.sentence
    redeemed(1, at=NOW)
    assert paces.redemptions_stop(NOW) == []


@pytest.mark.django_db
def test_silence_of_a_quiet_or_a_new_shop_is_no_stop() -> None:
    assert paces.redemptions_stop(NOW) == []
    redeemed(1, at=NOW - 2 * HOUR)
    for week, times in enumerate((10, 9, 10, 10), start=1):
        redeemed(times, at=NOW - HOUR - week * WEEK)
    assert paces.redemptions_stop(NOW) == []


@pytest.mark.django_db
def test_failed_checks_are_compared_and_accepted_ones_left_out() -> None:
    refused(30, at=NOW - HOUR)
    CodeCheck.objects.bulk_create(
        CodeCheck(text="GOOD", reason="", checked_at=NOW - HOUR - WEEK) for _ in range(30)
    )
    [finding] = paces.failed_checks_jump(NOW)
    assert finding.sentence.startswith("30 codes were refused in the 24 hours before 2026-06-30 12:00 UTC;")
    refused(20, at=NOW - HOUR - WEEK)
    assert paces.failed_checks_jump(NOW) == []


@pytest.mark.django_db
def test_alarm_of_the_brake_is_passed_on_for_a_day() -> None:
    BrakeCounter.objects.create(key=brake.EVERYBODY, counted_at=NOW, alarmed_at=NOW)
    assert [finding.kind for finding in rules.guessing(NOW + HOUR)] == ["guessing"]
    assert rules.guessing(NOW + DAY) == []


@pytest.mark.django_db
def test_budget_is_told_of_from_its_share_on() -> None:
    spring = CampaignFactory(
        name="Spring", currency="usd", budget_amount=50_000, spent_amount=30_000, promised_amount=10_000
    )
    CampaignFactory(currency="usd", budget_amount=50_000, spent_amount=39_999)
    CampaignFactory(currency="usd", budget_amount=50_000, spent_amount=50_000, ends_at=NOW - DAY)
    [finding] = rules.budget(NOW)
    assert finding.subject == f"campaign:{spring.pk}"
    assert "Spring has given away or promised $400.00 of its budget of $500.00" in finding.sentence


@pytest.mark.django_db
def test_codes_that_end_together_are_one_finding() -> None:
    first = PromoCodeFactory(code="A1", expires_at=NOW + 2 * DAY)
    for code in ("A2", "A3"):
        PromoCodeFactory(code=code, offer=first.offer, expires_at=NOW + 2 * DAY)
    PromoCodeFactory(code="LATER", offer=first.offer, expires_at=NOW + 3 * DAY)
    PromoCodeFactory(code="FAR", expires_at=NOW + 8 * DAY)
    PromoCodeFactory(code="MINE", expires_at=NOW + DAY, customer=CustomerFactory())
    assert [finding.sentence for finding in rules.expiring(NOW)] == [
        "A1 and 2 more like it will expire on 2026-07-02 12:20 UTC.",
        "LATER will expire on 2026-07-03 12:20 UTC.",
    ]


@pytest.mark.django_db
def test_failed_sync_says_why_once_for_an_offer(settings: Settings) -> None:
    refused_code = PromoCodeFactory(code="BAD")
    contested = PromoCodeFactory(code="BOTH")
    set_sync(refused_code, "error", "No such product.")
    set_sync(contested, "conflict")
    set_sync(PromoCodeFactory(code="OLD", archived_at=NOW), "error", "Gone.")
    assert [finding.sentence for finding in rules.sync_failed(NOW)] == [
        "Stripe refused BAD: No such product.",
        "BOTH changed both here and at Stripe.",
    ]
    settings.ALERT_SYNC_FAILED_CODES = 3
    assert rules.sync_failed(NOW) == []


@pytest.mark.django_db
def test_silent_webhooks_are_told_of_only_where_some_came() -> None:
    assert rules.webhooks_silent(NOW) == []
    WebhookEventFactory(received_at=NOW - 48 * HOUR)
    [finding] = rules.webhooks_silent(NOW)
    assert finding.sentence == "No webhook has come from Stripe since 2026-06-28 12:20 UTC."
    assert rules.webhooks_silent(NOW - HOUR) == []


@pytest.mark.django_db
def test_look_leaves_out_what_nobody_wants(settings: Settings) -> None:
    WebhookEventFactory(received_at=NOW - 4 * DAY)
    assert [finding.kind for finding in rules.look(NOW)] == ["webhooks_silent"]
    settings.ALERTS_OFF = ["webhooks_silent"]
    assert rules.look(NOW) == []


@pytest.mark.django_db
def test_look_asks_a_bounded_number_of_queries(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    for code in PromoCodeFactory.create_batch(30, expires_at=NOW + DAY):
        set_sync(code, "error", "No.")
    with django_assert_max_num_queries(10):
        found = rules.look(NOW)
    assert len(found) == 2 * rules.AT_MOST
    assert PromoCode.objects.count() == 30
