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

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from django.db import connection, transaction
from django.db.models import Max, Min

from promos.breaks import Breaks
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

# What is done for every row is kept to few and cheap columns, of which sums of totals are made afterwards: a column
# to group by costs more than a filtered sum, and sums are turned back from numeric into whole numbers.
_SUMS = """
    COUNT(*) AS entries,
    COUNT(*) FILTER (WHERE entries.net_amount > 0) AS paid,
    COUNT(*) FILTER (WHERE entries.discount_amount > 0) AS discounted,
    CAST(SUM(entries.gross_amount) FILTER (WHERE entries.discount_amount > 0) AS bigint)
        AS discounted_gross_amount,
    CAST(SUM(entries.gross_amount) AS bigint) AS gross_amount,
    CAST(SUM(entries.discount_amount) AS bigint) AS discount_amount,
    CAST(SUM(entries.net_amount) AS bigint) AS net_amount
"""
_OF_PLANS = f"""
SELECT
    CAST(NULL AS bigint) AS owner,
    entries.plan,
    {{day}} AS at,
    entries.currency,
    entries.kind,
    COUNT(*) FILTER (WHERE entries.is_new_customer) AS of_new_customers,
    {_SUMS}
FROM promos_ledgerentry AS entries
WHERE {{when}}
GROUP BY 2, 3, 4, 5
"""  # noqa: S608 - our text
_OF_CODES = f"""
SELECT
    COALESCE(-codes.batch_id, codes.id) AS owner,
    CAST(NULL AS varchar) AS plan,
    {{day}} AS at,
    entries.currency,
    entries.kind,
    {_SUMS}
FROM promos_ledgerentry AS entries
JOIN promo_code_usage AS usages ON usages.id = entries.usage_id
JOIN promo_codes AS codes ON codes.id = usages.promo_code_id
WHERE {{when}}
GROUP BY 1, 3, 4, 5
"""  # noqa: S608 - our text
_REDEMPTIONS = """
SELECT
    COALESCE(-codes.batch_id, codes.id) AS owner,
    CAST(NULL AS varchar) AS plan,
    {day} AS at,
    usages.currency,
    COUNT(*) AS redemptions,
    COUNT(*) FILTER (WHERE usages.is_new_customer) AS new_customer_redemptions
FROM promo_code_usage AS usages
JOIN promo_codes AS codes ON codes.id = usages.promo_code_id
WHERE usages.status IN ('settled', 'refunded') AND {when}
GROUP BY 1, 3, 4
"""
# The planner takes nearly every row for a group of its own and would sort them all: twice the time.
_HASHING = "SET LOCAL enable_sort = off; SET LOCAL work_mem = '128MB'"
# Each process compiles the statement for itself; what makes it faster still takes as long as some million rows.
_COMPILING = "SET LOCAL jit_inline_above_cost = -1; SET LOCAL jit_optimize_above_cost = -1"
_IS_ORDER = "kind IN ('checkout', 'invoice')"
#: What a row that moved adds to each sum.
_ADDED = {
    "orders": f"CASE WHEN {_IS_ORDER} THEN entries ELSE 0 END",
    "payments": f"CASE WHEN {_IS_ORDER} THEN paid ELSE 0 END",
    "new_customer_orders": f"CASE WHEN {_IS_ORDER} THEN of_new_customers ELSE 0 END",
    # For its plan, a second code's share is of an order that is counted already.
    "discounted_orders": "CASE WHEN kind = 'share' AND plan IS NOT NULL THEN 0 ELSE discounted END",
    "discounted_gross_amount": "COALESCE(discounted_gross_amount, 0)",
    "gross_amount": "gross_amount",
    "discount_amount": "discount_amount",
    "refunded_amount": "CASE WHEN kind IN ('refund', 'credit_note') THEN -net_amount ELSE 0 END",
    "disputed_amount": "CASE WHEN kind = 'dispute' THEN -net_amount ELSE 0 END",
    "net_amount": "net_amount",
    "redemptions": "redemptions",
    "new_customer_redemptions": "new_customer_redemptions",
}
#: Owners are codes, by their id, and batches, by theirs counted negatively: one column to group by.
_OWNER = "COALESCE(-batch_id, promo_code_id)"
#: Both kinds as (column, id, which owners), in the order of recording.
_OWNERS = (("batch_id", "-owner", "owner < 0"), ("promo_code_id", "owner", "owner > 0"))


