"""Which customers use codes: by what they had bought before, by plan, by country, by code, and each for themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, Count, F, Max, Min, Q, QuerySet, Sum, Value, When, Window
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, RowNumber

from analytics.measures import rows, units
from analytics.measures.units import Unit
from analytics.queries import ORDERS
from analytics.selection import Selection
from promos.models import Customer, LedgerEntry

_MONEY = {
    "gross_amount": Sum("gross_amount", default=0),
    "discount_amount": Sum("discount_amount", default=0),
    "net_amount": Sum("net_amount", default=0),
}


@dataclass(frozen=True)
class SegmentFigures:
    """New or returning customers of one plan in one currency: their redemptions, and what their orders moved."""

    currency: str
    plan: str
    is_new: bool
    redemptions: int = 0
    customers: int = 0
    gross_amount: int = 0
    discount_amount: int = 0
    net_amount: int = 0


def segments(selection: Selection) -> list[SegmentFigures]:
    """Return each plan's new and returning customers, by currency, the most redemptions first. Two queries."""
    counts = {"redemptions": Count("pk"), "customers": Count("customer", distinct=True)}
    uses = selection.usages().values("currency", "plan", is_new=F("is_new_customer")).annotate(**counts)
    moved = selection.entries().values("currency", "plan", is_new=F("usage__is_new_customer"))
    rows = [*uses, *moved.annotate(**_MONEY)]
    segments = [SegmentFigures(*key, **sums) for key, sums in _merged(("currency", "plan", "is_new"), rows)]
    return sorted(segments, key=lambda row: (row.currency, -row.redemptions, row.plan, not row.is_new))


