"""The kept totals worked out anew from the rows they sum up, while everything goes on recording.

A step takes some whole weeks in one transaction: it keeps writers of totals out,
reads the rows and writes the sums. Exact at every moment: who records writes rows
and totals in one transaction, and totals last. So whoever had written totals has
committed when the step begins to read, and whoever comes later adds to what the
step leaves. Stopped in between, some weeks are new and the others as they were.

Raw SQL, since the ORM has no INSERT … SELECT; it reads the ledger once, on PostgreSQL
over several connections, for that is what a step's time goes to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db import connection, transaction
from django.db.models import Max, Min

from promos.models import (
    CodeDayTotal,
    CodeTotal,
    CodeWeekTotal,
    LedgerEntry,
    PlanDayTotal,
    PromoCodeUsage,
)
from promos.models.totals import LedgerSums

#: In the order in which recording locks them (promos.redemptions.totals).
_TABLES: tuple[type[LedgerSums], ...] = (CodeTotal, CodeWeekTotal, CodeDayTotal, PlanDayTotal)
#: How many connections read on PostgreSQL; SQLite's one reads by itself.
_READERS = 4

# By few and cheap columns, for this is done for every row; the sums of totals are made of them afterwards.
_MOVED = """
SELECT
    CASE WHEN codes.batch_id IS NULL THEN codes.id END AS promo_code_id,
    codes.batch_id,
    entries.plan,
    {occurred} AS at,
    entries.currency,
    entries.kind,
    COUNT(*) AS entries,
    COUNT(*) FILTER (WHERE entries.net_amount > 0) AS paid,
    COUNT(*) FILTER (WHERE entries.is_new_customer) AS of_new_customers,
    COUNT(*) FILTER (WHERE entries.discount_amount > 0) AS discounted_orders,
    CAST(SUM(CASE WHEN entries.discount_amount > 0 THEN entries.gross_amount ELSE 0 END) AS bigint)
        AS discounted_gross_amount,
    CAST(SUM(entries.gross_amount) AS bigint) AS gross_amount,
    CAST(SUM(entries.discount_amount) AS bigint) AS discount_amount,
    CAST(SUM(entries.net_amount) AS bigint) AS net_amount
FROM promos_ledgerentry AS entries
LEFT JOIN promo_code_usage AS usages ON usages.id = entries.usage_id
LEFT JOIN promo_codes AS codes ON codes.id = usages.promo_code_id
WHERE entries.occurred_at >= %s AND entries.occurred_at < %s
GROUP BY 1, 2, 3, 4, 5, 6
UNION ALL
SELECT
    CASE WHEN codes.batch_id IS NULL THEN codes.id END,
    codes.batch_id,
    NULL,
    {redeemed},
    usages.currency,
    'use',
    COUNT(*),
    0,
    COUNT(*) FILTER (WHERE usages.is_new_customer),
    0, 0, 0, 0, 0
