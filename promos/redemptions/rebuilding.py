"""The kept totals worked out anew from the rows they sum up, while everything goes on recording.

A step takes some whole weeks in one transaction: it keeps writers of totals out,
reads the rows and writes the sums. Exact at every moment: who records writes rows
and totals in one transaction, and totals last. So whoever had written totals has
committed when the step begins to read, and whoever comes later adds to what the
step leaves. Stopped in between, some weeks are new and the others as they were.

Raw SQL, since the ORM has no INSERT … SELECT; it reads the ledger once, which is
what a step's time goes to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
_DAY = {"postgresql": "({at} AT TIME ZONE 'UTC')::date", "sqlite": "date({at})"}
_MONDAY = {"postgresql": "date_trunc('week', day)::date", "sqlite": "date(day, 'weekday 0', '-6 days')"}

_MOVED = """
CREATE TEMPORARY TABLE promos_moved AS
SELECT
    CASE WHEN codes.batch_id IS NULL THEN codes.id END AS promo_code_id,
    codes.batch_id,
    entries.plan,
    {occurred} AS day,
    entries.currency,
    COUNT(*) FILTER (WHERE kind IN ('checkout', 'invoice')) AS orders,
    COUNT(*) FILTER (WHERE kind IN ('checkout', 'invoice') AND entries.net_amount > 0) AS payments,
    COUNT(*) FILTER (WHERE kind IN ('checkout', 'invoice') AND entries.is_new_customer) AS new_customer_orders,
    COUNT(*) FILTER (WHERE entries.discount_amount > 0) AS discounted_orders,
    SUM(CASE WHEN entries.discount_amount > 0 THEN entries.gross_amount ELSE 0 END) AS discounted_gross_amount,
    SUM(entries.gross_amount) AS gross_amount,
    SUM(entries.discount_amount) AS discount_amount,
    -SUM(CASE WHEN kind IN ('refund', 'credit_note') THEN entries.net_amount ELSE 0 END) AS refunded_amount,
    -SUM(CASE WHEN kind = 'dispute' THEN entries.net_amount ELSE 0 END) AS disputed_amount,
    SUM(entries.net_amount) AS net_amount,
    0 AS redemptions,
    0 AS new_customer_redemptions
FROM promos_ledgerentry AS entries
LEFT JOIN promo_code_usage AS usages ON usages.id = entries.usage_id
LEFT JOIN promo_codes AS codes ON codes.id = usages.promo_code_id
WHERE entries.occurred_at >= %s AND entries.occurred_at < %s
GROUP BY 1, 2, 3, 4, 5
UNION ALL
SELECT
    CASE WHEN codes.batch_id IS NULL THEN codes.id END,
    codes.batch_id,
    NULL,
    {redeemed},
    usages.currency,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    COUNT(*),
    COUNT(*) FILTER (WHERE usages.is_new_customer)
FROM promo_code_usage AS usages
JOIN promo_codes AS codes ON codes.id = usages.promo_code_id
WHERE usages.status IN ('settled', 'refunded') AND usages.redeemed_at >= %s AND usages.redeemed_at < %s
GROUP BY 1, 2, 4, 5
"""


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


@transaction.atomic
def _rebuild(weeks: Weeks) -> None:
    _keep_writers_out()
    _take_stock(weeks)
    PlanDayTotal.objects.filter(day__gte=weeks.first, day__lt=weeks.end).delete()
    CodeDayTotal.objects.filter(day__gte=weeks.first, day__lt=weeks.end).delete()
    CodeWeekTotal.objects.filter(week__gte=weeks.first, week__lt=weeks.end).delete()
    has_code = "promo_code_id IS NOT NULL OR batch_id IS NOT NULL"
    monday = _MONDAY[connection.vendor]
    _fill(PlanDayTotal, {"day": "day", "plan": "plan"}, "promos_moved WHERE plan IS NOT NULL")
    _fill(CodeDayTotal, {**_CODE, "day": "day"}, f"promos_moved WHERE {has_code}")
    _fill(CodeWeekTotal, {**_CODE, "week": monday}, f"promos_moved WHERE {has_code}")
    _execute("DROP TABLE promos_moved")


@transaction.atomic
def _sum_up() -> None:
    _keep_writers_out()
    CodeTotal.objects.all().delete()
    _fill(CodeTotal, _CODE, CodeWeekTotal._meta.db_table)


def _keep_writers_out() -> None:
    """Wait for transactions that have written totals, and let nobody write them until the end of this one.

    SQLite has let nobody write since this one began.
    """
    if connection.vendor == "postgresql":
        for table in _TABLES:
            _execute(f"LOCK TABLE {table._meta.db_table} IN EXCLUSIVE MODE")


def _take_stock(weeks: Weeks) -> None:
    """Sum up the rows of some weeks into a table of this transaction, by code, plan, day and currency."""
    if connection.vendor == "postgresql":
        # The planner takes nearly every row for a group of its own and would sort them all: twice the time.
        _execute("SET LOCAL enable_sort = off")
        _execute("SET LOCAL work_mem = '256MB'")
    day = _DAY[connection.vendor]
    sql = _MOVED.format(occurred=day.format(at="occurred_at"), redeemed=day.format(at="redeemed_at"))
    ends = [connection.ops.adapt_datetimefield_value(_midnight(end)) for end in (weeks.first, weeks.end)]
    with connection.cursor() as cursor:
        cursor.execute(sql, [*ends, *ends])


_CODE = {"promo_code_id": "promo_code_id", "batch_id": "batch_id"}


def _fill(table: type[LedgerSums], key: dict[str, str], source: str) -> None:
    """Sum rows up into a table, whose key is made as told: column → expression."""
    keys = [*key.values(), "currency"]
    sums = ", ".join(f"SUM({column})" for column in table.COLUMNS)
    _execute(
        f"INSERT INTO {table._meta.db_table} ({', '.join([*key, 'currency', *table.COLUMNS])}) "  # noqa: S608
        f"SELECT {', '.join(keys)}, {sums} FROM {source} GROUP BY {', '.join(keys)}"
    )


def _execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)
