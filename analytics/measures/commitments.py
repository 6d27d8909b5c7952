"""What is still owed: discounts that run, by the calendar month of the renewals they are promised to. Plain data."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import NamedTuple

from analytics.measures import cohorts, month_numbers
from analytics.measures.running import Running
from analytics.measures.survival import Survival
from analytics.periods import Period
from analytics.selection import Selection

#: Calendar months ahead, this one included; discounts for ever run on beyond them.
MONTHS_AHEAD = 12
#: How far back cohorts tell how customers stay.
LEARNT_FROM = timedelta(days=3 * 365)

COMMITTED = (
    "Σ over live discounts: periods still granted × discount per period, by calendar month; the discount of one "
    f"renewal at today's price, quantity one. {MONTHS_AHEAD} months ahead, this one included."
)
EXPECTED = "Committed × the chance that the customer still pays then (from the cohort's own survival)."


@dataclass(frozen=True)
class Month:
    """Discounts promised to the renewals of one calendar month.

    ``expected_amount`` leaves out ``unknown_amount``: the committed part of which no chance is known.
    """

    month: date
    committed_amount: int = 0
    expected_amount: int = 0
    unknown_amount: int = 0
    renewals: int = 0


@dataclass(frozen=True)
class Commitments:
    """What running discounts still cost in one currency."""

    currency: str
    months: Sequence[Month]
    customers: int
    #: Whose plan's price is not known here, so that nothing of them is counted.
    unpriced_customers: int

    @property
    def committed_amount(self) -> int:
        return sum(month.committed_amount for month in self.months)

    @property
    def expected_amount(self) -> int:
        return sum(month.expected_amount for month in self.months)

    @property
    def unknown_amount(self) -> int:
        return sum(month.unknown_amount for month in self.months)


def commitments(groups: Iterable[Running], survival: Survival, *, today: date) -> list[Commitments]:
    """Return what the groups of running discounts still cost, by currency."""
    by_currency: dict[str, list[Running]] = defaultdict(list)
    for group in groups:
        by_currency[group.currency].append(group)
    return [_of_currency(currency, found, survival, today) for currency, found in sorted(by_currency.items())]


def survival(chosen: Selection, *, now: datetime) -> Survival:
    """Return the chances that cohorts of the last three years tell, whatever their campaign."""
    today = now.astimezone(chosen.period.zone).date()
    period = Period(today - LEARNT_FROM, today + timedelta(days=1), chosen.period.zone)
    return Survival(cohorts.still_paying(Selection(period, currency=chosen.currency), now=now))


def committed_by_offer(groups: Iterable[Running], *, today: date) -> dict[tuple[str, int], int]:
    """Sum what is committed by currency and offer."""
    until, sums = _until(today), defaultdict[tuple[str, int], int](int)
    for group in groups:
        count = sum(1 for _ in group.renewals(until))
        sums[group.currency, group.offer_id] += count * (group.amount or 0) * group.customers
    return sums


@dataclass
class _Sums:
    """What the renewals of one calendar month are promised; ``awaited``: by what decides the chance of it."""

    committed: int = 0
    renewals: int = 0
    awaited: Counter[_Chance] = field(default_factory=Counter)


class _Chance(NamedTuple):
    """What decides the chance that customers still pay: ages are months since they began."""

    plan: str
    interval: str
    age: int
    later: int
    rhythm: int


def _of_currency(currency: str, groups: Sequence[Running], survival: Survival, today: date) -> Commitments:
    first = month_numbers.of_day(today)
    sums = {number: _Sums() for number in range(first, first + MONTHS_AHEAD)}
    for group in groups:
        _add(sums, group, until=_until(today))
    return Commitments(
        currency,
        [_month(number, sum_, currency, survival) for number, sum_ in sums.items()],
        customers=sum(group.customers for group in groups),
        unpriced_customers=sum(group.customers for group in groups if group.amount is None),
    )


def _add(sums: Mapping[int, _Sums], group: Running, *, until: date) -> None:
    amount = (group.amount or 0) * group.customers
    began, next_one = month_numbers.of_day(group.began), month_numbers.of_day(group.renews)
    for renewal in group.renewals(until):
        number = month_numbers.of_day(renewal)
        month = sums[number]
        month.committed += amount
        month.renewals += group.customers
        # Thousands of groups have the same chance, so it is reckoned with once for all of them.
        awaited = _Chance(
            group.plan, group.interval, next_one - group.months - began, number - began, group.months
        )
        month.awaited[awaited] += amount


def _month(number: int, sums: _Sums, currency: str, survival: Survival) -> Month:
    expected, unknown = Fraction(), 0
    for (plan, interval, age, later, rhythm), amount in sums.awaited.items():
        chance = survival.chance(currency, plan, interval, age=age, later=later, rhythm=rhythm)
        if chance is None:
            unknown += amount
        else:
            expected += amount * chance
    rounded = math.floor(expected + Fraction(1, 2))
    return Month(month_numbers.first_day(number), sums.committed, rounded, unknown, sums.renewals)


def _until(today: date) -> date:
    """Return the first day that is too far ahead."""
    return month_numbers.first_day(month_numbers.of_day(today) + MONTHS_AHEAD)
