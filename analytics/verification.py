"""Reckon every kept figure anew from the rows it came from, and name what differs.

The reckoning is naive on purpose: plain Python sums over rows read one after the
other, sharing nothing with the SQL and the updates that it checks. Rows come
sorted from the database and are merged by key, so memory does not grow with
their number, only with the customers of the one code at hand.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet

from analytics.models import PromoCodeAnalytics
from analytics.queries import SETTLED
from promos.models import Campaign, CheckoutAttempt, LedgerEntry, PromoCode, PromoCodeUsage

CHUNK = 2_000
UNSETTLED = (CheckoutAttempt.State.OPENING, CheckoutAttempt.State.OPEN)
AMOUNTS = ("gross_amount", "discount_amount", "net_amount")

Row = dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """One kept figure that is not what its rows give."""

    table: str
    id: int
    name: str
    field: str
    kept: Any
    reckoned: Any

    def __str__(self) -> str:
        return f"{self.table} {self.id} ({self.name}): {self.field} is {self.kept}, its rows give {self.reckoned}"


@contextmanager
def snapshot() -> Iterator[None]:
    """Read everything as of one moment, while others go on writing."""
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    else:
        # Not atomic(): its BEGIN IMMEDIATE would keep every writer waiting.
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")


def usages() -> Iterator[Difference]:
    """Check each redemption's running totals against its ledger entries."""
    entries = _Sorted(LedgerEntry.objects.filter(usage__isnull=False), "usage_id", *AMOUNTS)
    for usage in _stream(PromoCodeUsage.objects.all(), "pk", "redemption_key", *AMOUNTS):
        reckoned = _sums(entries.of(usage["pk"]), AMOUNTS)
        yield from _compare("promo_code_usage", usage["pk"], usage["redemption_key"], usage, reckoned)


def codes() -> Iterator[Difference]:
    """Check each code's counters against its settled redemptions and its open checkouts.

    A redemption whose use a refund gave back counts no longer.
    """
    counted = PromoCodeUsage.objects.filter(status__in=SETTLED, is_given_back=False)
    used = _Sorted(counted, "promo_code_id")
    held = _Sorted(CheckoutAttempt.objects.filter(_HOLDS_A_CODE), "promo_code_id")
    for code in _stream(PromoCode.objects.all(), "pk", "code", "used_count", "held_count"):
        reckoned = {"used_count": _count(used.of(code["pk"])), "held_count": _count(held.of(code["pk"]))}
        yield from _compare("promo_codes", code["pk"], code["code"], code, reckoned)


def campaigns() -> Iterator[Difference]:
    """Check each campaign's budget: what its codes gave, still promise to renewals, and hold in open checkouts.

    A budget is kept in the campaign's currency only.
    """
    given = LedgerEntry.objects.filter(currency=F("usage__promo_code__campaign__currency"))
    spent = _Sorted(given, "usage__promo_code__campaign_id", "discount_amount")
    promising = PromoCodeUsage.objects.filter(currency=F("promo_code__campaign__currency"))
    promised = _Sorted(promising, "promo_code__campaign_id", "promised_amount")
    held = _Sorted(CheckoutAttempt.objects.filter(_HOLDS_A_CODE), "promo_code__campaign_id", "held_amount")
    kept = ("spent_amount", "promised_amount", "held_amount")
    for campaign in _stream(Campaign.objects.all(), "pk", "name", *kept):
        reckoned = {
            "spent_amount": _sums(spent.of(campaign["pk"]), ("discount_amount",))["discount_amount"],
            "promised_amount": _sums(promised.of(campaign["pk"]), ("promised_amount",))["promised_amount"],
            "held_amount": _sums(held.of(campaign["pk"]), ("held_amount",))["held_amount"],
        }
        yield from _compare("promos_campaign", campaign["pk"], campaign["name"], campaign, reckoned)


def view() -> Iterator[Difference]:
    """Check the view against its rows, code by code and currency by currency.

    Its shares are divisions of columns checked here and are left out.
    """
    uses = _Sorted(
        PromoCodeUsage.objects.filter(status__in=SETTLED),
        "promo_code_id",
        *("currency", "customer_id", "is_new_customer", "redeemed_at"),
    )
    entries = _Sorted(
        LedgerEntry.objects.filter(usage__isnull=False), "usage__promo_code_id", "currency", "kind", *AMOUNTS
    )
    kept = _Sorted(PromoCodeAnalytics.objects.all(), "promo_code_id", *_VIEW_FIELDS)
    for code in _stream(PromoCode.objects.all(), "pk", "code"):
        reckoned = _reckon(uses.of(code["pk"]), entries.of(code["pk"]))
        found = {row["currency"]: row for row in kept.of(code["pk"])}
        for currency in sorted(found.keys() | reckoned.keys()):
            yield from _compare(
                PromoCodeAnalytics._meta.db_table,
                code["pk"],
                f"{code['code']} {currency}",
                found.get(currency, {}),
                reckoned.get(currency, _Figures()).row,
            )


