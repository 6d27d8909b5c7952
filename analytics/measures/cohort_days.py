"""The rows of ``cohort_rows``, kept for each day on which customers began: they add up to any period's.

A kept day holds until an order of one of its customers changes, which the
ledger's own transaction notes (``HistoryChange``). Whoever reads asks first what
changed: such a day, and one that is not kept yet, is read from the ledger itself,
so a figure is never older than its question. ``cohort_making`` makes changed days anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from analytics.economics import Earnings
from analytics.measures import cohort_rows
from analytics.measures.cohort_rows import BOTH, Later, MonthEarnings, Paying, Side, Size
from analytics.models import CohortDay
from analytics.periods import Period
from analytics.selection import Selection
from promos.models import HistoryChange, LedgerEntry

#: Beyond so many changes, or separate days that are not kept, everything is read from the ledger.
NOTED_AT_MOST = 10_000
RUNS_AT_MOST = 40

#: Values of a row as they are kept: first what it is about, then what adds up.
_Row = list[Any]
_Rows = dict[str, list[_Row]]
#: How many of a row's values say what it is about, by kind of row.
_KEYS = {"sizes": 5, "earnings": 6, "paying": 7, "later_redeemers": 2}
KINDS = tuple(_KEYS)


@dataclass(frozen=True)
class Lives:
    """What ``cohort_rows`` answers for a selection; a kind that was not asked for is empty."""

    sizes: Sequence[Size] = ()
    earnings: Sequence[MonthEarnings] = ()
    paying: Sequence[Paying] = ()
    later_redeemers: Sequence[Later] = ()


def read(chosen: Selection, kinds: Iterable[str] = KINDS, sides: Iterable[bool] = BOTH) -> Lives:
    """Return the rows of these kinds for the customers who began in the period, on these sides.

    A campaign narrows the promo side, which is then read from the ledger. Three queries where all is kept.
    """
    kinds, sides = tuple(kinds), set(sides)
    found: _Rows = {kind: [] for kind in kinds}
    if chosen.campaign_id and True in sides:
        _extend(found, of_ledger(chosen, kinds, (True,)))
        sides.discard(True)
        kinds = tuple(kind for kind in kinds if kind != "later_redeemers" or sides)
    if sides:
        _extend(found, _kept_or_not(replace(chosen, campaign_id=None), kinds, tuple(sides)))
    return _lives({kind: _added(rows, _KEYS[kind]) for kind, rows in found.items()})


def _kept_or_not(chosen: Selection, kinds: Sequence[str], sides: Sequence[bool]) -> _Rows:
    # In this order: a day that is made anew between the two is at worst read from the ledger once more.
    changed = changed_days(chosen.period.zone)
    kept = _kept(chosen, kinds) if changed is not None else {}
    for day in filter(None, changed or ()):
        kept.pop(day, None)
    runs = list(_runs(day for day in chosen.period.each_day() if day not in kept))
    if len(runs) > RUNS_AT_MOST:
        return of_ledger(chosen, kinds, sides)
    found: _Rows = {kind: [] for kind in kinds}
    for rows in kept.values():
        _extend(found, _narrowed(rows, chosen, sides))
    for first, end in runs:
        period = Period(first, end, chosen.period.zone)
        _extend(found, of_ledger(replace(chosen, period=period), kinds, sides))
    return found


def _kept(chosen: Selection, kinds: Sequence[str]) -> dict[date, _Rows]:
    period = chosen.period
    days = CohortDay.objects.filter(day__gte=period.first_day, day__lt=period.end_day, rule=rule(period.zone))
    return {day: dict(zip(kinds, rows, strict=True)) for day, *rows in days.values_list("day", *kinds)}


def _narrowed(rows: _Rows, chosen: Selection, sides: Sequence[bool]) -> _Rows:
    """Leave what is of the chosen currency and plan, and on these sides."""

    def is_chosen(row: _Row, kind: str) -> bool:
        return (
            chosen.currency in ("", row[0])
            and chosen.plan in ("", row[1])
            and (kind == "later_redeemers" or row[4] in sides)
        )

    if not chosen.currency and not chosen.plan and len(sides) == len(BOTH):
        return rows
    return {kind: [row for row in found if is_chosen(row, kind)] for kind, found in rows.items()}


def of_ledger(chosen: Selection, kinds: Iterable[str] = KINDS, sides: Iterable[bool] = BOTH) -> _Rows:
    """Return the rows as they are kept, by kind, from the ledger."""
    sides = tuple(sides)
    ask = {
        "sizes": lambda: [[*astuple(row.side), row.customers] for row in cohort_rows.sizes(chosen, sides)],
        "earnings": lambda: [
            [*astuple(row.side), row.month, *astuple(row.earned)]
            for row in cohort_rows.earnings(chosen, sides)
        ],
        "paying": lambda: [
            [*astuple(row.side), row.first, row.end, row.customers]
            for row in cohort_rows.paying(chosen, sides)
        ],
        "later_redeemers": lambda: [list(astuple(row)) for row in cohort_rows.later_redeemers(chosen)],
    }
    return {kind: ask[kind]() for kind in kinds}


def _lives(rows: _Rows) -> Lives:
    return Lives(
        [Size(Side(*row[:5]), row[5]) for row in rows.get("sizes", ())],
        [MonthEarnings(Side(*row[:5]), row[5], Earnings(*row[6:])) for row in rows.get("earnings", ())],
        [Paying(Side(*row[:5]), *row[5:]) for row in rows.get("paying", ())],
        [Later(*row) for row in rows.get("later_redeemers", ())],
    )


def _added(rows: Iterable[_Row], width: int) -> list[_Row]:
    """Add up the rows that are about the same."""
    sums: dict[tuple[Any, ...], _Row] = {}
    for row in rows:
        key, values = tuple(row[:width]), row[width:]
        known = sums.get(key)
        sums[key] = [one + other for one, other in zip(known, values, strict=True)] if known else values
    return [[*key, *values] for key, values in sums.items()]


def _extend(found: _Rows, rows: _Rows) -> None:
    for kind, more in rows.items():
        found[kind].extend(more)


def _runs(days: Iterable[date]) -> Iterator[tuple[date, date]]:
    """Join days that follow each other: the first of them, and the day after the last."""
    first = end = None
    for day in days:
        if first is None or day != end:
            if first is not None and end is not None:
                yield first, end
            first = day
        end = day + timedelta(days=1)
    if first is not None and end is not None:
        yield first, end


def rule(zone: tzinfo) -> str:
    """Return what kept days follow from besides orders: whose days they are, and how long plans run."""
    return f"{zone} {sorted(cohort_rows.unusual_lengths().items())}"


def changed_days(zone: tzinfo) -> Mapping[date | None, list[int]] | None:
    """Return the changes that are not in the kept days yet, by day; None where they are too many to look at.

    Under no day are those of customers who began nothing.
    """
    noted = list(
        HistoryChange.objects.order_by("pk").values_list("pk", "customer_id", "began_at")[:NOTED_AT_MOST]
    )
    if len(noted) == NOTED_AT_MOST:
        return None
    began = _beginnings({customer_id for _, customer_id, at in noted if at is None})
    by_day: dict[date | None, list[int]] = defaultdict(list)
    for pk, customer_id, at in noted:
        moment = at or began.get(customer_id)
        by_day[moment.astimezone(zone).date() if moment else None].append(pk)
    return by_day


def _beginnings(customers: set[int]) -> dict[int | None, datetime]:
    if not customers:
        return {}
    first = cohort_rows.first_orders(LedgerEntry.objects.filter(customer__in=customers))
    return dict(first.values_list("customer_id", "occurred_at"))
