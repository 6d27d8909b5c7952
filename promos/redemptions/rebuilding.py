"""The kept totals worked out anew from the rows they sum up, while everything goes on recording.

A total is never set, but moved by what it is wrong by. Recording writes rows and
totals in one transaction, and to totals it only adds: so in any snapshot of the
database the two differ by just what is wrong, and by as much still once others have
recorded more. One statement, hence one snapshot, finds the differences; they are
then added to the totals as they are by that time. Nobody waits for the reading
(but on SQLite, which has one writer), and for what is added only who records for the
very same code, or plan and day. Two rebuilding at once would both add the same, so
one waits for the other.

Days are corrected by their rows, then weeks by their days, then what a code did over
all time by its weeks. Stopped in between, some are right and the others as they were.

Raw SQL, since the ORM has no INSERT … SELECT.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
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
from promos.models.totals import CodeSums, LedgerSums
from promos.redemptions import totals

# Three sums that PostgreSQL works out at the same time, each in a process of its own. What is done for every row
# is kept to few and cheap columns, of which sums of totals are made afterwards: a column to group by costs more
# than a filtered sum, and sums are turned back from numeric into whole numbers. The types must agree for that.
_MOVED = """
SELECT
    CAST(NULL AS bigint) AS promo_code_id,
    CAST(NULL AS bigint) AS batch_id,
    entries.plan,
    {occurred} AS at,
    entries.currency,
    entries.kind,
    COUNT(*) AS entries,
    COUNT(*) FILTER (WHERE entries.is_new_customer) AS of_new_customers,
    COUNT(*) FILTER (WHERE entries.net_amount > 0) AS paid,
    COUNT(*) FILTER (WHERE entries.discount_amount > 0) AS discounted,
    CAST(SUM(entries.gross_amount) FILTER (WHERE entries.discount_amount > 0) AS bigint)
        AS discounted_gross_amount,
    CAST(SUM(entries.gross_amount) AS bigint) AS gross_amount,
    CAST(SUM(entries.discount_amount) AS bigint) AS discount_amount,
    CAST(SUM(entries.net_amount) AS bigint) AS net_amount
FROM promos_ledgerentry AS entries
WHERE entries.occurred_at >= %s AND entries.occurred_at < %s
GROUP BY 3, 4, 5, 6
UNION ALL
SELECT
    CASE WHEN codes.batch_id IS NULL THEN codes.id END,
    codes.batch_id,
    CAST(NULL AS varchar),
    {occurred},
    entries.currency,
    entries.kind,
    COUNT(*),
    CAST(0 AS bigint),
    COUNT(*) FILTER (WHERE entries.net_amount > 0),
    COUNT(*) FILTER (WHERE entries.discount_amount > 0),
    CAST(SUM(entries.gross_amount) FILTER (WHERE entries.discount_amount > 0) AS bigint),
    CAST(SUM(entries.gross_amount) AS bigint),
    CAST(SUM(entries.discount_amount) AS bigint),
    CAST(SUM(entries.net_amount) AS bigint)
FROM promos_ledgerentry AS entries
JOIN promo_code_usage AS usages ON usages.id = entries.usage_id
JOIN promo_codes AS codes ON codes.id = usages.promo_code_id
WHERE entries.occurred_at >= %s AND entries.occurred_at < %s
GROUP BY 1, 2, 4, 5, 6
UNION ALL
SELECT
    CASE WHEN codes.batch_id IS NULL THEN codes.id END,
    codes.batch_id,
    CAST(NULL AS varchar),
    {redeemed},
    usages.currency,
    CAST('use' AS varchar),
    COUNT(*),
    COUNT(*) FILTER (WHERE usages.is_new_customer),
    CAST(0 AS bigint),
    CAST(0 AS bigint),
    CAST(0 AS bigint),
    CAST(0 AS bigint),
    CAST(0 AS bigint),
    CAST(0 AS bigint)