#: Every check, under the words for what it checks.
CHECKS: dict[str, Callable[[], Iterator[Difference]]] = {
    "redemptions against the ledger": usages,
    "counters of codes": codes,
    "budgets of campaigns": campaigns,
    "the view": view,
}

_HOLDS_A_CODE = Q(state__in=UNSETTLED, promo_code__isnull=False)
_VIEW_FIELDS = (
    "currency",
    "uses",
    "unique_customers",
    "new_customer_uses",
    *AMOUNTS,
    "refunded_amount",
    "disputed_amount",
    "discounted_orders",
    "average_discount_amount",
    "first_used_at",
    "last_used_at",
)


@dataclass
class _Figures:
    """What the view should say of one code in one currency."""

    sums: Counter[str] = field(default_factory=Counter)
    customers: set[int] = field(default_factory=set)
    first_used_at: datetime | None = None
    last_used_at: datetime | None = None

    def add_use(self, use: Row) -> None:
        self.sums["uses"] += 1
        self.sums["new_customer_uses"] += use["is_new_customer"]
        self.customers |= {use["customer_id"]} - {None}
        self.first_used_at = min(self.first_used_at or use["redeemed_at"], use["redeemed_at"])
        self.last_used_at = max(self.last_used_at or use["redeemed_at"], use["redeemed_at"])

    def add_entry(self, entry: Row) -> None:
        for amount in AMOUNTS:
            self.sums[amount] += entry[amount]
        self.sums["discounted_orders"] += entry["discount_amount"] > 0
        if entry["kind"] in {LedgerEntry.Kind.REFUND, LedgerEntry.Kind.CREDIT_NOTE}:
            self.sums["refunded_amount"] -= entry["net_amount"]
        if entry["kind"] == LedgerEntry.Kind.DISPUTE:
            self.sums["disputed_amount"] -= entry["net_amount"]

    @property
    def row(self) -> Row:
        row: Row = {name: self.sums[name] for name in _VIEW_FIELDS if name != "currency"}
        orders = row["discounted_orders"]
        return row | {
            "unique_customers": len(self.customers),
            "average_discount_amount": (row["discount_amount"] + orders // 2) // orders if orders else None,
            "first_used_at": self.first_used_at,
            "last_used_at": self.last_used_at,
        }


def _reckon(uses: Iterable[Row], entries: Iterable[Row]) -> dict[str, _Figures]:
    found: dict[str, _Figures] = defaultdict(_Figures)
    for use in uses:
        found[use["currency"]].add_use(use)
    for entry in entries:
        found[entry["currency"]].add_entry(entry)
    return found


class _Sorted:
    """Rows sorted by a key, handed out for one key after the other; the keys asked for must rise."""

    def __init__(self, rows: QuerySet[Any], by: str, *fields: str) -> None:
        self._groups = groupby(_stream(rows, by, *fields), key=itemgetter(by))
        self._key: int | None = None
        self._group: Iterator[Row] = iter(())
        self._advance()

    def of(self, key: int) -> Iterator[Row]:
        while self._key is not None and self._key < key:
            self._advance()
        return self._group if self._key == key else iter(())

    def _advance(self) -> None:
        self._key, self._group = next(self._groups, (None, iter(())))


def _stream(rows: QuerySet[Any], by: str, *fields: str) -> Iterator[Row]:
    return iter(rows.filter(**{f"{by}__isnull": False}).order_by(by).values(by, *fields).iterator(CHUNK))


def _sums(rows: Iterable[Row], fields: Iterable[str]) -> Row:
    sums = dict.fromkeys(fields, 0)
    for row in rows:
        for name in sums:
            sums[name] += row[name]
    return sums


def _count(rows: Iterable[Row]) -> int:
    return sum(1 for _ in rows)


def _compare(
    table: str, pk: int, name: str, kept: Mapping[str, Any], reckoned: Mapping[str, Any]
) -> Iterator[Difference]:
    for column, value in reckoned.items():
        if kept.get(column) != value:
            yield Difference(table, pk, name, column, kept.get(column), value)