FROM promo_code_usage AS usages
JOIN promo_codes AS codes ON codes.id = usages.promo_code_id
WHERE usages.status IN ('settled', 'refunded') AND usages.redeemed_at >= %s AND usages.redeemed_at < %s
GROUP BY 1, 2, 4, 5
"""
# The planner takes nearly every row for a group of its own and would sort them all: twice the time.
_HASHING = "SET enable_sort = off; SET work_mem = '128MB'"
_ORDERS = "kind IN ('checkout', 'invoice')"
#: What is not the sum of the column of its name.
_SUMS = {
    "orders": f"SUM(CASE WHEN {_ORDERS} THEN entries ELSE 0 END)",
    "payments": f"SUM(CASE WHEN {_ORDERS} THEN paid ELSE 0 END)",
    "new_customer_orders": f"SUM(CASE WHEN {_ORDERS} THEN of_new_customers ELSE 0 END)",
    "refunded_amount": "-SUM(CASE WHEN kind IN ('refund', 'credit_note') THEN net_amount ELSE 0 END)",
    "disputed_amount": "-SUM(CASE WHEN kind = 'dispute' THEN net_amount ELSE 0 END)",
    "redemptions": "SUM(CASE WHEN kind = 'use' THEN entries ELSE 0 END)",
    "new_customer_redemptions": "SUM(CASE WHEN kind = 'use' THEN of_new_customers ELSE 0 END)",
}


@dataclass(frozen=True)
class _Dialect:
    """A time's day, cheap to group by; that as a date; its week's Monday."""

    binned: str
    day: str
    monday: str


_DIALECTS = {
    "postgresql": _Dialect(
        "date_bin('1 day', {at}, '2001-01-01 00:00+00')",
        "(at AT TIME ZONE 'UTC')::date",
        "date_trunc('week', at AT TIME ZONE 'UTC')::date",
    ),
    "sqlite": _Dialect("date({at})", "at", "date(at, 'weekday 0', '-6 days')"),
}


@dataclass(frozen=True)
class Weeks:
    """Whole weeks, from one Monday up to and without another."""

    first: date
    end: date

    @classmethod
    def around(cls, first: date, last: date) -> Weeks:
        """Return the weeks in which two days and those between them lie."""
        return cls(_monday(first), _monday(last) + timedelta(weeks=1))

    def steps(self, weeks: int) -> Iterable[Weeks]:
        first = self.first
        while first < self.end:
            end = min(first + timedelta(weeks=weeks), self.end)
            yield Weeks(first, end)
            first = end


def all_weeks() -> Weeks | None:
    """Return the weeks that have anything to sum up, or any total; None when there is neither."""
    ends = [
        day
        for model, field in (
            (LedgerEntry, "occurred_at"),
            (PromoCodeUsage, "redeemed_at"),
            (CodeWeekTotal, "week"),
            (CodeDayTotal, "day"),
            (PlanDayTotal, "day"),
        )
        for day in model._default_manager.aggregate(Min(field), Max(field)).values()
        if day
    ]
    days = [end.astimezone(UTC).date() if isinstance(end, datetime) else end for end in ends]
    return Weeks.around(min(days), max(days)) if days else None


def run(weeks: Weeks | None, *, at_once: int, watch: Callable[[Weeks], object]) -> None:
    """Rebuild the totals of some weeks, so many at once, and then those over all time; tells ``watch`` each step."""
    for step in weeks.steps(at_once) if weeks else ():
        _rebuild(step)
        watch(step)
    _sum_up()


# Durable: what the caller had not committed the readers would not see.
@transaction.atomic(durable=True)
def _rebuild(weeks: Weeks) -> None:
    _keep_writers_out()
    _take_stock(weeks)
    PlanDayTotal.objects.filter(day__gte=weeks.first, day__lt=weeks.end).delete()
    CodeDayTotal.objects.filter(day__gte=weeks.first, day__lt=weeks.end).delete()
    CodeWeekTotal.objects.filter(week__gte=weeks.first, week__lt=weeks.end).delete()
    dialect, has_code = _DIALECTS[connection.vendor], "promo_code_id IS NOT NULL OR batch_id IS NOT NULL"
    _fill(PlanDayTotal, {"day": dialect.day, "plan": "plan"}, "promos_moved WHERE plan IS NOT NULL", _SUMS)
    _fill(CodeDayTotal, {**_CODE, "day": dialect.day}, f"promos_moved WHERE {has_code}", _SUMS)
    _fill(CodeWeekTotal, {**_CODE, "week": dialect.monday}, f"promos_moved WHERE {has_code}", _SUMS)
    _execute("DROP TABLE promos_moved")


@transaction.atomic(durable=True)
def _sum_up() -> None:
    _keep_writers_out()
    CodeTotal.objects.all().delete()
    _fill(CodeTotal, _CODE, CodeWeekTotal._meta.db_table, {})


def _keep_writers_out() -> None:
    """Wait for transactions that have written totals, and let nobody write them until the end of this one.

    SQLite has let nobody write since this one began.
    """
    if connection.vendor == "postgresql":
        for table in _TABLES:
            _execute(f"LOCK TABLE {table._meta.db_table} IN EXCLUSIVE MODE")


def _take_stock(weeks: Weeks) -> None:
    """Sum up the rows of some weeks into a table of this transaction, by code, plan, day, currency and kind."""
    if connection.vendor != "postgresql":
        _execute(f"CREATE TEMPORARY TABLE promos_moved AS {_moved()}", _ends(weeks))
        return
    _execute(f"CREATE TEMPORARY TABLE promos_moved AS {_moved()} WITH NO DATA", _ends(weeks))
    count = max((weeks.end - weeks.first).days // 7 // _READERS, 1)
    with ThreadPoolExecutor(_READERS) as readers, connection.cursor() as cursor:
        # Read by others at once: all see the same, for what writers had to commit they have, and no more can come.
        parts = readers.map(_read, weeks.steps(count))
        with cursor.copy("COPY promos_moved FROM STDIN") as copy:
            for part in parts:
                copy.write(part)


def _read(weeks: Weeks) -> bytes:
    """Return the sums of some weeks as COPY writes them, read on a connection of this thread."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(_HASHING)
            with cursor.copy(f"COPY ({_moved()}) TO STDOUT", _ends(weeks)) as copy:
                return b"".join(copy)
    finally:
        connection.close()


def _moved() -> str:
    binned = _DIALECTS[connection.vendor].binned
    return _MOVED.format(
        occurred=binned.format(at="entries.occurred_at"), redeemed=binned.format(at="usages.redeemed_at")
    )


def _ends(weeks: Weeks) -> list[str | None]:
    ends = [connection.ops.adapt_datetimefield_value(_midnight(end)) for end in (weeks.first, weeks.end)]
    return [*ends, *ends]


_CODE = {"promo_code_id": "promo_code_id", "batch_id": "batch_id"}


def _fill(table: type[LedgerSums], key: Mapping[str, str], source: str, sums: Mapping[str, str]) -> None:
    """Sum rows up into a table, whose key is made as told: column → expression."""
    keys = [*key.values(), "currency"]
    columns = ", ".join([*key, "currency", *table.COLUMNS])
    made = ", ".join([*keys, *(sums.get(column, f"SUM({column})") for column in table.COLUMNS)])
    _execute(
        f"INSERT INTO {table._meta.db_table} ({columns}) "  # noqa: S608 - our names
        f"SELECT {made} FROM {source} GROUP BY {', '.join(keys)}"
    )


def _execute(sql: str, params: Sequence[str | None] | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)
