"""METRICS.md's cohorts, reckoned customer by customer: who stayed, what each month brought, LTV and its uplift.

A customer is of the cohort of their first order: its currency, plan, interval and calendar
month in the site's zone. Promo customers began with a code; the others never redeemed one,
and who took one later is on neither side. An order covers its month, a yearly one twelve,
one paid back in full none. What a customer moves counts in the cohort's currency, on any plan.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import tzinfo
from fractions import Fraction

from tests.analytics.metrics import naive_metrics
from tests.analytics.metrics.naive_metrics import Part, Reckoner, Sale

#: Currency, plan, interval, and the year and month.
Key = tuple[str, str, str, tuple[int, int]]


@dataclass
class Side:
    customers: int = 0
    paying: Counter[int] = field(default_factory=Counter)
    parts: dict[int, list[Part]] = field(default_factory=lambda: defaultdict(list))


def sides(reckoner: Reckoner, zone: tzinfo) -> dict[tuple[Key, bool], Side]:
    """Return the promo side (True) and the others of each cohort."""
    found: dict[tuple[Key, bool], Side] = defaultdict(Side)
    redeemers = {one.sale.customer for one in reckoner.redemptions.values()}
    for first in reckoner.sales:
        is_promo = bool(first.taken)
        if reckoner.is_first(first) and (is_promo or first.customer not in redeemers):
            began = first.at.astimezone(zone)
            key = (first.currency, first.plan, first.interval, (began.year, began.month))
            _add(found[key, is_promo], reckoner, first, zone)
    return dict(found)


def _add(side: Side, reckoner: Reckoner, first: Sale, zone: tzinfo) -> None:
    side.customers += 1
    months: set[int] = set()
    for part in reckoner.parts:
        if part.sale.customer == first.customer and part.sale.currency == first.currency:
            month = naive_metrics.months_between(first.at, part.at, zone)
            side.parts[month].append(part)
            if part.kind in ("checkout", "renewal") and not _is_paid_back(reckoner, part.sale):
                months |= set(range(month, month + (12 if part.sale.interval == "year" else 1)))
    side.paying.update(months)


def _is_paid_back(reckoner: Reckoner, sale: Sale) -> bool:
    paid_back = -sum(
        part.net
        for part in reckoner.parts
        if part.sale is sale and part.kind in ("refund", "dispute", "credit_note")
    )
    return 0 < sale.net <= paid_back


def value(
    cohorts: Iterable[tuple[Side, Side]], months: int, *, margin: Fraction, fee_share: Fraction, fee: int
) -> tuple[Fraction, Fraction]:
    """LTV-n of promo customers, and of their match, which is weighed as they are spread over the months."""

    def earned(side: Side) -> int:
        parts = [part for month in range(months) for part in side.parts.get(month, [])]
        return naive_metrics.profit(parts, margin=margin, fee_share=fee_share, fee=fee)

    cohorts = list(cohorts)
    everybody = sum(promo.customers for promo, _ in cohorts)
    promo_side = Fraction(sum(earned(promo) for promo, _ in cohorts), everybody)
    match = sum(Fraction(earned(rest), rest.customers) * promo.customers for promo, rest in cohorts)
    return promo_side, match / everybody
