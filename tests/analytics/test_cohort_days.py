"""Kept days of cohorts: they add up to what the ledger says, and give way to it when something changed."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pytest_django import DjangoAssertNumQueries

from analytics import cohort_checks
from analytics.measures import cohort_days, cohort_making
from analytics.measures.cohort_days import Lives
from analytics.models import CohortDay
from analytics.periods import Period
from analytics.selection import Selection
from promos.models import HistoryChange
from tests.analytics.builders import redeem
from tests.analytics.subscribers import Subscriber, month, subscribe, subscribe_many
from tests.factories import CampaignFactory, PriceFactory, PromoCodeFactory

pytestmark = pytest.mark.django_db
FIRST_HALF = Selection(Period(date(2026, 1, 1), date(2026, 7, 1)))
NOW = month(2, day=6)


def make(limit: int = 400) -> int:
    return cohort_making.make_due(NOW, zone=UTC, limit=limit)


def sorted_lives(lives: Lives) -> list[list[Any]]:
    return [
        sorted(rows, key=repr) for rows in (lives.sizes, lives.earnings, lives.paying, lives.later_redeemers)
    ]


def of_ledger(chosen: Selection = FIRST_HALF) -> list[list[Any]]:
    CohortDay.objects.all().delete()
    return sorted_lives(cohort_days.read(chosen))


def beginners() -> Subscriber:
    """Write customers of several days, sides, currencies and plans; return one with a code."""
    buyer = subscribe(PromoCodeFactory(), at=month(1, day=29), discount=2_000)
    buyer.renew(month(3))
    buyer.pay_back(buyer.first, 1_000, at=month(2))
    subscribe(at=month(1, day=28), interval="year").renew(month(4))
    subscribe(PromoCodeFactory(), at=month(2, day=3), currency="eur", plan="price_other")
    late = subscribe(at=month(2, day=3))
    redeem(PromoCodeFactory(), customer=late.customer, at=month(3))
    return buyer


def test_kept_days_add_up_to_the_ledger(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    beginners()
    make()

    with django_assert_num_queries(3 + 2 * 8):  # the days before the first and after today are not kept
        kept = sorted_lives(cohort_days.read(FIRST_HALF))

    assert all(kept)
    assert kept == of_ledger()


def test_a_period_that_is_all_kept_takes_three_queries(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    beginners()
    make()
    winter = Selection(Period(date(2026, 1, 28), date(2026, 2, 7)))

    with django_assert_num_queries(3):
        kept = sorted_lives(cohort_days.read(winter))

    assert kept == of_ledger(winter)


@pytest.mark.parametrize("chosen", [{"currency": "eur"}, {"plan": "price_other"}, {"currency": "gbp"}])
def test_kept_days_are_narrowed_by_currency_and_plan(chosen: dict[str, str]) -> None:
    beginners()
    make()
    narrowed = Selection(FIRST_HALF.period, **chosen)

    assert sorted_lives(cohort_days.read(narrowed)) == of_ledger(narrowed)


def test_a_campaign_narrows_the_promo_side_only() -> None:
    campaign = CampaignFactory()
    subscribe_many(2, PromoCodeFactory(campaign=campaign), at=month(2, day=1))
    beginners()
    make()
    narrowed = Selection(FIRST_HALF.period, campaign_id=campaign.pk)

    kept = cohort_days.read(narrowed)

    assert [size.customers for size in kept.sizes if size.side.is_promo] == [2]
    assert sorted_lives(kept) == of_ledger(narrowed)


def test_a_change_is_read_from_the_ledger_at_once_and_then_kept() -> None:
    buyer = beginners()
    make()
    buyer.renew(month(5))
    HistoryChange.objects.create(customer=buyer.customer)

    changed = sorted_lives(cohort_days.read(FIRST_HALF))
    assert make() == 1
    made = sorted_lives(cohort_days.read(FIRST_HALF))

    assert HistoryChange.objects.count() == 0
    assert changed == made == of_ledger()
    assert any(paying.first == 4 for paying in made[2])


def test_whoever_began_on_another_day_changes_both() -> None:
    buyer = beginners()
    make()
    for at in (month(1, day=29), month(2, day=1)):
        HistoryChange.objects.create(customer=buyer.customer, began_at=at)
    buyer.first.occurred_at = month(2, day=1)
    buyer.first.save()

    assert make() == 2
    assert sorted_lives(cohort_days.read(FIRST_HALF)) == of_ledger()


def test_a_change_noted_while_a_day_is_made_is_left_for_the_next_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    buyer = beginners()
    HistoryChange.objects.create(customer=buyer.customer)
    of_ledger = cohort_days.of_ledger

    def overtaken(*args: Any, **kwargs: Any) -> Any:
        HistoryChange.objects.create(customer=buyer.customer)
        return of_ledger(*args, **kwargs)

    monkeypatch.setattr(cohort_days, "of_ledger", overtaken)
    make(limit=1)

    assert HistoryChange.objects.count() == 1


def test_changes_of_who_began_nothing_are_taken_away() -> None:
    HistoryChange.objects.create(customer=subscribe(at=month(2, day=4)).customer)
    HistoryChange.objects.create(customer_id=10**9)

    make()

    assert HistoryChange.objects.count() == 0


def test_too_many_changes_have_everything_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    buyer = beginners()
    make()
    monkeypatch.setattr(cohort_days, "NOTED_AT_MOST", 2)
    for _ in range(3):
        HistoryChange.objects.create(customer=buyer.customer)

    assert sorted_lives(cohort_days.read(FIRST_HALF)) == of_ledger()
    make()

    assert (HistoryChange.objects.count(), CohortDay.objects.count()) == (0, 0)


def test_days_of_another_zone_or_other_plans_are_not_taken() -> None:
    subscribe(at=datetime(2026, 1, 31, 23, 30, tzinfo=UTC))
    make()
    berlin = Selection(Period(date(2026, 1, 1), date(2026, 7, 1), ZoneInfo("Europe/Berlin")))
    assert cohort_days.read(berlin).sizes[0].side.month_number % 12 == 1

    PriceFactory(id="price_monthly", stripe_data={"recurring": {"interval": "month", "interval_count": 3}})

    assert [(row.first, row.end) for row in cohort_days.read(FIRST_HALF).paying] == [(0, 3)]


def test_a_worker_makes_days_by_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    beginners()
    monkeypatch.setattr(cohort_making, "MADE_AT_ONCE", 2)

    turns = [cohort_making.work(NOW), cohort_making.work(NOW), cohort_making.work(NOW + cohort_making.EVERY)]

    assert turns == [2, 0, 2]


def test_verification_names_a_kept_day_that_is_wrong() -> None:
    beginners()
    make()
    assert list(cohort_checks.days()) == []

    CohortDay.objects.filter(day=date(2026, 2, 3)).update(later_redeemers=[["usd", "price_monthly", 2]])
    (difference,) = cohort_checks.days()

    assert (difference.name, difference.field) == ("2026-02-03", "later_redeemers")
    assert difference.reckoned == [["usd", "price_monthly", 1]]
