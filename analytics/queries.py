"""The questions put to the database: one query, one function, one kind of row.

Money is grouped by currency everywhere and in integer minor units. Every function
takes a ``Scope``; where the kept totals have its very sums, they are read instead
of the rows themselves (analytics.kept says when).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from typing import Any, TypeVar

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import TruncDate

from analytics import kept
from analytics.periods import ALWAYS, Period
from promos.models import (
    CodeCheck,
    LedgerEntry,
    PromoCode,
    PromoCodeUsage,
)

#: Statuses of a redemption that count: its payment was settled, whatever came later.
SETTLED = (PromoCodeUsage.Status.SETTLED, PromoCodeUsage.Status.REFUNDED)
#: Entries that are an order of a customer; the others take something back.
ORDERS = Q(kind__in=[LedgerEntry.Kind.CHECKOUT, LedgerEntry.Kind.INVOICE])
REFUNDS = Q(kind__in=[LedgerEntry.Kind.REFUND, LedgerEntry.Kind.CREDIT_NOTE])
DISPUTES = Q(kind=LedgerEntry.Kind.DISPUTE)
DISCOUNTED = Q(discount_amount__gt=0)
#: What orders brought: with what a second code took off, which is an entry beside its order's.
SOLD = ORDERS | Q(kind=LedgerEntry.Kind.SHARE)
#: A customer who entered a code is a buyer when the checkout is completed within this time.
CONVERSION_WINDOW = timedelta(days=30)
#: Stripe tells whole seconds, so who paid in the second of the entry seems to have paid before it.
STRIPES_CLOCK = timedelta(seconds=1)
Row = TypeVar("Row")

# A sum may bear its column's name, but whatever else reads the column must stand before it.
_MONEY = {
    "refunded_amount": -Sum("net_amount", filter=REFUNDS, default=0),
    "disputed_amount": -Sum("net_amount", filter=DISPUTES, default=0),
    "discounted_orders": Count("pk", filter=DISCOUNTED),
    "discounted_gross_amount": Sum("gross_amount", filter=DISCOUNTED, default=0),
    "gross_amount": Sum("gross_amount"),
    "discount_amount": Sum("discount_amount"),
    "net_amount": Sum("net_amount"),
}
_REDEMPTIONS = {
    "redemptions": Count("pk"),
    "customers": Count("customer", distinct=True),
    "new_customer_redemptions": Count("pk", filter=Q(is_new_customer=True)),
}


@dataclass(frozen=True)
class Scope:
    """Which rows a figure is about."""

    period: Period = ALWAYS
    promo_code_ids: tuple[int, ...] | None = None
    campaign_id: int | None = None

    def usages(self) -> QuerySet[PromoCodeUsage]:
        """Settled redemptions of the scope."""
        rows = PromoCodeUsage.objects.filter(
            status__in=SETTLED, redeemed_at__gte=self.period.start, redeemed_at__lt=self.period.end
        )
        return rows.filter(self._codes("promo_code"))

    def entries(self) -> QuerySet[LedgerEntry]:
        """Ledger entries of orders with a code."""
        return self.all_entries().filter(self._codes("usage__promo_code"), usage__isnull=False)

    def all_entries(self) -> QuerySet[LedgerEntry]:
        """Ledger entries of the period, with or without a code."""
        return LedgerEntry.objects.filter(occurred_at__gte=self.period.start, occurred_at__lt=self.period.end)

    @property
    def has_totals(self) -> bool:
        """Whether the kept totals have the scope's very sums."""
        return not self._is_narrowed and kept.is_exact(self.period)

    @property
    def has_totals_by_day(self) -> bool:
        return not self._is_narrowed and kept.has_same_days(self.period)

    @property
    def _is_narrowed(self) -> bool:
        return self.promo_code_ids is not None or self.campaign_id is not None

    def _codes(self, path: str) -> Q:
        wanted = Q()
        if self.promo_code_ids is not None:
            wanted &= Q(**{f"{path}__in": self.promo_code_ids})
        if self.campaign_id is not None:
            wanted &= Q(**{f"{path}__campaign": self.campaign_id})
        return wanted


@dataclass(frozen=True)
class Money:
    """What orders with a code moved in one currency; ``net = gross − discount − refunded − disputed``."""

    currency: str
    gross_amount: int = 0
    discount_amount: int = 0
    refunded_amount: int = 0
    disputed_amount: int = 0
    net_amount: int = 0
    discounted_orders: int = 0
    discounted_gross_amount: int = 0


