"""Plans: what discounted customers take against everybody, and which codes are used on which plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce

from analytics.formulas import Ratio
from analytics.measures import ranking, rows, units
from analytics.measures.ranking import Order
from analytics.measures.revenue import kept_orders
from analytics.measures.units import Unit
from analytics.queries import DISCOUNTED, ORDERS
from analytics.selection import Selection


@dataclass(frozen=True)
class PlanOrders:
    """Paid orders of one plan, checkouts and renewals: those with a discount beside all."""

    currency: str
    plan: str
    orders: int
    discounted_orders: int
    gross_amount: int
    discount_amount: int

    @property
    def discounted_share(self) -> Ratio:
        return Ratio(self.discounted_orders, self.orders)


def orders(selection: Selection) -> list[PlanOrders]:
    """Count the paid orders of each plan, by currency, the one with the most discounted orders first.

    A campaign narrows those with a discount to its own; all remain all.
    """
    if selection.has_totals_of_orders and not selection.campaign_id:
        return sorted(rows.of_sums(PlanOrders, kept_orders(selection, "currency", "plan")), key=_most_first)
    discounted = DISCOUNTED
    discounted_orders = Count("pk", filter=discounted & ORDERS)
    if selection.campaign_id:
        discounted &= Q(usage__promo_code__campaign=selection.campaign_id)
        # Its code may be the second on an order, beside which it then has an entry. A distinct count sorts all rows.
        discounted_orders = Count(Coalesce("order", "pk"), distinct=True, filter=discounted)
    sums: dict[str, Any] = {
        "orders": Count("pk", filter=ORDERS),
        "discounted_orders": discounted_orders,
        "gross_amount": Sum("gross_amount"),
        "discount_amount": Sum("discount_amount", filter=discounted, default=0),
    }
    found = selection.sales().values("currency", "plan").annotate(**sums)
    return sorted(rows.of(PlanOrders, found), key=_most_first)


def _most_first(row: PlanOrders) -> tuple[str, int, int, str]:
    return row.currency, -row.discounted_orders, -row.orders, row.plan


@dataclass(frozen=True)
class CodePlans:
    """How often one code (or the codes of one batch) was redeemed on each plan."""

    unit: Unit
    name: str
    redemptions: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.redemptions.values())


def by_code(selection: Selection, *, limit: int) -> list[CodePlans]:
    """Return the most redeemed codes of a selection in one currency, with their redemptions on each plan.

    One query more than the ranking takes.
    """
    most = ranking.ranking(selection, Order.REDEMPTIONS, start=0, limit=limit)
    found = {code.unit: CodePlans(code.unit, code.name, {}) for code in most if code.redemptions}
    grouped: Any = selection.usages().filter(units.within(found, "promo_code__"))
    times = grouped.values("plan", **units.columns("promo_code__")).annotate(times=Count("pk"))
    for row in times if found else ():
        found[Unit.of(row)].redemptions[row["plan"]] = row["times"]
    return list(found.values())
