"""Promo customers against a match: what stayed of each, what each brought, month by month. Plain data.

A match has the same plan, interval, currency and signup month, and no promo. A
comparison needs at least thirty customers on each side; a row over several
months takes only months that have them, and weighs the match as the promo
customers are spread over those months. What a cohort is too young for is left out.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction

from analytics import economics
from analytics.economics import Assumptions, Earnings
from analytics.formulas import MINIMUM_CASES, Ratio
from analytics.measures import cohort_days, cohort_rows, month_numbers
from analytics.measures.cohort_days import Lives
from analytics.measures.cohort_rows import Granted, Paying, Side
from analytics.selection import Selection

RETENTION = (
    "Customers of the cohort whom a settled order covers in that month ÷ cohort. Month 0 is the calendar month "
    "of the first order; a yearly order covers twelve months, one paid back in full none."
)
LTV = "Cumulative NGP in the first n months ÷ cohort size; only cohorts at least n months old."
LTV_UPLIFT = (
    "LTV-n of promo customers ÷ LTV-n of a match (same plan, interval, signup month, no promo) − 1; "
    "at least 30 on each side. Attributed: nobody chose by lot who got a code."
)
REFUND_RATE = "Refunded ÷ charged, before tax, since the customers began."
#: How far a cohort is followed.
LONGEST_MONTHS = 24
#: What a comparison says that has not thirty customers on each side.
TOO_FEW = Ratio(0, 1)


@dataclass(frozen=True)
class Group:
    """Customers of one side of one cohort: how many, how many still paid in each month, what each month moved."""

    customers: int = 0
    paying: Mapping[int, int] = field(default_factory=dict)
    earned: Mapping[int, Earnings] = field(default_factory=dict)

    def earned_in(self, months: int) -> Earnings:
        """Return what the first so many months moved."""
        return sum((earned for month, earned in self.earned.items() if month < months), Earnings())


@dataclass(frozen=True)
class Cohort:
    """The customers who began in one month with one plan; ``age`` in months that are over, the first included.

    ``discount_ends``: for how many promo customers which month is the first at full price, by the terms.
    """

    currency: str
    plan: str
    interval: str
    month: date
    age: int
    promo: Group
    rest: Group
    discount_ends: Mapping[int, int] = field(default_factory=dict)

    @property
    def is_comparable(self) -> bool:
        return min(self.promo.customers, self.rest.customers) >= MINIMUM_CASES


@dataclass(frozen=True)
class Value:
    """Lifetime value per customer on both sides, in minor units."""

    currency: str
    promo: Fraction
    rest: Fraction
    promo_customers: int
    rest_customers: int

    @property
    def promo_amount(self) -> int:
        """The promo side's value in whole minor units, rounded half up."""
        return math.floor(self.promo + Fraction(1, 2))

    @property
    def rest_amount(self) -> int:
        return math.floor(self.rest + Fraction(1, 2))

    @property
    def uplift(self) -> Ratio:
        """Promo ÷ rest − 1; over nothing when the rest brought nothing or less."""
        if self.rest <= 0:
            return Ratio(0, 0)
        return _ratio(self.promo / self.rest - 1, min(self.promo_customers, self.rest_customers))


@dataclass(frozen=True)
class Comparison:
    """The cohorts of one plan, interval and currency, oldest first, and both sides over those that can be compared."""

    currency: str
    plan: str
    interval: str
    cohorts: Sequence[Cohort]

    @property
    def key(self) -> tuple[str, str, str]:
        """What all its customers began with."""
        return self.currency, self.plan, self.interval

    @property
    def longest(self) -> int:
        """How many months the oldest cohort has been followed."""
        return min(max(cohort.age for cohort in self.cohorts), LONGEST_MONTHS)

    @property
    def discount_ends(self) -> Mapping[int, int]:
        return _added(cohort.discount_ends for cohort in self.cohorts)

    def retention(self, month: int) -> tuple[Ratio, Ratio]:
        """Return the shares of both sides still paying in a month, over comparable cohorts for which it is over."""
        cohorts = self._comparable(month + 1)
        if not cohorts:
            return TOO_FEW, TOO_FEW
        promo, rest = _weighed(cohorts, lambda group: group.paying.get(month, 0))
        cases = min(_customers(cohorts))
        return _ratio(promo, cases), _ratio(rest, cases)

    def value(self, months: int, assumed: Assumptions) -> Value | None:
        """Return LTV-n of both sides for n = ``months``, over comparable cohorts so old; None when there is none."""
        cohorts = self._comparable(months)
        if not cohorts:
            return None
        sides = _weighed(cohorts, lambda group: self._profit(group, months, assumed))
        return Value(self.currency, *sides, *_customers(cohorts))

    def _profit(self, group: Group, months: int, assumed: Assumptions) -> int:
        return economics.net_gross_profit(group.earned_in(months), self.currency, assumed)

    def _comparable(self, age: int) -> list[Cohort]:
        return [cohort for cohort in self.cohorts if cohort.is_comparable and cohort.age >= age]


@dataclass(frozen=True)
class Refunds:
    """Both sides' refund rates in one currency, over every cohort."""

    currency: str
    promo: Ratio
    rest: Ratio