FROM promo_code_usage AS usages
JOIN promo_codes AS codes ON codes.id = usages.promo_code_id
WHERE usages.status IN ('settled', 'refunded') AND usages.redeemed_at >= %s AND usages.redeemed_at < %s
GROUP BY 1, 2, 4, 5
"""
# The planner takes nearly every row for a group of its own and would sort them all: twice the time.
_HASHING = "SET LOCAL enable_sort = off; SET LOCAL work_mem = '128MB'"
# Each process would compile the statement for itself, which takes as long as a few million rows.
_INTERPRETING = "SET LOCAL jit = off"
_IS_ORDER = "kind IN ('checkout', 'invoice')"
#: What a row that moved adds to each sum.
_ADDED = {
    "orders": f"CASE WHEN {_IS_ORDER} THEN entries ELSE 0 END",
    "payments": f"CASE WHEN {_IS_ORDER} THEN paid ELSE 0 END",
    "new_customer_orders": f"CASE WHEN {_IS_ORDER} THEN of_new_customers ELSE 0 END",
    "discounted_orders": "discounted",
    "discounted_gross_amount": "COALESCE(discounted_gross_amount, 0)",
    "gross_amount": "gross_amount",
    "discount_amount": "discount_amount",
    "refunded_amount": "CASE WHEN kind IN ('refund', 'credit_note') THEN -net_amount ELSE 0 END",
    "disputed_amount": "CASE WHEN kind = 'dispute' THEN -net_amount ELSE 0 END",
    "net_amount": "net_amount",
    "redemptions": "CASE WHEN kind = 'use' THEN entries ELSE 0 END",
    "new_customer_redemptions": "CASE WHEN kind = 'use' THEN of_new_customers ELSE 0 END",
}
#: What codes are told by: rows of a batch's codes by the batch. In the order of recording.
_OWNERS = ("batch_id", "promo_code_id")


@dataclass(frozen=True)
class _Dialect:
    """A time's day, cheap to group by; that as a date; a day's Monday; the order of bytes, in which rows are locked.

    ``weeks_at_once``: what a step takes. Where everybody waits for it, four weeks.
    """

    binned: str
    day: str
    monday: str
    by_bytes: str
    weeks_at_once: int


_DIALECTS = {
    "postgresql": _Dialect(
        "date_bin('1 day', {at}, '2001-01-01 00:00+00')",
        "(at AT TIME ZONE 'UTC')::date",
        "date_trunc('week', day::timestamp)::date",
        'COLLATE "C"',
        520,
    ),
    "sqlite": _Dialect("date({at})", "at", "date(day, 'weekday 0', '-6 days')", "COLLATE BINARY", 4),
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


def run(weeks: Weeks | None, *, watch: Callable[[Weeks], object], at_once: int | None = None) -> None:
    """Correct the days of some weeks, so many at once, and then weeks and all time; tells ``watch`` each step."""
    at_once = at_once or _DIALECTS[connection.vendor].weeks_at_once
    for step in weeks.steps(at_once) if weeks else ():
        _correct_days(step)
        watch(step)
    if weeks:
        _correct_weeks(weeks)
    _correct_all_time()


@contextmanager
def _alone() -> Iterator[None]:
    """Open a transaction beside which nobody else corrects totals; what it reads, it reads from then on."""
    with transaction.atomic(durable=True):
        totals.keep_correctors_out()
        if connection.vendor == "postgresql":
            _execute(f"{_HASHING}; {_INTERPRETING}")
        yield


def _correct_days(weeks: Weeks) -> None:
    with _alone():
        _execute(
            f"CREATE TEMPORARY TABLE promos_wrong AS {_wrong_days()}", _times(weeks) * 3 + _days(weeks) * 2
        )
        _correct_codes(CodeDayTotal, ("day",), "promos_wrong")
        _correct(PlanDayTotal, ("day", "plan", "currency"), "promos_wrong WHERE plan IS NOT NULL")
        _execute("DROP TABLE promos_wrong")


def _wrong_days() -> str:
    """Return what the rows of some weeks add to the sums of days, and with it, taken away, what is kept of that."""
    dialect = _DIALECTS[connection.vendor]
    moved = _MOVED.format(
        occurred=dialect.binned.format(at="entries.occurred_at"),
        redeemed=dialect.binned.format(at="usages.redeemed_at"),
    )
    added = ", ".join(f"{sql} AS {name}" for name, sql in _ADDED.items())
    return (
        f"SELECT promo_code_id, batch_id, plan, {dialect.day} AS day, currency, {added} FROM ({moved}) AS moved "  # noqa: S608 - our names
        f"UNION ALL SELECT promo_code_id, batch_id, NULL, day, currency, {_taken_away(CodeDayTotal, _ADDED)} "
        f"FROM {CodeDayTotal._meta.db_table} WHERE day >= %s AND day < %s "
        f"UNION ALL SELECT NULL, NULL, plan, day, currency, {_taken_away(PlanDayTotal, _ADDED)} "
        f"FROM {PlanDayTotal._meta.db_table} WHERE day >= %s AND day < %s"
    )


def _correct_weeks(weeks: Weeks) -> None:
    monday = _DIALECTS[connection.vendor].monday
    wrong = (
        f"SELECT promo_code_id, batch_id, {monday} AS week, currency, {', '.join(CodeSums.COLUMNS)} "  # noqa: S608 - our names
        f"FROM {CodeDayTotal._meta.db_table} WHERE day >= %s AND day < %s "
        f"UNION ALL SELECT promo_code_id, batch_id, week, currency, {_taken_away(CodeWeekTotal, CodeSums.COLUMNS)} "
        f"FROM {CodeWeekTotal._meta.db_table} WHERE week >= %s AND week < %s"
    )
    with _alone():
        _correct_codes(CodeWeekTotal, ("week",), f"({wrong}) AS wrong", _days(weeks) * 2)


def _correct_all_time() -> None:
    wrong = (
        f"SELECT promo_code_id, batch_id, currency, {', '.join(CodeSums.COLUMNS)} "  # noqa: S608 - our names
        f"FROM {CodeWeekTotal._meta.db_table} "
        f"UNION ALL SELECT promo_code_id, batch_id, currency, {_taken_away(CodeTotal, CodeSums.COLUMNS)} "
        f"FROM {CodeTotal._meta.db_table}"
    )
    with _alone():
        _correct_codes(CodeTotal, (), f"({wrong}) AS wrong")


def _correct_codes(
    table: type[CodeSums], when: tuple[str, ...], source: str, params: Sequence[str | None] = ()
) -> None:
    for owner in _OWNERS:
        _correct(table, (owner, *when, "currency"), f"{source} WHERE {owner} IS NOT NULL", params)


def _correct(
    table: type[LedgerSums], names: tuple[str, ...], source: str, params: Sequence[str | None] = ()
) -> None:
    """Add what a source sums up to under each key, where that is anything, in the order in which recording locks."""
    by_bytes = _DIALECTS[connection.vendor].by_bytes
    key, columns = ", ".join(names), table.COLUMNS
    rows = (
        f"SELECT {key}, {', '.join(f'SUM({column})' for column in columns)} FROM {source} GROUP BY {key} "  # noqa: S608 - our names
        f"HAVING {' OR '.join(f'SUM({column}) <> 0' for column in columns)} "
        f"ORDER BY {', '.join(f'{name} {by_bytes}' if name == 'plan' else name for name in names)}"
    )
    _execute(totals.adding(table, names, rows), params)


def _taken_away(table: type[LedgerSums], columns: Iterable[str]) -> str:
    return ", ".join(f"-{column}" if column in table.COLUMNS else "0" for column in columns)


def _times(weeks: Weeks) -> list[str | None]:
    return [connection.ops.adapt_datetimefield_value(_midnight(end)) for end in (weeks.first, weeks.end)]


def _days(weeks: Weeks) -> list[str | None]:
    return [connection.ops.adapt_datefield_value(end) for end in (weeks.first, weeks.end)]


def _execute(sql: str, params: Sequence[str | None] = ()) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params or None)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)
