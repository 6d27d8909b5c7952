"""Reckon every kept figure anew from the rows it came from, and name what differs.

The reckoning is naive on purpose: plain Python sums over rows read one after the
other, sharing nothing with the SQL and the updates that it checks. Memory grows
only with the customers of the one code at hand.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction
from django.db.models import F, Q

from analytics import cohort_checks, reckoning, total_checks
from analytics.models import PromoCodeAnalytics
from analytics.queries import CONVERSION_WINDOW, SETTLED, STRIPES_CLOCK
from analytics.reckoning import Difference, Row, Sorted
from promos.models import Campaign, CheckoutAttempt, CodeCheck, LedgerEntry, PromoCode, PromoCodeUsage
from promos.redemptions.limits import PURCHASES

UNSETTLED = (CheckoutAttempt.State.OPENING, CheckoutAttempt.State.OPEN)
AMOUNTS = ("gross_amount", "discount_amount", "net_amount")


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
    entries = Sorted(LedgerEntry.objects.filter(usage__isnull=False), "usage_id", *AMOUNTS)
    for usage in reckoning.stream(PromoCodeUsage.objects.all(), "pk", "redemption_key", *AMOUNTS):
        reckoned = reckoning.sums(entries.of(usage["pk"]), AMOUNTS)
        yield from reckoning.compare(
            "promo_code_usage", usage["pk"], usage["redemption_key"], usage, reckoned
        )


def codes() -> Iterator[Difference]:
    """Check each code's counters against its settled redemptions and its open checkouts.

    A redemption whose use a refund gave back counts no longer.
    """
    counted = PromoCodeUsage.objects.filter(status__in=SETTLED, is_given_back=False)
    used = Sorted(counted, "promo_code_id")
    held = Sorted(CheckoutAttempt.objects.filter(_HOLDS_A_CODE), "promo_code_id")
    for code in reckoning.stream(PromoCode.objects.all(), "pk", "code", "used_count", "held_count"):
        reckoned = {
            "used_count": reckoning.count(used.of(code["pk"])),
            "held_count": reckoning.count(held.of(code["pk"])),
        }
        yield from reckoning.compare("promo_codes", code["pk"], code["code"], code, reckoned)


def campaigns() -> Iterator[Difference]:
    """Check each campaign's budget: what its codes gave, still promise to renewals, and hold in open checkouts.

    A budget is kept in the campaign's currency only.
    """
    given = LedgerEntry.objects.filter(currency=F("usage__promo_code__campaign__currency"))
    spent = Sorted(given, "usage__promo_code__campaign_id", "discount_amount")
    promising = PromoCodeUsage.objects.filter(currency=F("promo_code__campaign__currency"))
    promised = Sorted(promising, "promo_code__campaign_id", "promised_amount")
    held = Sorted(CheckoutAttempt.objects.filter(_HOLDS_A_CODE), "promo_code__campaign_id", "held_amount")
    kept = ("spent_amount", "promised_amount", "held_amount")
    for campaign in reckoning.stream(Campaign.objects.all(), "pk", "name", *kept):
        reckoned = {
            "spent_amount": reckoning.sums(spent.of(campaign["pk"]), ("discount_amount",))["discount_amount"],
            "promised_amount": reckoning.sums(promised.of(campaign["pk"]), ("promised_amount",))[
                "promised_amount"
            ],
            "held_amount": reckoning.sums(held.of(campaign["pk"]), ("held_amount",))["held_amount"],
        }
        yield from reckoning.compare("promos_campaign", campaign["pk"], campaign["name"], campaign, reckoned)


def view() -> Iterator[Difference]:
    """Check the view against its rows, code by code and currency by currency.

    Its shares are divisions of columns checked here and are left out.
    """
    uses = Sorted(
        PromoCodeUsage.objects.filter(status__in=SETTLED),
        "promo_code_id",
        *("currency", "customer_id", "is_new_customer", "redeemed_at"),
    )
    entries = Sorted(
        LedgerEntry.objects.filter(usage__isnull=False), "usage__promo_code_id", "currency", "kind", *AMOUNTS
    )
    accepted = CodeCheck.objects.filter(reason="", customer__isnull=False)
    checks = Sorted(accepted, "promo_code_id", "customer_id", "checked_at")
    kept = Sorted(PromoCodeAnalytics.objects.all(), "promo_code_id", *_VIEW_FIELDS, *_OF_CHECKS)
    for code in reckoning.stream(PromoCode.objects.all(), "pk", "code"):
        used = list(uses.of(code["pk"]))
        reckoned, conversion = _reckon(used, entries.of(code["pk"])), _conversion(checks.of(code["pk"]), used)
        found = {row["currency"]: row for row in kept.of(code["pk"])}
        for currency in sorted(found.keys() | reckoned.keys()):
            yield from reckoning.compare(
                PromoCodeAnalytics._meta.db_table,
                code["pk"],
                f"{code['code']} {currency}",
                found.get(currency, {}),
                reckoned.get(currency, _Figures()).row | conversion,
            )


#: Every check, under the words for what it checks.
CHECKS: dict[str, Callable[[], Iterator[Difference]]] = {
    "redemptions against the ledger": usages,
    "counters of codes": codes,
    "budgets of campaigns": campaigns,
    "the view": view,
    "totals of codes": total_checks.codes,
    "totals of batches": total_checks.batches,
    "totals of plans": total_checks.plans,
    "kept days of cohorts": cohort_checks.days,
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
    "charged_amount",
    "orders",
    "payments",
    "discounted_orders",
    "average_discount_amount",
    "first_used_at",
    "last_used_at",
)
#: The same in each currency of a code.
_OF_CHECKS = ("entered_customers", "converted_customers")


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
        if entry["kind"] in PURCHASES:
            self.sums["charged_amount"] += entry["net_amount"]
            self.sums["orders"] += 1
            self.sums["payments"] += entry["net_amount"] > 0

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


def _conversion(checks: Iterable[Row], uses: Iterable[Row]) -> Row:
    """Count who entered a code, and who of them redeemed it in time."""
    redeemed: dict[int, list[datetime]] = defaultdict(list)
    for use in uses:
        redeemed[use["customer_id"]].append(use["redeemed_at"])
    entered, converted = set(), set()
    for check in checks:
        customer, at = check["customer_id"], check["checked_at"]
        entered.add(customer)
        if any(at - STRIPES_CLOCK < used_at < at + CONVERSION_WINDOW for used_at in redeemed[customer]):
            converted.add(customer)
    return dict(zip(_OF_CHECKS, (len(entered), len(converted)), strict=True))


def _reckon(uses: Iterable[Row], entries: Iterable[Row]) -> dict[str, _Figures]:
    found: dict[str, _Figures] = defaultdict(_Figures)
    for use in uses:
        found[use["currency"]].add_use(use)
    for entry in entries:
        found[entry["currency"]].add_entry(entry)
    return found
