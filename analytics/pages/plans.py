"""Plans × codes: what discounted customers take against everybody, and which code is used on which plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from analytics import blocks, charts, formulas, links
from analytics.blocks import Cell, Table
from analytics.charts import Chart, Labels, Series
from analytics.formulas import Ratio
from analytics.measures import plan_mix, plan_names
from analytics.measures.plan_mix import CodePlans, PlanOrders
from analytics.pages.page import Asked, Page, Section

PLANS_DRAWN = 8
PLANS_CROSSED = 6
CODES_CROSSED = 12
OTHERS = "Others"

#: The plans of the period before, by currency and plan.
Before = Mapping[tuple[str, str], PlanOrders]


def build(asked: Asked) -> list[Section]:
    """Return a section for each currency in which something was paid."""
    found, names = _by_currency(asked)
    before = {(row.currency, row.plan): row for row in plan_mix.orders(asked.selection.previous)}
    return [
        replace(
            _answer(orders, names),
            tables=[
                _shares(orders, names, before),
                _crossed(plan_mix.by_code(replace(asked.selection, currency=currency), limit=CODES_CROSSED)),
            ],
        )
        for currency, orders in found.items()
    ]


def answers(asked: Asked) -> list[Section]:
    """Return the answer alone, for each currency: the sentence, and the plans beside each other."""
    found, names = _by_currency(asked)
    return [_answer(orders, names) for orders in found.values()]


def _by_currency(asked: Asked) -> tuple[dict[str, list[PlanOrders]], dict[str, str]]:
    """Return the plans of each currency, the most discounted first, and what the plans are called."""
    orders = plan_mix.orders(asked.selection)
    discounted = Counter[str]()
    for row in orders:
        discounted[row.currency] += row.discounted_orders
    found = {
        currency: [row for row in orders if row.currency == currency]
        for currency, _ in discounted.most_common()
    }
    return found, plan_names.of(row.plan for row in orders)


def _answer(orders: list[PlanOrders], names: dict[str, str]) -> Section:
    return Section(
        title=orders[0].currency.upper(),
        sentence=sentence(orders, names),
        charts=[_chart(orders[:PLANS_DRAWN], names)],
    )


def sentence(orders: list[PlanOrders], names: dict[str, str]) -> str:
    """Answer: which plans are most popular with discounted customers?"""
    first, discounted = orders[0], sum(row.discounted_orders for row in orders)
    if not discounted:
        return "No order had a discount in this period."
    told = (
        f"{names[first.plan]} is the most popular with discounted customers: "
        f"{first.discounted_orders:,} of {discounted:,} discounted orders"
    )
    share, of_all = _share_of(first, orders, "discounted_orders"), _share_of(first, orders, "orders")
    if share.is_too_few:
        return f"{told}, too few for a percentage."
    return f"{told} ({share}), against {of_all} of all orders."


def _share_of(plan: PlanOrders, orders: list[PlanOrders], figure: str) -> Ratio:
    return Ratio(getattr(plan, figure), sum(getattr(row, figure) for row in orders))


def _chart(orders: list[PlanOrders], names: dict[str, str]) -> Chart:
    first = orders[0]
    return charts.draw(
        "Plan mix",
        Labels("Plan", [names[row.plan] for row in orders]),
        [
            Series("With a discount", [row.discounted_orders for row in orders], charts.DISCOUNT_COLOUR),
            Series("All", [row.orders for row in orders], charts.ALL_COLOUR),
        ],
        summary=f"Most discounted orders: {names[first.plan]}, {first.discounted_orders:,} of {first.orders:,}.",
        formula=formulas.PLAN_MIX,
        shape="sideways",
    )


def _shares(orders: list[PlanOrders], names: dict[str, str], before: Before) -> Table:
    return Table(
        title="Discounted against all",
        headers=[
            "Plan",
            "Discounted orders",
            "Period before",
            "Share of discounted",
            "All orders",
            "Share of all",
            "Discount given",
        ],
        rows=[
            [
                names[row.plan],
                blocks.count(row.discounted_orders),
                blocks.count(_discounted_orders(before.get((row.currency, row.plan)))),
                blocks.share(_share_of(row, orders, "discounted_orders")),
                blocks.count(row.orders),
                blocks.share(_share_of(row, orders, "orders")),
                blocks.amount(row.discount_amount, row.currency),
            ]
            for row in orders
        ],
        numbers=6,
        formula=f"{formulas.PLAN_SHARE} Period before: discounted orders of as many days.",
    )


def _discounted_orders(row: PlanOrders | None) -> int:
    return row.discounted_orders if row else 0


def _crossed(codes: list[CodePlans]) -> Table:
    """Cross the most redeemed codes with the plans on which they are redeemed most."""
    totals = Counter[str]()
    for code in codes:
        totals.update(code.redemptions)
    shown = [plan for plan, _ in totals.most_common(PLANS_CROSSED)]
    names = plan_names.of(shown)
    others = [OTHERS] if len(totals) > len(shown) else []
    most = max((times for code in codes for times in code.redemptions.values()), default=0)
    return Table(
        title="Redemptions, codes × plans",
        headers=["Code", *(names[plan] for plan in shown), *others, "Total"],
        rows=[_crossed_row(code, shown, most, has_others=bool(others)) for code in codes],
        numbers=len(shown) + len(others) + 1,
        formula=formulas.PLANS_BY_CODE,
        empty="No code was redeemed in this period.",
    )


def _crossed_row(code: CodePlans, shown: list[str], most: int, *, has_others: bool) -> list[Cell]:
    cells = [blocks.heat(code.redemptions.get(plan, 0), most) for plan in shown]
    rest = code.total - sum(code.redemptions.get(plan, 0) for plan in shown)
    others = [blocks.heat(rest, most)] if has_others else []
    return [blocks.words(code.name, links.unit(code.unit)), *cells, *others, blocks.count(code.total)]


PAGE = Page(
    slug="plans",
    title="Plans × codes",
    icon="grid_on",
    intro="Which plans discounted customers take, against everybody, and which code is used on which plan.",
    build=build,
)
