"""Campaign results: what each cost and brought over its whole life, attributed."""

from __future__ import annotations

from itertools import accumulate, groupby

from analytics import blocks, charts, economics, formulas, links
from analytics.blocks import Card, Cell, Table
from analytics.charts import Chart, Labels, Series
from analytics.economics import Assumptions, Earnings
from analytics.formulas import Ratio
from analytics.measures import campaign_results
from analytics.measures.campaign_results import Result
from analytics.pages.page import Asked, Filter, Page, Section
from analytics.periods import Spans
from promos import money
from promos.models import Campaign

#: Campaigns beside each other in the chart, those that cost the most.
SHOWN = 8
#: Rows of the table; whoever has more campaigns chooses a shorter period.
LISTED = 100


def build(asked: Asked) -> list[Section]:
    """Return a section for each currency in which a campaign had an order in the period."""
    results, assumed = campaign_results.results(asked.selection), Assumptions.of_settings()
    return [
        _section(currency, list(rows), assumed, is_one=asked.selection.campaign_id is not None)
        for currency, rows in groupby(results, key=lambda result: result.currency)
    ]


def sentence(rows: list[Result], assumed: Assumptions) -> str:
    """Answer: which campaign returned most of what it cost?"""
    known = [row for row in rows if row.promotion_cost_amount and not row.roi(assumed).is_too_few]
    if not known:
        return (
            f"No campaign with at least {formulas.MINIMUM_CASES} redemptions has cost anything yet: "
            "too few for a return."
        )
    best = max(known, key=lambda row: row.roi(assumed).percent)
    cost, profit = (
        money.display(amount, best.currency)
        for amount in (best.promotion_cost_amount, best.profit(assumed) - best.fixed_cost_amount)
    )
    return (
        f"{best.name} returned the most for its cost: {cost} spent, {profit} of profit attributed to it, "
        f"a return of {best.roi(assumed)}."
    )


def _section(currency: str, rows: list[Result], assumed: Assumptions, *, is_one: bool) -> Section:
    return Section(
        title=currency.upper(),
        sentence=sentence(rows, assumed),
        cards=_cards(currency, rows, assumed),
        charts=[_payback(rows[0], assumed) if is_one else _compared(rows[:SHOWN], assumed)],
        tables=[_table(rows[:LISTED], assumed)],
    )


def _cards(currency: str, rows: list[Result], assumed: Assumptions) -> list[Card]:
    earned = sum((row.earned for row in rows), Earnings())
    fixed = sum(row.fixed_cost_amount for row in rows)
    profit = economics.net_gross_profit(earned, currency, assumed)
    roi = economics.attributed_roi(
        profit,
        discount_amount=earned.discount_amount,
        fixed_cost_amount=fixed,
        cases=sum(row.redemptions for row in rows),
    )
    return [
        Card(
            "Promotion cost",
            blocks.amount(earned.discount_amount + fixed, currency),
            economics.PROMOTION_COST,
            links.rows(Campaign),
            note=_left_out(rows),
            lines=[
                ("Discount given", blocks.amount(earned.discount_amount, currency)),
                ("Fixed cost", blocks.amount(fixed, currency)),
            ],
        ),
        Card(
            "Net gross profit",
            blocks.amount(profit, currency),
            f"{economics.NGP} {assumed.in_words(currency)}",
            lines=[
                ("Gross", blocks.amount(earned.gross_amount, currency)),
                ("Refunds and lost disputes", blocks.amount(-earned.paid_back_amount, currency)),
            ],
        ),
        Card(
            "Attributed ROI",
            blocks.share(roi),
            f"{economics.ATTRIBUTED_ROI} {assumed.in_words(currency)}",
            note="Attributed: not proven against customers without a code.",
        ),
    ]


def _left_out(rows: list[Result]) -> str:
    """Say whose fixed cost is in another currency, in which alone it can count."""
    elsewhere = [f"{row.name} ({row.cost_elsewhere.upper()})" for row in rows if row.cost_elsewhere]
    if not elsewhere:
        return ""
    named = ", ".join(elsewhere[:SHOWN]) + (", …" if len(elsewhere) > SHOWN else "")
    return f"Without the fixed cost of what has it in another currency: {named}."


