"""What running discounts still cost, committed and expected, with figures worked out by hand."""

from datetime import date
from fractions import Fraction

import pytest
from pytest_django import DjangoAssertNumQueries

from analytics.measures import commitments, running
from analytics.measures.cohorts import Cohort, Group
from analytics.measures.commitments import Commitments
from analytics.measures.running import Running
from analytics.measures.survival import Survival
from analytics.selection import Selection
from tests.analytics.subscribers import month, run_on, subscribe_many
from tests.factories import OfferFactory, PriceFactory, PromoCodeFactory

TODAY = date(2026, 3, 20)


def cohort(plan: str = "price", *, age: int = 5, interval: str = "month", **paying: int) -> Cohort:
    """Return a cohort of promo customers; ``m0=100, m1=50`` says how many paid in which month."""
    counts = {int(name[1:]): count for name, count in paying.items()}
    began = date(2025, 1, 1)
    return Cohort("usd", plan, interval, began, age, Group(counts[0], counts), Group())


HALVING = cohort(m0=800, m1=400, m2=200, m3=100, m4=50)


def chance(survival: Survival, *, age: int, later: int, plan: str = "price") -> object:
    return survival.chance("usd", plan, "month", age=age, later=later, rhythm=1)


def group(
    *, customers: int = 10, amount: int | None = 2_000, ends: date | None = None, **fields: object
) -> Running:
    described = {"began": date(2026, 2, 25), "renews": date(2026, 3, 25)} | fields
    return Running(
        "usd",
        "price",
        "month",
        offer_id=1,
        months=1,
        customers=customers,
        amount=amount,
        ends=ends,
        **described,
    )


def owed(*groups: Running, survival: Survival | None = None) -> Commitments:
    (found,) = commitments.commitments(groups, survival or Survival([HALVING]), today=TODAY)
    return found


def test_chance_is_what_cohorts_did_from_that_age_on() -> None:
    survival = Survival([HALVING])

    assert chance(survival, age=1, later=1) == 1
    assert chance(survival, age=1, later=3) == 0.25


def test_chance_beyond_what_was_seen_goes_on_at_the_last_step() -> None:
    # At 4 nobody is seen in month 5; 100 → 50 was the last step.
    assert chance(Survival([HALVING]), age=3, later=6) == 0.125


def test_chance_takes_only_months_that_are_over() -> None:
    young = cohort(age=2, m0=800, m1=400, m2=1)

    assert chance(Survival([young]), age=1, later=2) == 0.5


def test_chance_of_few_is_that_of_all_plans() -> None:
    few = cohort("price_few", m0=29, m1=29, m2=29, m3=29, m4=29)
    survival = Survival([HALVING, few])

    assert chance(survival, age=0, later=1, plan="price_few") == Fraction(400 + 29, 800 + 29)
    assert chance(Survival([few]), age=0, later=1, plan="price_few") is None


def test_customers_who_come_back_do_not_lift_a_chance_above_one() -> None:
    assert chance(Survival([cohort(m0=100, m1=40, m2=60, m3=60, m4=60)]), age=1, later=2) == 1


def test_a_yearly_step_is_taken_from_a_year_before() -> None:
    yearly = cohort(
        age=14, interval="year", **{f"m{number}": 100 if number < 12 else 60 for number in range(14)}
    )

    found = Survival([yearly]).chance("usd", "price", "year", age=12, later=24, rhythm=12)

    assert float(found or 0) == 0.6


def test_committed_is_each_renewal_in_its_month() -> None:
    found = owed(group(ends=date(2026, 6, 25)))

    assert [(each.month.month, each.committed_amount) for each in found.months[:4]] == [
        (3, 20_000),
        (4, 20_000),
        (5, 20_000),
        (6, 0),
    ]
    assert (found.committed_amount, found.customers) == (60_000, 10)


def test_expected_takes_off_who_will_have_gone() -> None:
    found = owed(group(ends=date(2026, 6, 25)))

    # Paid in month 0; halving from there.
    assert [each.expected_amount for each in found.months[:4]] == [10_000, 5_000, 2_500, 0]


def test_a_discount_for_ever_is_counted_twelve_months_ahead() -> None:
    found = owed(group(amount=100))

    assert len(found.months) == 12
    assert found.months[-1].month == date(2027, 2, 1)
    assert found.committed_amount == 12 * 1_000


def test_what_has_no_chance_is_told_apart() -> None:
    found = owed(group(ends=date(2026, 4, 20)), survival=Survival([]))

    assert (found.committed_amount, found.expected_amount, found.unknown_amount) == (20_000, 0, 20_000)


def test_an_unknown_price_is_told_and_not_counted() -> None:
    found = owed(group(customers=3, amount=None), group(customers=1, ends=date(2026, 4, 1)))

    assert (found.customers, found.unpriced_customers, found.committed_amount) == (4, 3, 2_000)


def test_committed_by_offer_sums_the_months_ahead() -> None:
    assert commitments.committed_by_offer([group(ends=date(2026, 5, 25))], today=TODAY) == {
        ("usd", 1): 40_000
    }


@pytest.mark.django_db
def test_commitments_from_rows(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    PriceFactory(id="price_monthly", amount=10_000)
    code = PromoCodeFactory(offer=OfferFactory(duration="repeating", duration_in_months=3))
    for subscriber in subscribe_many(40, code, at=month(1), discount=2_000)[:30]:
        subscriber.renew(month(2), discount=2_000)
    run_on(code, began=month(3), renews=month(4), ends=month(6))
    chosen, now = Selection(), month(3, day=20)

    with django_assert_num_queries(9):
        groups = running.groups(chosen, now=now)
        survival = commitments.survival(chosen, now=now)
        (found,) = commitments.commitments(groups, survival, today=now.date())

    assert [each.committed_amount for each in found.months[:4]] == [0, 2_000, 2_000, 0]
    # Three of four stayed a month; the second step is drawn on from the first.
    assert [each.expected_amount for each in found.months[:4]] == [0, 1_500, 1_125, 0]
