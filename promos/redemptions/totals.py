"""The kept totals, moved together with the rows that they sum up.

Whatever writes an entry of the ledger or a redemption says what that adds to the
sums, and what the row added before; ``apply`` moves the totals by all of it, once,
at the end of the transaction. So they are right at every moment, and nothing has
to be looked at again later.

The rows are locked in one order: totals of codes, their weeks, their days, then the
days of plans, on which most orders meet; within a table by key.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache

from django.db import connection

from promos import statements
from promos.models import (
    CodeDayTotal,
    CodeTotal,
    CodeWeekTotal,
    LedgerEntry,
    PlanDayTotal,
    PromoCode,
    PromoCodeUsage,
)
from promos.models.totals import CodeSums, LedgerSums
from promos.redemptions.limits import PURCHASES
from promos.statements import Statement

Kind = LedgerEntry.Kind
SETTLED = (PromoCodeUsage.Status.SETTLED, PromoCodeUsage.Status.REFUNDED)

#: SQLite takes some 32,000 parameters.
_ROWS_AT_ONCE = 1_000

#: A row's key: column → value.
Key = dict[str, int | str | date]
_Owner = tuple[str, int]


@dataclass(frozen=True)
class Move:
    """What one row adds to the sums of its day, or, counted negatively, no longer adds."""

    day: date
    currency: str
    counts: Mapping[str, int]
    #: The code, or its batch, as column and id; None: without a code.
    owner: _Owner | None = None
    #: None: of no order, so of no plan.
    plan: str | None = None
    #: Whose order or redemption it is, and when they began if it says so.
    customer_id: int | None = None
    began_at: datetime | None = None

    def __neg__(self) -> Move:
        return replace(self, counts={name: -count for name, count in self.counts.items()})


def of_entry(entry: LedgerEntry) -> Move:
    """Return what an entry of the ledger adds, under its plan and, with a redemption, under its code."""
    owner = _owner(entry.usage.promo_code) if entry.usage else None
    begins = entry.is_new_customer and entry.kind == Kind.CHECKOUT
    return Move(
        _day(entry.occurred_at),
        entry.currency,
        _counts(entry),
        owner,
        entry.plan,
        entry.customer_id,
        entry.occurred_at if begins else None,
    )


def of_usage(usage: PromoCodeUsage) -> Move:
    """Return what a redemption adds under its code: nothing until it is settled."""
    is_settled = usage.status in SETTLED
    counts = {
        "redemptions": int(is_settled),
        "new_customer_redemptions": int(is_settled and usage.is_new_customer),
    }
    return Move(
        _day(usage.redeemed_at),
        usage.currency,
        counts,
        _owner(usage.promo_code),
        customer_id=usage.customer_id,
    )


def hand_over(former: PromoCode, code: PromoCode) -> None:
    """Put what one code did under another, which has taken over its redemptions; both are locked."""
    keep_correctors_out()
    moves: list[Move] = []
    for row in CodeDayTotal.objects.filter(promo_code=former):
        counts = {name: getattr(row, name) for name in CodeDayTotal.COLUMNS}
        moves += [
            Move(row.day, row.currency, counts, _owner(code)),
            -Move(row.day, row.currency, counts, _owner(former)),
        ]
    apply(moves)


def keep_correctors_out() -> None:
    """Wait for whoever moves totals by what was read of them, and let no other do so in this transaction.

    Who adds what a row brings need not wait. SQLite has one writer anyway.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {PlanDayTotal._meta.db_table} IN SHARE UPDATE EXCLUSIVE MODE")


def apply(moves: Iterable[Move]) -> None:
    """Move the totals in the caller's transaction."""
    statements.change_in_turn(additions(moves))


def additions(moves: Iterable[Move]) -> list[Statement]:
    """Return the statements that move the totals, one for each table that has anything to move, in that order."""
    moves = list(moves)
    return [
        statement
        for table, key_of, counts_of in _TABLES
        for names, rows in _summed(moves, table, key_of, counts_of).items()
        for statement in _adding(table, names, rows)
    ]


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()


def _owner(code: PromoCode) -> _Owner:
    return ("batch_id", code.batch_id) if code.batch_id else ("promo_code_id", code.pk)