def money(scope: Scope) -> list[Money]:
    """Sum the entries of orders with a code, by currency; of all codes on whole days of UTC by the kept totals.

    An order with several codes of the scope is one discounted order. Two queries.
    """
    again = counted_again(scope.entries())
    return [
        replace(row, discounted_orders=row.discounted_orders - again.get(row.currency, 0))
        for row in _money_of_each_code(scope)
    ]


def _money_of_each_code(scope: Scope) -> list[Money]:
    """Do the same, but count an order with several codes for each of them."""
    if scope.has_totals:
        names = [field.name for field in fields(Money)[1:]]
        return [
            Money(*key, *(sums[name] for name in names))
            for key, sums in _sorted(kept.codes, scope, "currency")
            if any(sums[name] for name in names)
        ]
    rows = scope.entries().values("currency").annotate(**_MONEY).order_by("currency")
    return _rows(Money, rows)


def counted_again(entries: QuerySet[LedgerEntry]) -> dict[str, int]:
    """Count, by currency, how often the discounted entries tell of an order that another of them tells of already.

    What a further code took off an order is an entry of its own, and few orders have any.
    """
    discounted = entries.filter(DISCOUNTED)
    own = discounted.filter(ORDERS, pk=OuterRef("order"))
    told_by_shares_alone = Count("order", distinct=True, filter=~Exists(own))
    shares = discounted.filter(kind=LedgerEntry.Kind.SHARE).values_list("currency")
    return dict(shares.annotate(again=Count("pk") - told_by_shares_alone).order_by())


@dataclass(frozen=True)
class Redemptions:
    currency: str
    redemptions: int = 0
    new_customer_redemptions: int = 0
    #: None: not counted. Sums of days would count a customer on each of them.
    customers: int | None = None


def redemptions(scope: Scope, *, with_customers: bool = True) -> list[Redemptions]:
    """Count redemptions and their customers, by currency; without customers by the kept totals, like ``money``."""
    if scope.has_totals and not with_customers:
        return [
            Redemptions(currency, sums["redemptions"], sums["new_customer_redemptions"])
            for (currency,), sums in _sorted(kept.codes, scope, "currency")
            if sums["redemptions"]
        ]
    rows = scope.usages().values("currency").annotate(**_REDEMPTIONS).order_by("currency")
    return _rows(Redemptions, rows)


@dataclass(frozen=True)
class DayMoney:
    currency: str
    day: date
    discount_amount: int
    net_amount: int


def money_by_day(scope: Scope) -> list[DayMoney]:
    """Sum discount and net of orders with a code, by currency and day of the site's time zone; see ``money``."""
    if scope.has_totals_by_day:
        return [
            DayMoney(currency, day, sums["discount_amount"], sums["net_amount"])
            for (currency, day), sums in _sorted(kept.days_of_codes, scope, "currency", "day")
        ]
    days = scope.entries().annotate(day=TruncDate("occurred_at", tzinfo=scope.period.zone))
    rows = days.values("currency", "day").annotate(
        discount_amount=Sum("discount_amount"), net_amount=Sum("net_amount")
    )
    return _rows(DayMoney, rows.order_by("currency", "day"))


@dataclass(frozen=True)
class DayRedemptions:
    currency: str
    day: date
    redemptions: int


def redemptions_by_day(scope: Scope) -> list[DayRedemptions]:
    """Count redemptions, by currency and day of the site's time zone; see ``money``."""
    if scope.has_totals_by_day:
        return [
            DayRedemptions(currency, day, sums["redemptions"])
            for (currency, day), sums in _sorted(kept.days_of_codes, scope, "currency", "day")
            if sums["redemptions"]
        ]
    days = scope.usages().annotate(day=TruncDate("redeemed_at", tzinfo=scope.period.zone))
    rows = days.values("currency", "day").annotate(redemptions=Count("pk"))
    return _rows(DayRedemptions, rows.order_by("currency", "day"))


@dataclass(frozen=True)
class CodeRedemptions:
    currency: str
    promo_code_id: int
    code: str
    redemptions: int
    customers: int
    new_customer_redemptions: int


def redemptions_by_code(scope: Scope) -> list[CodeRedemptions]:
    """Count redemptions by code and currency, the most redeemed first; among equals the newer code."""
    rows = (
        scope.usages()
        .values("currency", "promo_code_id", code=F("promo_code__code"))
        .annotate(**_REDEMPTIONS)
    )
    return _rows(
        CodeRedemptions, rows.order_by("currency", F("redemptions").desc(), F("promo_code_id").desc())
    )