@dataclass(frozen=True)
class _SumsOfDays:
    """Rows, the column that tells when they happened, and the totals that keep what they sum up to."""

    rows: str
    at: str
    table: type[LedgerSums]
    owner_and_plan: str
    columns: tuple[str, ...]


_SUMS_OF_DAYS = (
    _SumsOfDays(_OF_PLANS, "entries.occurred_at", PlanDayTotal, "NULL, plan", PlanDayTotal.COLUMNS),
    _SumsOfDays(_OF_CODES, "entries.occurred_at", CodeDayTotal, f"{_OWNER}, NULL", LedgerSums.COLUMNS),
    _SumsOfDays(_REDEMPTIONS, "usages.redeemed_at", CodeDayTotal, f"{_OWNER}, NULL", CodeSums.OF_REDEMPTIONS),
)


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
    #: Nothing lies outside of them, so rows need not be asked when they happened.
    are_all: bool = False

    @classmethod
    def around(cls, first: date, last: date) -> Weeks:
        """Return the weeks in which two days and those between them lie."""
        return cls(_monday(first), _monday(last) + timedelta(weeks=1))

    def steps(self, weeks: int) -> Iterable[Weeks]:
        if self.end - self.first <= timedelta(weeks=weeks):
            yield self
            return
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
    return replace(Weeks.around(min(days), max(days)), are_all=True) if days else None


def run(weeks: Weeks | None, *, watch: Callable[[Weeks], object], at_once: int | None = None) -> None:
    """Correct the days of some weeks, so many at once, and then weeks and all time; tells ``watch`` each step."""
    at_once = at_once or _DIALECTS[connection.vendor].weeks_at_once
    breaks = Breaks()
    for step in weeks.steps(at_once) if weeks else ():
        _correct_days(step)
        breaks.take()
        watch(step)
    if weeks:
        _correct_weeks(weeks)
    _correct_all_time()


@contextmanager
def _found(wrong: str) -> Iterator[None]:
    """Open a transaction beside which nobody else corrects totals, with what is wrong in a table of its own."""
    with transaction.atomic(durable=True):
        totals.keep_correctors_out()
        if connection.vendor == "postgresql":
            _execute(f"{_HASHING}; {_COMPILING}")
        _execute(f"CREATE TEMPORARY TABLE promos_wrong AS {wrong}")
        yield
        _execute("DROP TABLE promos_wrong")


def _correct_days(weeks: Weeks) -> None:
    with _found(_wrong_days(weeks)):
        _correct_codes(CodeDayTotal, "day")
        _correct(PlanDayTotal, ("day", "plan", "currency"), "day, plan, currency", "plan IS NOT NULL")


def _wrong_days(weeks: Weeks) -> str:
    """Return the SQL of what is wrong in the days of some weeks, which PostgreSQL finds in three processes."""
    return " UNION ALL ".join(_wrong_sums(sums, weeks) for sums in _SUMS_OF_DAYS)


def _wrong_sums(sums: _SumsOfDays, weeks: Weeks) -> str:
    dialect = _DIALECTS[connection.vendor]
    rows = sums.rows.format(day=dialect.binned.format(at=sums.at), when=_times_in(weeks, sums.at))
    return _wrong(
        ("owner", "plan", "day", "currency"),
        f"SELECT owner, plan, {dialect.day} AS day, currency, {_added(sums.columns)} FROM ({rows}) AS moved",  # noqa: S608 - our names
        f"SELECT {sums.owner_and_plan}, day, currency, {_taken_away(sums.columns)} "  # noqa: S608 - our names
        f"FROM {sums.table._meta.db_table} WHERE {_dates_in(weeks, 'day')}",
        sums.columns,
    )


