"""Reckon the kept totals anew from the redemptions and the ledger, and name those that differ.

A row of the totals that is missing stands for zeros.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from analytics import reckoning
from analytics.queries import SETTLED
from analytics.reckoning import Difference, Row, Sorted
from promos.models import (
    CodeBatch,
    CodeDayTotal,
    CodeTotal,
    CodeWeekTotal,
    LedgerEntry,
    PlanDayTotal,
    PromoCode,
    PromoCodeUsage,
)
from promos.models.totals import LedgerSums
from promos.redemptions.limits import PURCHASES

_ENTRY = (
    "currency",
    "occurred_at",
    "kind",
    "gross_amount",
    "discount_amount",
    "net_amount",
    "is_new_customer",
)
_USE = ("currency", "redeemed_at", "is_new_customer")
_Kind = LedgerEntry.Kind
_PAID_BACK = {
    _Kind.REFUND: "refunded_amount",
    _Kind.CREDIT_NOTE: "refunded_amount",
    _Kind.DISPUTE: "disputed_amount",
}

_Sums = dict[tuple[Any, ...], Counter[str]]


def codes() -> Iterator[Difference]:
    """Check the totals of codes that are in no batch."""
    return _owners(PromoCode.objects.filter(batch=None), "promo_code_id", names=("code",))


def batches() -> Iterator[Difference]:
    """Check the totals of batches, under which their codes total."""
    return _owners(CodeBatch.objects.all(), "batch_id", names=("prefix", "pattern"))


def plans() -> Iterator[Difference]:
    """Check the days of plans against all orders, with and without a code."""
    reckoned: _Sums = defaultdict(Counter)
    for entry in reckoning.stream(LedgerEntry.objects.all(), "occurred_at", *_ENTRY, "plan"):
        counts = reckoned[_day(entry["occurred_at"]), entry["plan"], entry["currency"]]
        _add_entry(counts, entry)
        counts["new_customer_orders"] += entry["kind"] in PURCHASES and entry["is_new_customer"]
        # A second code's share is of an order that is counted already.
        counts["discounted_orders"] -= entry["kind"] == _Kind.SHARE and entry["discount_amount"] > 0
    kept = PlanDayTotal.objects.values("day", "plan", "currency", "pk", *PlanDayTotal.COLUMNS)
    yield from _compare(PlanDayTotal, kept.iterator(reckoning.CHUNK), reckoned, ("day", "plan", "currency"))


def _owners(owners: QuerySet[Any], column: str, *, names: tuple[str, ...]) -> Iterator[Difference]:
    """Go through codes, or batches, in order of their ids, each with its rows."""
    path = "promo_code__batch_id" if column == "batch_id" else column
    alone = {} if column == "batch_id" else {"promo_code__batch": None}
    used = PromoCodeUsage.objects.filter(**alone)
    uses = Sorted(used.filter(status__in=SETTLED), path, *_USE)
    entries = Sorted(LedgerEntry.objects.filter(usage__in=used), f"usage__{path}", *_ENTRY)
    kept = {
        table: Sorted(table._default_manager.all(), column, "pk", *when, "currency", *table.COLUMNS)
        for table, when in _WHEN.items()
    }
    for owner in reckoning.stream(owners, "pk", *names):
        days = _days(uses.of(owner["pk"]), entries.of(owner["pk"]))
        name = "".join(owner[field] for field in names)
        for table, when in _WHEN.items():
            rows = kept[table].of(owner["pk"])
            yield from _compare(table, rows, _folded(days, table), (*when, "currency"), name)
    yield from _of_nobody(owners, column)


def _of_nobody(owners: QuerySet[Any], column: str) -> Iterator[Difference]:
    """Check that what is kept of codes, or batches, that are not there is nothing."""
    is_owned = Exists(owners.filter(pk=OuterRef(column)))
    for table, when in _WHEN.items():
        key = (column, *when, "currency")
        kept = table._default_manager.filter(~is_owned, **{f"{column}__isnull": False})
        rows = kept.values("pk", *key, *table.COLUMNS)
        yield from _compare(table, rows.iterator(reckoning.CHUNK), {}, key, "nobody's")


#: What tells the rows of a code in one table apart, besides the currency.
_WHEN: dict[type[LedgerSums], tuple[str, ...]] = {
    CodeDayTotal: ("day",),
    CodeWeekTotal: ("week",),
    CodeTotal: (),
}


def _days(uses: Iterable[Row], entries: Iterable[Row]) -> _Sums:
    found: _Sums = defaultdict(Counter)
    for use in uses:
        counts = found[_day(use["redeemed_at"]), use["currency"]]
        counts["redemptions"] += 1
        counts["new_customer_redemptions"] += use["is_new_customer"]
    for entry in entries:
        _add_entry(found[_day(entry["occurred_at"]), entry["currency"]], entry)
    return found


def _add_entry(counts: Counter[str], entry: Row) -> None:
    if entry["kind"] in _PAID_BACK:
        counts[_PAID_BACK[entry["kind"]]] -= entry["net_amount"]
    elif entry["kind"] in PURCHASES:
        counts["orders"] += 1
        counts["payments"] += entry["net_amount"] > 0
    if entry["discount_amount"] > 0:
        counts["discounted_orders"] += 1
        counts["discounted_gross_amount"] += entry["gross_amount"]
    for amount in ("gross_amount", "discount_amount", "net_amount"):
        counts[amount] += entry[amount]


def _folded(days: _Sums, table: type[LedgerSums]) -> _Sums:
    """Return the sums of days as a table keeps them: by day, by week or over all time."""
    found: _Sums = defaultdict(Counter)
    for (day, currency), counts in days.items():
        when: dict[type[LedgerSums], tuple[date, ...]] = {
            CodeDayTotal: (day,),
            CodeWeekTotal: (day - timedelta(days=day.weekday()),),
        }
        sums = found[(*when.get(table, ()), currency)]
        for name, count in counts.items():
            sums[name] += count
    return found


def _compare(
    table: type[LedgerSums], kept: Iterable[Row], reckoned: _Sums, key: tuple[str, ...], *names: str
) -> Iterator[Difference]:
    rows: dict[tuple[Any, ...], Mapping[str, Any]] = {tuple(row[name] for name in key): row for row in kept}
    for which in sorted(rows.keys() | reckoned.keys()):
        sums = reckoned.get(which, Counter())
        row = rows.get(which, {"pk": 0, **dict.fromkeys(table.COLUMNS, 0)})
        name = " ".join(str(part) for part in (*names, *which) if part)
        right = {column: sums[column] for column in table.COLUMNS}
        yield from reckoning.compare(table._meta.db_table, row["pk"], name, row, right)


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()