@dataclass(frozen=True)
class CodeMoney:
    currency: str
    promo_code_id: int
    code: str
    gross_amount: int
    discount_amount: int
    refunded_amount: int
    disputed_amount: int
    net_amount: int
    discounted_orders: int
    discounted_gross_amount: int


def money_by_code(scope: Scope) -> list[CodeMoney]:
    """Sum the entries of orders with a code, by code and currency."""
    code = {"promo_code_id": F("usage__promo_code_id"), "code": F("usage__promo_code__code")}
    rows = (
        scope.entries().values("currency", **code).annotate(**_MONEY).order_by("currency", F("promo_code_id"))
    )
    return _rows(CodeMoney, rows)


@dataclass(frozen=True)
class PlanOrders:
    """Paid orders of one plan."""

    currency: str
    plan: str
    orders: int
    discounted_orders: int


def orders_by_plan(scope: Scope) -> list[PlanOrders]:
    """Count paid orders of the period by plan, those with a discount beside all, the most ordered first; see ``money``."""
    if kept.is_exact(scope.period):
        found = [
            PlanOrders(currency, plan, sums["orders"], sums["discounted_orders"])
            for (currency, plan), sums in kept.plans(scope.period, "currency", "plan").items()
            if sums["orders"]
        ]
        return sorted(found, key=lambda row: (row.currency, -row.orders, row.plan))
    rows = (
        scope.all_entries()
        .filter(ORDERS)
        .values("currency", "plan")
        .annotate(orders=Count("pk"), discounted_orders=Count("pk", filter=DISCOUNTED))
        .order_by("currency", "-orders", "plan")
    )
    return _rows(PlanOrders, rows)


@dataclass(frozen=True)
class Conversion:
    """Customers who entered a code validly, and those of them who then bought with it."""

    entered: int
    bought: int


def conversion(scope: Scope) -> Conversion:
    """Follow the customers whose entry of a code was accepted in the period."""
    accepted = CodeCheck.objects.filter(
        reason="",
        promo_code__isnull=False,
        customer__isnull=False,
        checked_at__gte=scope.period.start,
        checked_at__lt=scope.period.end,
    )
    row = accepted.aggregate(
        entered=Count("customer", distinct=True),
        bought=Count("customer", distinct=True, filter=Exists(bought())),
    )
    return Conversion(**row)


def bought() -> QuerySet[PromoCodeUsage]:
    """Return the redemptions that followed the entry of a code which they are looked up for."""
    return PromoCodeUsage.objects.filter(
        promo_code=OuterRef("promo_code"),
        customer=OuterRef("customer"),
        status__in=SETTLED,
        redeemed_at__gt=OuterRef("checked_at") - STRIPES_CLOCK,
        redeemed_at__lt=OuterRef("checked_at") + CONVERSION_WINDOW,
    )


@dataclass(frozen=True)
class Issued:
    """Codes given out, and those of them redeemed at least once."""

    codes: int
    used: int


def issued(campaign_id: int | None = None) -> Issued:
    """Count the codes ever issued (approved; archived ones too) and those that were used, of all or of a campaign."""
    return Issued(**issued_codes(campaign_id).aggregate(**of_issued()))


def issued_codes(campaign_id: int | None = None) -> QuerySet[PromoCode]:
    """Return the codes ever issued, of all or of a campaign."""
    codes = PromoCode.objects.filter(approved_at__isnull=False)
    return codes if campaign_id is None else codes.filter(campaign=campaign_id)


def of_issued() -> dict[str, Count]:
    """Return what ``Issued`` counts of codes."""
    return {"codes": Count("pk"), "used": Count("pk", filter=PromoCodeUsage.objects.codes_ever_redeemed())}


def recent(scope: Scope, *, limit: int) -> list[LedgerEntry]:
    """Return the newest entries of orders with a code, with their code and customer."""
    entries = scope.entries().select_related("usage__promo_code", "customer")
    return list(entries.order_by("-occurred_at", "-pk")[:limit])


def over_limit(scope: Scope) -> int:
    """Count redemptions past a code's limit: Stripe had taken the payment, so they stand."""
    return scope.usages().filter(is_over_limit=True).count()


def _sorted(sums_of: Callable[..., kept.Sums], scope: Scope, *by: str) -> list[tuple[Any, Counter[str]]]:
    return sorted(sums_of(scope.period, *by).items())


def _rows(kind: type[Row], rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    return [kind(**row) for row in rows]