def _compared(rows: list[Result], assumed: Assumptions) -> Chart:
    return charts.draw(
        "Cost and profit by campaign, attributed",
        Labels("Campaign", [row.name for row in rows]),
        [
            Series("Promotion cost", [row.promotion_cost_amount for row in rows], charts.DISCOUNT_COLOUR),
            Series("NGP − fixed cost", [row.profit(assumed) - row.fixed_cost_amount for row in rows]),
        ],
        summary=f"Promotion cost and attributed profit of {len(rows)} campaigns.",
        formula=f"{economics.PROMOTION_COST} NGP: {economics.NGP} {assumed.in_words(rows[0].currency)}",
        currency=rows[0].currency,
        shape="sideways",
    )


def _payback(row: Result, assumed: Assumptions) -> Chart:
    months = range(max(row.gross_by_month, default=0) + 1)
    gross = accumulate(row.gross_by_month.get(month, 0) for month in months)
    return charts.draw(
        f"Payback of {row.name}",
        Labels("Month after redemption", [str(month) for month in months]),
        [
            Series(
                "Gross × margin, running total", [economics.margin_amount(each, assumed) for each in gross]
            ),
            Series("Promotion cost", [row.promotion_cost_amount for _ in months], charts.DISCOUNT_COLOUR),
        ],
        summary=f"Cost back: {payback(row, assumed)}.",
        formula=f"{economics.PAYBACK} {assumed.in_words(row.currency)}",
        currency=row.currency,
        shape="line",
    )


def _table(rows: list[Result], assumed: Assumptions) -> Table:
    currency = rows[0].currency
    return Table(
        title="Campaigns, over their whole life",
        headers=[
            "Campaign",
            "Redemptions",
            "Gross",
            "Discount",
            "Promotion cost",
            "NGP",
            "Attributed ROI",
            "Break-even lift",
            "Payback",
        ],
        rows=[_row(row, assumed) for row in rows],
        numbers=8,
        formula=(
            f"Promotion cost: {economics.PROMOTION_COST} NGP: {economics.NGP} {economics.ATTRIBUTED_ROI} "
            f"Break-even lift: {economics.BREAK_EVEN_LIFT} Payback: {economics.PAYBACK} {assumed.in_words(currency)}"
        ),
    )


def _row(row: Result, assumed: Assumptions) -> list[Cell]:
    return [
        blocks.words(row.name, links.row(Campaign, row.campaign_id)),
        blocks.count(row.redemptions, links.campaign_redemptions(row.campaign_id, row.currency)),
        blocks.amount(row.earned.gross_amount, row.currency),
        blocks.amount(row.earned.discount_amount, row.currency),
        blocks.amount(row.promotion_cost_amount, row.currency),
        blocks.amount(row.profit(assumed), row.currency),
        blocks.share(row.roi(assumed)),
        _lift(row.break_even_lift(assumed)),
        blocks.words(payback(row, assumed)),
    ]


def _lift(lift: Ratio | None) -> Cell:
    return blocks.words("impossible") if lift is None else blocks.share(lift)


def payback(row: Result, assumed: Assumptions) -> str:
    """Say in which month after redemption the cost was back; "—" where there was none."""
    if not row.promotion_cost_amount:
        return "—"
    month = row.payback_month(assumed)
    return "not yet" if month is None else f"month {month}"


PAGE = Page(
    slug="campaigns",
    title="Campaign results",
    icon="campaign",
    intro=(
        "Campaigns with an order in the period, each over its whole life, since its fixed cost is one sum: "
        "what it cost, and what the orders under its redemptions brought, renewals included. "
        "A whole life has no period before, so nothing is set against one."
    ),
    build=build,
    is_compared=False,
    filters=(Filter.CURRENCY, Filter.CAMPAIGN),
    spans=Spans((30, 90, 365), default=90),
    empty="No campaign had an order in this period. Choose a longer one, or put codes into a campaign.",
)