def _merged(names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterable[tuple[Any, dict[str, Any]]]:
    """Lay rows with the same key, the columns named, over each other; return them by key, the key taken out."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        figures = dict(row)
        key = tuple(figures.pop(name) for name in names)
        found.setdefault(key, {}).update(figures)
    return found.items()


@dataclass(frozen=True)
class CountryFigures:
    """Customers of one country in one currency: their redemptions, and what their orders moved; "": not known."""

    currency: str
    country: str
    redemptions: int = 0
    customers: int = 0
    new_customer_redemptions: int = 0
    gross_amount: int = 0
    discount_amount: int = 0
    net_amount: int = 0


def countries(selection: Selection) -> list[CountryFigures]:
    """Return each country's customers, by currency, the most redemptions first. Two queries."""
    country = {"country": Coalesce("customer__country", Value(""))}
    counts = {
        "redemptions": Count("pk"),
        "customers": Count("customer", distinct=True),
        "new_customer_redemptions": Count("pk", filter=Q(is_new_customer=True)),
    }
    uses = selection.usages().values("currency", **country).annotate(**counts)
    moved = selection.entries().values("currency", **country).annotate(**_MONEY)
    found = [CountryFigures(*key, **sums) for key, sums in _merged(("currency", "country"), [*uses, *moved])]
    return sorted(found, key=lambda row: (row.currency, -row.redemptions, -row.net_amount, row.country))


@dataclass(frozen=True)
class Favourite:
    """The code, or batch, that customers of one kind use most, on whatever plan."""

    name: str
    redemptions: int


def favourites_of_countries(selection: Selection) -> dict[tuple[str, str], Favourite]:
    """Return the favourite of each country, by currency and country. Two or three queries."""
    return _favourites(selection, Coalesce("customer__country", Value("")))


def favourites_of_segments(selection: Selection) -> dict[tuple[str, bool], Favourite]:
    """Return the favourite of new and of returning customers, by currency and whether new. Two or three queries."""
    return _favourites(selection, F("is_new_customer"))


def _favourites(selection: Selection, kind: Combinable) -> dict[tuple[str, Any], Favourite]:
    most_first = (F("redemptions").desc(), F("unit_code").desc(), F("unit_batch").desc())
    grouped = selection.usages().values("currency", kind=kind, **units.columns("promo_code__"))
    place = Window(RowNumber(), partition_by=["currency", "kind"], order_by=most_first)
    found: Any = list(grouped.annotate(redemptions=Count("pk")).alias(place=place).filter(place=1))
    names = units.names({Unit.of(row) for row in found})
    return {
        (row["currency"], row["kind"]): Favourite(names[Unit.of(row)], row["redemptions"]) for row in found
    }


@dataclass(frozen=True)
class Use:
    """How often one segment of customers used one code, or the codes of one batch."""

    currency: str
    unit: Unit
    name: str
    plan: str
    is_new: bool
    redemptions: int


def uses(selection: Selection, *, limit: int) -> list[Use]:
    """Return the most frequent pairs of segment and code in each currency. Two or three queries."""
    most_first = (F("redemptions").desc(), F("unit_code").desc(), F("unit_batch").desc(), F("plan"))
    grouped = selection.usages().values(
        "currency", "plan", is_new=F("is_new_customer"), **units.columns("promo_code__")
    )
    place = Window(RowNumber(), partition_by="currency", order_by=most_first)
    counted = grouped.annotate(redemptions=Count("pk")).alias(place=place).filter(place__lte=limit)
    found = list(counted.order_by("currency", *most_first, "-is_new"))
    return _named(found)


def _named(found: Sequence[Mapping[str, Any]]) -> list[Use]:
    names = units.names({Unit.of(row) for row in found})
    return [
        Use(
            currency=row["currency"],
            unit=Unit.of(row),
            name=names[Unit.of(row)],
            plan=row["plan"],
            is_new=row["is_new"],
            redemptions=row["redemptions"],
        )
        for row in found
    ]


@dataclass(frozen=True)
class Saver:
    """What one customer saved with codes in one currency, and what they paid for those orders."""

    currency: str
    customer_id: int
    name: str
    orders: int
    discount_amount: int
    net_amount: int


def top_savers(selection: Selection, *, limit: int) -> list[Saver]:
    """Return the customers who saved the most with codes in the period, so many of each currency. One query."""
    most_first = (F("discount_amount").desc(), F("customer_id"))
    grouped = selection.entries().filter(customer__isnull=False).values("currency", "customer_id", name=_NAME)
    sums = {"discount_amount": _MONEY["discount_amount"], "net_amount": _MONEY["net_amount"]}
    place = Window(RowNumber(), partition_by="currency", order_by=most_first)
    savers = grouped.annotate(orders=Count("pk", filter=ORDERS), **sums).filter(discount_amount__gt=0)
    found = savers.alias(place=place).filter(place__lte=limit).order_by("currency", *most_first)
    return rows.of(Saver, found)


#: As the model's own ``str``, of which an erased customer keeps the last two.
_NAME = Case(
    When(~Q(customer__email=""), then=F("customer__email")),
    default=F("customer__stripe_customer_id"),
)


@dataclass(frozen=True)
class Total:
    """One customer's orders in one currency, with and without a code."""

    currency: str
    orders: int
    redemptions: int
    gross_amount: int
    discount_amount: int
    net_amount: int
    first_at: datetime
    last_at: datetime


def totals(customer: Customer) -> list[Total]:
    """Sum everything a customer bought and got back, by currency. One query."""
    counts = {
        "orders": Count("pk", filter=ORDERS),
        "redemptions": Count("usage", distinct=True),
        "first_at": Min("occurred_at"),
        "last_at": Max("occurred_at"),
    }
    grouped = _entries(customer).values("currency").annotate(**counts, **_MONEY)
    return rows.of(Total, grouped.order_by("currency"))


def history(customer: Customer, *, start: int, limit: int) -> list[LedgerEntry]:
    """Return a part of a customer's orders and repayments with their codes, the newest first. One query."""
    entries = _entries(customer).select_related("usage__promo_code").order_by("-occurred_at", "-pk")
    return list(entries[start : start + limit])


def _entries(customer: Customer) -> QuerySet[LedgerEntry]:
    return LedgerEntry.objects.filter(customer=customer)