def compare(
    chosen: Selection, lives: Lives, granted: Iterable[Granted], *, now: datetime
) -> list[Comparison]:
    """Return the cohorts that began in the period, by currency and plan, the most promo customers first."""
    found: dict[tuple[str, str, str], list[Cohort]] = defaultdict(list)
    for cohort in cohorts(chosen, lives, granted, now=now):
        found[cohort.currency, cohort.plan, cohort.interval].append(cohort)
    comparisons = [Comparison(*key, members) for key, members in found.items()]
    return sorted(comparisons, key=lambda each: -sum(cohort.promo.customers for cohort in each.cohorts))


def cohorts(chosen: Selection, lives: Lives, granted: Iterable[Granted], *, now: datetime) -> list[Cohort]:
    """Return every cohort that began in the period, oldest first, of what became of its customers. One query."""
    groups, ends = _groups(lives), _discount_ends(granted)
    this_month = month_numbers.of_day(now.astimezone(chosen.period.zone).date())
    keys = sorted({(side.month_number, side.currency, side.plan, side.interval) for side in groups})
    return [
        Cohort(
            currency,
            plan,
            interval,
            month_numbers.first_day(number),
            age=this_month - number,
            promo=groups.get(Side(currency, plan, interval, number, is_promo=True), Group()),
            rest=groups.get(Side(currency, plan, interval, number, is_promo=False), Group()),
            discount_ends=ends.get(Side(currency, plan, interval, number, is_promo=True), {}),
        )
        for number, currency, plan, interval in keys
    ]


def refunds(comparisons: Iterable[Comparison]) -> list[Refunds]:
    """Return the refund rates of both sides, by currency."""
    sums: dict[str, list[Earnings]] = defaultdict(lambda: [Earnings(), Earnings()])
    for comparison in comparisons:
        for cohort in comparison.cohorts:
            sides = sums[comparison.currency]
            sides[0] += sum(cohort.promo.earned.values(), Earnings())
            sides[1] += sum(cohort.rest.earned.values(), Earnings())
    return [
        Refunds(currency, promo.refund_rate, rest.refund_rate)
        for currency, (promo, rest) in sorted(sums.items())
    ]


def first_full_month(duration: str, months: int | None, *, covered: int) -> int | None:
    """Return the month in which a discount's first payment at full price falls; None when it never ends.

    ``covered`` is the months between two payments.
    """
    if duration == "forever":
        return None
    discounted = -(-(months or 1) // covered) if duration == "repeating" else 1
    return discounted * covered


def still_paying(chosen: Selection, *, now: datetime) -> list[Cohort]:
    """Return the cohorts of promo customers with nothing but who still paid in which month."""
    this_month = month_numbers.of_day(now.astimezone(chosen.period.zone).date())
    return [
        Cohort(
            side.currency,
            side.plan,
            side.interval,
            month_numbers.first_day(side.month_number),
            age=this_month - side.month_number,
            promo=Group(paying=counts),
            rest=Group(),
        )
        for side, counts in _paying(cohort_days.read(chosen, ["paying"], [True]).paying).items()
    ]


def _paying(rows: Iterable[Paying]) -> dict[Side, Counter[int]]:
    """Count, for each side, the customers still paying in each month."""
    paying: dict[Side, Counter[int]] = defaultdict(Counter)
    for row in rows:
        paying[row.side].update(dict.fromkeys(range(row.first, row.end), row.customers))
    return paying


def _groups(lives: Lives) -> dict[Side, Group]:
    paying = _paying(lives.paying)
    earned: dict[Side, dict[int, Earnings]] = defaultdict(dict)
    for moved in lives.earnings:
        earned[moved.side][moved.month] = moved.earned
    return {size.side: Group(size.customers, paying[size.side], earned[size.side]) for size in lives.sizes}


def _discount_ends(rows: Iterable[Granted]) -> dict[Side, Counter[int]]:
    lengths = cohort_rows.unusual_lengths()
    ends: dict[Side, Counter[int]] = defaultdict(Counter)
    for row in rows:
        covered = lengths.get(row.side.plan) or cohort_rows.months_covered(row.side.interval)
        month = first_full_month(row.duration, row.duration_in_months, covered=covered)
        if month is not None:
            ends[row.side][month] += row.customers
    return ends


def _weighed(cohorts: Sequence[Cohort], measure: Callable[[Group], int]) -> tuple[Fraction, Fraction]:
    """Return a measure per customer of both sides, the rest's weighed by where the promo customers are."""
    weight = sum(cohort.promo.customers for cohort in cohorts)
    promo = sum(measure(cohort.promo) for cohort in cohorts)
    rest = sum(
        (
            Fraction(measure(cohort.rest) * cohort.promo.customers, cohort.rest.customers)
            for cohort in cohorts
        ),
        Fraction(),
    )
    return Fraction(promo, weight), rest / weight


def _customers(cohorts: Iterable[Cohort]) -> tuple[int, int]:
    cohorts = list(cohorts)
    return sum(each.promo.customers for each in cohorts), sum(each.rest.customers for each in cohorts)


def _ratio(share: Fraction, cases: int) -> Ratio:
    return Ratio(share.numerator, share.denominator, cases)


def _added(counts: Iterable[Mapping[int, int]]) -> Counter[int]:
    total = Counter[int]()
    for count in counts:
        total.update(count)
    return total
