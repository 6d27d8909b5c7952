"""The chance that a promo customer who still paid in one month still pays in a later one.

It is what cohorts of promo customers did before: for each month of their age, of
those who paid in it how many paid in the next. Cohorts of one plan tell it for
that plan; where fewer than thirty were at risk, those of all plans of the
interval do; where even they are too few, or nobody is that old yet, the step
before it in the rhythm of payments stands for it. Else the chance is not known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache

from analytics.formulas import MINIMUM_CASES
from analytics.measures.cohorts import Cohort

SURVIVAL = (
    "The chance is what earlier cohorts of promo customers did: of those who paid at this age, how many still "
    "paid a month later; of the same plan, or of all plans where fewer than 30 were at risk."
)


@dataclass
class _Steps:
    """By age in months: how many paid, and how many of as many paid in the next month."""

    at_risk: Counter[int] = field(default_factory=Counter)
    stayed: Counter[int] = field(default_factory=Counter)

    def add(self, cohort: Cohort) -> None:
        """Add the months of a cohort that are over, and whose next is."""
        for age in range(cohort.age - 1):
            self.at_risk[age] += cohort.promo.paying.get(age, 0)
            self.stayed[age] += cohort.promo.paying.get(age + 1, 0)

    def chance(self, age: int) -> Fraction | None:
        """Return the chance of one more month; those who came back later do not lift it above one."""
        if self.at_risk[age] < MINIMUM_CASES:
            return None
        return min(Fraction(self.stayed[age], self.at_risk[age]), Fraction(1))


class Survival:
    """Chances by currency, plan and interval."""

    def __init__(self, cohorts: Iterable[Cohort]) -> None:
        self._steps: dict[tuple[str, str, str], _Steps] = {}
        for cohort in cohorts:
            for plan in (cohort.plan, ""):
                key = (cohort.currency, plan, cohort.interval)
                self._steps.setdefault(key, _Steps()).add(cohort)
        self.chance = cache(self._chance)

    def _chance(
        self, currency: str, plan: str, interval: str, *, age: int, later: int, rhythm: int
    ) -> Fraction | None:
        """Return the chance that who paid at ``age`` still pays at the age ``later``; None: not known.

        ``rhythm`` is the months between two payments.
        """
        chance = Fraction(1)
        for month in range(max(age, 0), later):
            step = self._step(currency, plan, interval, month, rhythm)
            if step is None:
                return None
            chance *= step
        return chance

    def _step(self, currency: str, plan: str, interval: str, age: int, rhythm: int) -> Fraction | None:
        for earlier in range(age, -1, -rhythm):
            for of in (plan, ""):
                steps = self._steps.get((currency, of, interval))
                chance = steps.chance(earlier) if steps else None
                if chance is not None:
                    return chance
        return None
