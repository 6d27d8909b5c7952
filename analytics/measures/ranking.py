"""Codes by what they did: one row for each code (or batch) and currency, ranked by any figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import Any

from django.db.models import Count, F, FloatField, Q, Sum
from django.db.models.functions import Cast, NullIf

from analytics import kept
from analytics.formulas import Ratio, average
from analytics.measures import units
from analytics.measures.units import Unit
from analytics.queries import DISCOUNTED, DISPUTES, REFUNDS
from analytics.selection import Selection

# Sums with a filter stand first: after them the columns' names mean the sums.
_MONEY = {
    "paid_back_amount": -Sum("net_amount", filter=REFUNDS | DISPUTES, default=0),
    "discounted_orders": Count("pk", filter=DISCOUNTED),
    "discounted_gross_amount": Sum("gross_amount", filter=DISCOUNTED, default=0),
    "gross_amount": Sum("gross_amount", default=0),
    "discount_amount": Sum("discount_amount", default=0),
    "net_amount": Sum("net_amount", default=0),
}
_REDEMPTIONS = {
    "redemptions": Count("pk"),
    "new_customer_redemptions": Count("pk", filter=Q(is_new_customer=True)),
}


class Order(StrEnum):
    """What codes can be ranked by; the most first."""

    NET = "net_amount"
    REDEMPTIONS = "redemptions"
    NEW_CUSTOMERS = "new_customer_redemptions"
    GROSS = "gross_amount"
    DISCOUNT = "discount_amount"
    PAID_BACK = "paid_back_amount"
    AVERAGE_DISCOUNT = "average_discount"
    DISCOUNT_RATE = "discount_rate"


@dataclass(frozen=True)
class CodeFigures:
    """What one code, or the codes of one batch, did in one currency; ``paid_back`` is refunds and lost disputes."""

    unit: Unit
    name: str
    currency: str
    redemptions: int = 0
    new_customer_redemptions: int = 0
    gross_amount: int = 0
    discount_amount: int = 0
    paid_back_amount: int = 0
    net_amount: int = 0
    discounted_orders: int = 0
    discounted_gross_amount: int = 0

    @property
    def discount_rate(self) -> Ratio:
        return Ratio(self.discount_amount, self.discounted_gross_amount, self.discounted_orders)

    @property
    def average_discount_amount(self) -> int | None:
        """The discount of one discounted order; None when there is none."""
        return average(self.discount_amount, self.discounted_orders)

    @property
    def new_customer_share(self) -> Ratio:
        return Ratio(self.new_customer_redemptions, self.redemptions)


def ranking(selection: Selection, order: Order, *, start: int, limit: int) -> list[CodeFigures]:
    """Return a part of the codes that moved something in the selection's one currency, the most of a figure first.

    The kept totals answer with one query, the rows with two: the part in its order, and the other
    figures of these codes; one or two more for their names.
    """
    found = _kept if selection.has_totals else _reckoned
    part = found(selection, order, slice(start, start + limit))
    names = units.names(part)
    return [CodeFigures(unit, names[unit], selection.currency, **figures) for unit, figures in part.items()]


def net_amounts(selection: Selection, wanted: Collection[Unit]) -> dict[Unit, int]:
    """Return the net revenue of some codes in the selection's one currency, those that moved nothing left out. One query."""
    if not selection.has_totals:
        found = _by_unit(_money(selection, units.within(wanted, _PATHS[_money])))
        return {unit: figures["net_amount"] for unit, figures in found.items()}
    by = ("promo_code_id", "batch_id")
    of_wanted = units.totals_of(wanted)
    sums = kept.codes(selection.period, *by, currency=selection.currency, wanted=of_wanted)
    return {Unit(code or 0, batch or 0): counts["net_amount"] for (code, batch), counts in sums.items()}


def _kept(selection: Selection, order: Order, part: slice) -> dict[Unit, dict[str, int]]:
    sums = kept.codes(selection.period, "promo_code_id", "batch_id", currency=selection.currency)
    figures = {Unit(code or 0, batch or 0): _figures(counts) for (code, batch), counts in sums.items()}
    ordered = sorted(figures, key=lambda unit: (_rank(figures[unit], order), unit), reverse=True)
    return {unit: figures[unit] for unit in ordered[part]}


def _figures(counts: Counter[str]) -> dict[str, int]:
    paid_back = counts["refunded_amount"] + counts["disputed_amount"]
    return {**{name: counts[name] for name in _FIGURES}, "paid_back_amount": paid_back}


def _rank(figures: dict[str, int], order: Order) -> float:
    """Return what a code is ranked by; ratios over nothing come last."""
    if order not in _RATIOS:
        return figures[order]
    whole = figures[_RATIOS[order]]
    return figures["discount_amount"] / whole if whole else -inf


def _reckoned(selection: Selection, order: Order, part: slice) -> dict[Unit, dict[str, int]]:
    is_by_use = order in (Order.REDEMPTIONS, Order.NEW_CUSTOMERS)
    first, second = (_redemptions, _money) if is_by_use else (_money, _redemptions)
    ordered = first(selection, Q()).order_by(F(order).desc(nulls_last=True), "-unit_code", "-unit_batch")
    found = _by_unit(ordered[part])
    others = _by_unit(second(selection, units.within(found, _PATHS[second])) if found else ())
    return {unit: {**figures, **others.get(unit, {})} for unit, figures in found.items()}


def _money(selection: Selection, codes: Q) -> Any:
    grouped = selection.entries().filter(codes).values(**units.columns(_PATHS[_money])).annotate(**_MONEY)
    discount = Cast("discount_amount", FloatField())
    return grouped.annotate(
        average_discount=discount / NullIf(F("discounted_orders"), 0),
        discount_rate=discount / NullIf(F("discounted_gross_amount"), 0),
    )


def _redemptions(selection: Selection, codes: Q) -> Any:
    usages = selection.usages().filter(codes)
    return usages.values(**units.columns(_PATHS[_redemptions])).annotate(**_REDEMPTIONS)


_PATHS = {_money: "usage__promo_code__", _redemptions: "promo_code__"}
#: Of what the discount is a ratio.
_RATIOS = {Order.AVERAGE_DISCOUNT: "discounted_orders", Order.DISCOUNT_RATE: "discounted_gross_amount"}
_FIGURES = frozenset({*_MONEY, *_REDEMPTIONS})


def _by_unit(rows: Iterable[dict[str, Any]]) -> dict[Unit, dict[str, int]]:
    return {Unit.of(row): {name: row[name] for name in _FIGURES & row.keys()} for row in rows}
