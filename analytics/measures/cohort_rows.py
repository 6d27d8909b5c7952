"""Customers who began in one month, with a code or without one, followed month by month.

A customer belongs to the cohort of their first order: its currency, plan,
interval and calendar month (month 0). Promo customers began with a code; the
others have never redeemed one. Who took a code only later is on neither side,
since neither would be told truly by them.

Each answers with one row for a cohort, a side and a month at most, however many
customers there are. Months are numbered (``month_numbers``), so that they can be
subtracted. Rows are in no order, so that the database need not sort them, and
counted by customer, which the index of first orders has. The selection's period is when customers began, a campaign narrows
the promo side only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.db.models import (
    Case,
    Count,
    Exists,
    Expression,
    F,
    FilteredRelation,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from djstripe.models import Price

from analytics.economics import Earnings
from analytics.measures import earned, month_numbers
from analytics.queries import SETTLED
from analytics.selection import Selection
from promos.models import LedgerEntry, PromoCodeUsage
from promos.redemptions.limits import PURCHASES

_COHORT = ("currency", "plan", "interval", "month_number")
#: Each side is asked for by itself: one condition for both would keep PostgreSQL from joining.
BOTH = (False, True)


@dataclass(frozen=True)
class Side:
    """One side of a cohort: customers whose first order was on this plan in this month, with a code or without."""

    currency: str
    plan: str
    interval: str
    month_number: int
    is_promo: bool


@dataclass(frozen=True)
class Size:
    side: Side
    customers: int


def sizes(chosen: Selection, sides: Iterable[bool] = BOTH) -> list[Size]:
    """Count the customers of each side of each cohort that began in the period. A query for each side."""
    return [
        Size(_side(row, is_promo), row["customers"])
        for is_promo in sides
        for row in _signups(chosen, is_promo)
        .values(*_COHORT)
        .annotate(customers=Count("customer"))
        .order_by()
    ]


@dataclass(frozen=True)
class MonthEarnings:
    """What a side moved in its month ``month`` (0: the one in which it began)."""

    side: Side
    month: int
    earned: Earnings


def earnings(chosen: Selection, sides: Iterable[bool] = BOTH) -> list[MonthEarnings]:
    """Sum what each side's customers paid and got back, in the cohort's currency, by month since they began.

    A query for each side.
    """
    return [
        MonthEarnings(_side(row, is_promo), row["month"], earned.of(row))
        for is_promo in sides
        for row in _entries(chosen, is_promo)
        .values(*_COHORT, month=_since_signup(chosen))
        .annotate(**earned.sums("entry__"))
        .order_by(*_COHORT, "month")
    ]


@dataclass(frozen=True)
class Paying:
    """Customers whom payments cover from month ``first`` up to and without ``end``; nobody twice in one month."""

    side: Side
    first: int
    end: int
    customers: int


def paying(chosen: Selection, sides: Iterable[bool] = BOTH) -> list[Paying]:
    """Count the customers whose orders cover each stretch of months; an order paid back in full covers none.

    An order covers what it was for: a year twelve months, anything shorter its own month.
    A query for each side, and one.
    """
    covered = _covered()
    return [row for is_promo in sides for row in _stretches(chosen, is_promo, covered)]


def _stretches(chosen: Selection, is_promo: bool, covered: Case) -> list[Paying]:
    first = _since_signup(chosen)
    stretches = _orders(chosen, is_promo).values(*_COHORT, "customer_id", first=first, end=first + covered)
    sql, params = stretches.order_by().query.sql_with_params()
    with connections[stretches.db].cursor() as cursor:
        cursor.execute(_WITHOUT_OVERLAP.format(stretches=sql), params)
        rows = cursor.fetchall()
    return [
        Paying(Side(currency, plan, interval, number, is_promo), first, end, customers)
        for currency, plan, interval, number, first, end, customers in rows
    ]


# The ORM cannot group by a window: each order counts only where no earlier one covers the month already.
_WITHOUT_OVERLAP = """
SELECT currency, plan, "interval", month_number, uncovered, "end", COUNT(*)
FROM (
    SELECT orders.*, CASE WHEN covered > first THEN covered ELSE first END AS uncovered
    FROM (
        SELECT stretches.*, MAX("end") OVER (
            PARTITION BY customer_id ORDER BY first, "end" ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS covered
        FROM ({stretches}) AS stretches
    ) AS orders
) AS uncovered_orders
WHERE uncovered < "end"
GROUP BY currency, plan, "interval", month_number, uncovered, "end"
ORDER BY currency, plan, "interval", month_number, uncovered, "end"
"""


@dataclass(frozen=True)
class Granted:
    """How many promo customers of a cohort began with a discount of these terms."""

    side: Side
    duration: str
    duration_in_months: int | None
    customers: int


def granted(chosen: Selection) -> list[Granted]:
    """Count the promo customers of each cohort by how long their discount runs."""
    terms = {
        "duration": F("usage__promo_code__offer__duration"),
        "duration_in_months": F("usage__promo_code__offer__duration_in_months"),
    }
    rows = _signups(chosen, is_promo=True).values(*_COHORT, **terms)
    return [
        Granted(_side(row, True), row["duration"], row["duration_in_months"], row["customers"])
        for row in rows.annotate(customers=Count("customer")).order_by()
    ]


@dataclass(frozen=True)
class Later:
    """Customers who began without a code and redeemed one later: they are on neither side."""

    currency: str
    plan: str
    customers: int


def later_redeemers(chosen: Selection) -> list[Later]:
    """Count those who redeemed a code only later, by currency and plan of their first order."""
    rows = _first_orders(chosen).filter(_redeemed(), usage=None).values("currency", "plan")
    return [Later(**row) for row in rows.annotate(customers=Count("pk")).order_by("currency", "plan")]


def first_orders(entries: QuerySet[LedgerEntry]) -> QuerySet[LedgerEntry]:
    """Narrow entries to orders with which customers began, as the ledger marks them; a renewal begins nothing."""
    return entries.filter(kind=LedgerEntry.Kind.CHECKOUT, is_new_customer=True, customer__isnull=False)


def _first_orders(chosen: Selection) -> QuerySet[LedgerEntry]:
    return first_orders(chosen.orders())


def _signups(chosen: Selection, is_promo: bool) -> QuerySet[LedgerEntry]:
    """Return the first orders of the period on one side."""
    side = Q(usage__isnull=False) if is_promo else Q(usage=None) & ~_redeemed()
    if is_promo and chosen.campaign_id:
        side &= Q(usage__promo_code__campaign=chosen.campaign_id)
    return _first_orders(chosen).filter(side).annotate(month_number=_number("occurred_at", chosen))


def _entries(chosen: Selection, is_promo: bool) -> QuerySet[LedgerEntry]:
    """Join everything that the customers of the period's first orders moved since, in its currency."""
    theirs = Q(customer__ledger_entries__currency=F("currency"))
    entry = FilteredRelation("customer__ledger_entries", condition=theirs)
    return _signups(chosen, is_promo).annotate(entry=entry)


def _orders(chosen: Selection, is_promo: bool) -> QuerySet[LedgerEntry]:
    """Narrow the entries to orders that were not paid back in full."""
    back = LedgerEntry.objects.filter(order=OuterRef("entry__pk"), order__net_amount__gt=0).values("order")
    all_of_it = back.annotate(back=Sum("net_amount")).filter(back__lte=-F("order__net_amount"))
    return _entries(chosen, is_promo).filter(Q(entry__kind__in=PURCHASES) & ~Exists(all_of_it))


def _redeemed() -> Exists:
    return Exists(PromoCodeUsage.objects.filter(customer=OuterRef("customer"), status__in=SETTLED))


def _number(name: str, chosen: Selection) -> Expression:
    return month_numbers.of_time(name, chosen.period.zone)


def _since_signup(chosen: Selection) -> Expression:
    return _number("entry__occurred_at", chosen) - F("month_number")


def _covered() -> Case:
    """Return how many months an order pays for."""
    cases = [When(entry__plan=price, then=Value(months)) for price, months in unusual_lengths().items()]
    return Case(*cases, When(entry__interval="year", then=Value(12)), default=Value(1))


def unusual_lengths() -> dict[str, int]:
    """Return the months between two payments of the prices that are charged every so many intervals, by the mirror."""
    prices = Price.objects.filter(stripe_data__recurring__interval_count__gt=1)
    return {
        price: months_covered(data["recurring"]["interval"], data["recurring"]["interval_count"])
        for price, data in prices.values_list("id", "stripe_data")
    }


def months_covered(interval: str, count: int = 1) -> int:
    """Return the months that a payment for so many intervals is for, at least its own."""
    return {"year": 12 * count, "month": count}.get(interval, 1)


def _side(row: Mapping[str, Any], is_promo: bool) -> Side:
    return Side(row["currency"], row["plan"], row["interval"], row["month_number"], is_promo)
