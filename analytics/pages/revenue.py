"""Revenue impact: gross, discount and net side by side, actual against list prices, given away against earned."""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from itertools import accumulate

from analytics import blocks, charts, formulas, links
from analytics.blocks import Card, Cell, Table
from analytics.charts import Chart, Labels, Series
from analytics.formulas import MINIMUM_CASES, Ratio
from analytics.measures import revenue
from analytics.measures.revenue import CampaignMoney, Impact, Moved, Orders
from analytics.pages.page import Asked, Page, Section
from analytics.periods import Period
from promos import money
from promos.models import Campaign


def build(asked: Asked) -> list[Section]:
    """Return a section for each currency in which something moved, now or before."""
    now, before = revenue.impact(asked.selection), revenue.impact(asked.selection.previous)
    orders, moved = revenue.orders(asked.selection), revenue.over_time(asked.selection)
    campaigns = revenue.by_campaign(asked.selection)
    return [
        Section(
            title=currency.upper(),
            sentence=sentence(now.get(currency, Impact(currency))),
            cards=_cards(
                now.get(currency, Impact(currency)),
                before.get(currency, Impact(currency)),
                orders.get(currency, Orders(currency)),
                asked,
            ),
            charts=_charts(moved.get(currency, []), currency, asked.period),
            tables=[_campaigns([row for row in campaigns if row.currency == currency])],
        )
        for currency in sorted(
            now.keys() | before.keys(), key=lambda currency: (_weight(now, currency), currency)
        )
    ]


def answers(asked: Asked) -> list[Section]:
    """Return the answer alone, for each currency: the sentence, and gross, discount and net over time."""
    now, moved = revenue.impact(asked.selection), revenue.over_time(asked.selection)
    return [
        Section(
            title=currency.upper(),
            sentence=sentence(now[currency]),
            charts=_charts(moved.get(currency, []), currency, asked.period)[:1],
        )
        for currency in sorted(now, key=lambda currency: (_weight(now, currency), currency))
    ]


def _weight(now: dict[str, Impact], currency: str) -> int:
    """Put the currency with the most discounted orders first."""
    return -now[currency].discounted_orders if currency in now else 0


def sentence(now: Impact) -> str:
    """Answer: how much are we giving away against what it earns?"""
    given, kept = (money.display(amount, now.currency) for amount in (now.discount_amount, now.net_amount))
    if not now.gross_amount and not now.net_amount:
        return "No order with a code was paid in this period."
    if now.discount_amount <= 0:
        return f"Nothing was given away; orders with a code brought {kept}."
    one = money.display(10 ** money.exponent(now.currency), now.currency)
    told = f"{given} was given away on orders that brought {kept}"
    if now.discounted_orders < MINIMUM_CASES:
        return f"{told}; {now.discounted_orders:,} discounted orders are too few for a ratio."
    return f"{told}: {per_one(now)} kept for each {one} given, attributed."


def per_one(now: Impact | CampaignMoney) -> Cell:
    """Return the net revenue for each unit of currency given away; "—" when nothing was."""
    if now.discount_amount <= 0:
        return blocks.words("—")
    if now.discounted_orders < MINIMUM_CASES:
        return blocks.words("too few")
    unit = 10 ** money.exponent(now.currency)
    kept = Decimal(now.net_amount * unit) / now.discount_amount
    return blocks.amount(int(kept.to_integral_value(ROUND_HALF_UP)), now.currency)


def _cards(now: Impact, was: Impact, orders: Orders, asked: Asked) -> list[Card]:
    currency, period = now.currency, asked.period
    rows, discounted = (
        links.selected_entries(replace(asked.selection, currency=currency), **narrowed)
        for narrowed in ({}, {"discount_amount__gt": "0"})
    )
    paid_back = now.refunded_amount + now.disputed_amount
    average = now.average_discount_amount
    return [
        Card(
            "Gross revenue, at list prices",
            blocks.amount(now.gross_amount, currency),
            formulas.GROSS,
            rows,
            blocks.before(blocks.amount(was.gross_amount, currency), period),
        ),
        Card(
            "Discount given",
            blocks.amount(now.discount_amount, currency),
            f"{formulas.SAVINGS} Average: {formulas.AVERAGE_DISCOUNT}",
            discounted,
            blocks.before(blocks.amount(was.discount_amount, currency), period),
            [("Average", "—" if average is None else blocks.amount(average, currency))],
        ),
        Card(
            "Net revenue",
            blocks.amount(now.net_amount, currency),
            formulas.NET,
            rows,
            blocks.before(blocks.amount(was.net_amount, currency), period),
            [("Refunds and lost disputes", blocks.amount(-paid_back, currency))],
        ),
        _rate(now, was, orders, asked, discounted),
    ]


def _rate(now: Impact, was: Impact, orders: Orders, asked: Asked, rows: str) -> Card:
    # Renewals are a segment's by its redemption: those of orders without a code nobody can tell.
    gross_amount = 0 if asked.selection.segment else orders.gross_amount
    of_all = Ratio(now.discount_amount, gross_amount, orders.orders)
    return Card(
        "Discount rate",
        blocks.share(now.discount_rate),
        f"{formulas.DISCOUNT_RATE} Over all orders: {formulas.DISCOUNT_RATE_OF_ALL}",
        rows,
        blocks.before(was.discount_rate, asked.period),
        [("Over all orders", blocks.share(of_all))],
    )


def _charts(moved: list[Moved], currency: str, period: Period) -> list[Chart]:
    if not moved:
        return []
    labels = Labels.of_buckets(period)
    gross, discount, net = (
        [getattr(one, name) for one in moved] for name in ("gross_amount", "discount_amount", "net_amount")
    )
    listed, kept = (money.display(sum(amounts), currency) for amounts in (gross, net))
    return [
        charts.draw(
            f"Gross, discount and net by {period.bucket}",
            labels,
            [
                Series("Gross", gross, charts.ALL_COLOUR),
                Series("Discount", discount, charts.DISCOUNT_COLOUR),
                Series("Net", net, charts.NET_COLOUR),
            ],
            summary=f"Gross, discount and net by {period.bucket}; {listed} gross and {kept} net together.",
            formula=f"Gross: {formulas.GROSS} Net: {formulas.NET}",
            currency=currency,
        ),
        charts.draw(
            "Actual against list prices, running total",
            labels,
            [
                Series("At list prices", list(accumulate(gross)), charts.ALL_COLOUR),
                Series("Actual", list(accumulate(net)), charts.NET_COLOUR),
            ],
            summary=f"At list prices {listed}, actually {kept}.",
            formula=formulas.ACTUAL_AGAINST_LIST,
            currency=currency,
            shape="line",
        ),
    ]


def _campaigns(rows: list[CampaignMoney]) -> Table:
    return Table(
        title="Given away against earned, by campaign",
        headers=["Campaign", "Gross", "Discount", "Net", "Net for each 1 given"],
        rows=[
            [
                _campaign(row),
                *(blocks.amount(amount, row.currency) for amount in (row.gross_amount, row.discount_amount)),
                blocks.amount(row.net_amount, row.currency),
                per_one(row),
            ]
            for row in rows
        ],
        numbers=4,
        formula=formulas.GIVEN_AGAINST_EARNED,
        empty="No order with a code was paid in this period.",
    )


def _campaign(row: CampaignMoney) -> Cell:
    return blocks.words(row.name, links.row(Campaign, row.campaign_id) if row.campaign_id else "")


PAGE = Page(
    slug="revenue",
    title="Revenue impact",
    icon="account_balance_wallet",
    intro="What orders with a code would have brought at list prices, what was given away, and what was kept.",
    build=build,
)