def _correct_weeks(weeks: Weeks) -> None:
    monday = _DIALECTS[connection.vendor].monday
    columns = ", ".join(CodeSums.COLUMNS)
    wrong = _wrong(
        ("owner", "week", "currency"),
        f"SELECT {_OWNER} AS owner, {monday} AS week, currency, {columns} "  # noqa: S608 - our names
        f"FROM {CodeDayTotal._meta.db_table} WHERE {_dates_in(weeks, 'day')}",
        f"SELECT {_OWNER}, week, currency, {_taken_away(CodeSums.COLUMNS)} "  # noqa: S608 - our names
        f"FROM {CodeWeekTotal._meta.db_table} WHERE {_dates_in(weeks, 'week')}",
        CodeSums.COLUMNS,
    )
    with _found(wrong):
        _correct_codes(CodeWeekTotal, "week")


def _correct_all_time() -> None:
    wrong = _wrong(
        ("owner", "currency"),
        f"SELECT {_OWNER} AS owner, currency, {', '.join(CodeSums.COLUMNS)} FROM {CodeWeekTotal._meta.db_table}",  # noqa: S608 - our names
        f"SELECT {_OWNER}, currency, {_taken_away(CodeSums.COLUMNS)} FROM {CodeTotal._meta.db_table}",  # noqa: S608 - our names
        CodeSums.COLUMNS,
    )
    with _found(wrong):
        _correct_codes(CodeTotal)


def _wrong(key: tuple[str, ...], rows: str, kept: str, columns: tuple[str, ...]) -> str:
    """Return the SQL of what rows and, negatively, what is kept of them sum up to, where that is anything."""
    sums = (f"CAST({f'SUM({name})' if name in columns else 'NULL'} AS bigint) AS {name}" for name in _ADDED)
    return (
        f"SELECT {', '.join((*key, *sums))} FROM ({rows} UNION ALL {kept}) AS added GROUP BY {', '.join(key)} "  # noqa: S608 - our names
        f"HAVING {' OR '.join(f'SUM({column}) <> 0' for column in columns)}"
    )


def _correct_codes(table: type[CodeSums], *when: str) -> None:
    for column, owner, condition in _OWNERS:
        rest = (*when, "currency")
        _correct(table, (column, *rest), ", ".join((f"{owner} AS {column}", *rest)), condition)


def _correct(table: type[LedgerSums], names: tuple[str, ...], key: str, condition: str) -> None:
    """Add what was found wrong to a table's totals, in the order in which recording locks them."""
    by_bytes = _DIALECTS[connection.vendor].by_bytes
    # Each sum was made once, of entries or of redemptions; the greatest costs half of what summing up again would.
    sums = ", ".join(f"COALESCE(MAX({column}), 0)" for column in table.COLUMNS)
    rows = (
        f"SELECT {key}, {sums} FROM promos_wrong "  # noqa: S608 - our names
        f"WHERE {condition} GROUP BY {', '.join(names)} "
        f"ORDER BY {', '.join(f'{name} {by_bytes}' if name == 'plan' else name for name in names)}"
    )
    _execute(totals.adding(table, names, rows))


def _added(columns: Iterable[str]) -> str:
    return ", ".join(f"{_ADDED[column]} AS {column}" for column in columns)


def _taken_away(columns: Iterable[str]) -> str:
    return ", ".join(f"-{column}" for column in columns)


def _dates_in(weeks: Weeks, column: str) -> str:
    return _from_to(weeks, column, connection.ops.adapt_datefield_value)


def _times_in(weeks: Weeks, column: str) -> str:
    return _from_to(weeks, column, lambda day: connection.ops.adapt_datetimefield_value(_midnight(day)))


def _from_to(weeks: Weeks, column: str, adapt: Callable[[date], object]) -> str:
    return (
        "TRUE" if weeks.are_all else f"{column} >= '{adapt(weeks.first)}' AND {column} < '{adapt(weeks.end)}'"
    )


def _execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)