def _counts(entry: LedgerEntry) -> dict[str, int]:
    is_order, is_discounted = entry.kind in PURCHASES, entry.discount_amount > 0
    return {
        "orders": int(is_order),
        "payments": int(is_order and entry.net_amount > 0),
        "new_customer_orders": int(is_order and entry.is_new_customer),
        "discounted_orders": int(is_discounted),
        "discounted_gross_amount": entry.gross_amount if is_discounted else 0,
        "gross_amount": entry.gross_amount,
        "discount_amount": entry.discount_amount,
        "refunded_amount": -entry.net_amount if entry.kind in {Kind.REFUND, Kind.CREDIT_NOTE} else 0,
        "disputed_amount": -entry.net_amount if entry.kind == Kind.DISPUTE else 0,
        "net_amount": entry.net_amount,
    }


def _code_key(move: Move, **when: date) -> Key | None:
    return {move.owner[0]: move.owner[1], **when, "currency": move.currency} if move.owner else None


def _plan_key(move: Move) -> Key | None:
    return None if move.plan is None else {"day": move.day, "plan": move.plan, "currency": move.currency}


def _code_counts(move: Move) -> Mapping[str, int]:
    return move.counts


def _plan_counts(move: Move) -> Mapping[str, int]:
    """Return what a move adds to its plan: a second code's share is money of an order counted already."""
    return move.counts if move.counts["orders"] else {**move.counts, "discounted_orders": 0}


_KeyOf = Callable[[Move], Key | None]
_CountsOf = Callable[[Move], Mapping[str, int]]
#: In the order in which they are locked.
_TABLES: tuple[tuple[type[LedgerSums], _KeyOf, _CountsOf], ...] = (
    (CodeTotal, _code_key, _code_counts),
    (
        CodeWeekTotal,
        lambda move: _code_key(move, week=move.day - timedelta(days=move.day.weekday())),
        _code_counts,
    ),
    (CodeDayTotal, lambda move: _code_key(move, day=move.day), _code_counts),
    (PlanDayTotal, _plan_key, _plan_counts),
)

_Names = tuple[str, ...]
_Rows = list[tuple[int | str | date, ...]]


def _summed(
    moves: Iterable[Move], table: type[LedgerSums], key_of: _KeyOf, counts_of: _CountsOf
) -> dict[_Names, _Rows]:
    """Return the rows that a table moves by, in the order of their keys, for each kind of key."""
    sums: dict[_Names, dict[tuple[int | str | date, ...], Counter[str]]] = defaultdict(dict)
    for move in moves:
        if key := key_of(move):
            counts = sums[tuple(key)].setdefault(tuple(key.values()), Counter())
            counts.update(counts_of(move))
    found: dict[_Names, _Rows] = {}
    for names, by_key in sorted(sums.items()):
        rows = [
            (*key, *(counts[column] for column in table.COLUMNS)) for key, counts in sorted(by_key.items())
        ]
        found[names] = [row for row in rows if any(row[len(names) :])]
    return found


def _adding(table: type[LedgerSums], names: _Names, rows: _Rows) -> Iterator[Statement]:
    adapt = connection.ops.adapt_datefield_value
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = rows[start : start + _ROWS_AT_ONCE]
        values = [adapt(value) if isinstance(value, date) else value for row in part for value in row]
        yield _sql(table, names, len(part)), values


@cache
def _sql(table: type[LedgerSums], names: _Names, rows: int) -> str:
    row = f"({', '.join(['%s'] * len((*names, *table.COLUMNS)))})"
    return adding(table, names, f"VALUES {', '.join([row] * rows)}")


def adding(table: type[LedgerSums], names: Sequence[str], rows: str) -> str:
    """Return the SQL that adds rows to a table's: VALUES, or a SELECT, of the key's columns (``names``) and the sums."""
    # Raw because bulk_create(update_conflicts=True) can set a column, but not add to it; of parameters it has
    # values alone.
    condition = f"WHERE {names[0]} IS NOT NULL" if issubclass(table, CodeSums) else ""
    name = table._meta.db_table
    added = ", ".join(f"{column} = {name}.{column} + EXCLUDED.{column}" for column in table.COLUMNS)
    return (
        f"INSERT INTO {name} ({', '.join((*names, *table.COLUMNS))}) {rows} "
        f"ON CONFLICT ({', '.join(names)}) {condition} DO UPDATE SET {added}"
    )
