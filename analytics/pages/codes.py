"""Codes: ranked by any figure, and those never used, about to expire or about to run out."""

from __future__ import annotations

from dataclasses import replace

from analytics import blocks, formulas, links, queries
from analytics.blocks import Cell, Paging, Table
from analytics.formulas import Ratio
from analytics.measures import ranking, revenue, stock
from analytics.measures.ranking import CodeFigures, Order
from analytics.measures.revenue import Impact
from analytics.measures.stock import BatchUse, Stock
from analytics.pages.page import Asked, Choice, Page, Section
from promos import money
from promos.models import CodeBatch, PromoCode

ROWS = 50
#: Of each currency, while more than one is shown.
ROWS_OF_EACH = 10
ORDER = Choice(
    "order",
    "Rank by",
    (
        (Order.NET, "Net revenue"),
        (Order.REDEMPTIONS, "Redemptions"),
        (Order.NEW_CUSTOMERS, "New customers"),
        (Order.GROSS, "Gross revenue"),
        (Order.DISCOUNT, "Discount given"),
        (Order.PAID_BACK, "Refunds and lost disputes"),
        (Order.AVERAGE_DISCOUNT, "Average discount"),
        (Order.DISCOUNT_RATE, "Discount rate"),
    ),
)
HEADERS = (
    "Code",
    "Redemptions",
    "By new customers",
    "Gross",
    "Discount",
    "Refunds, disputes",
    "Net",
    "Net before",
    "Average discount",
    "Discount rate",
)


def build(asked: Asked) -> list[Section]:
    """Return a section of ranked codes for each currency, or why there is none, and one of what needs a look."""
    now = stock_section(asked)
    tables = [_batches(stock.batches(asked.selection)), *now.tables]
    ranked = rankings(asked, Order(asked.chosen[ORDER.name])) or [Section(sentence=PAGE.empty)]
    return [*ranked, replace(now, tables=tables)]


def rankings(asked: Asked, order: Order) -> list[Section]:
    """Rank the codes of each currency, the one with the most discounted orders first."""
    totals = sorted(revenue.impact(asked.selection).values(), key=lambda total: -total.discounted_orders)
    return [_ranked(asked, total, order, is_only=len(totals) == 1) for total in totals]


def _ranked(asked: Asked, total: Impact, order: Order, *, is_only: bool) -> Section:
    """Rank the codes of one currency: in parts when it is the only one, else the first few."""
    selection = replace(asked.selection, currency=total.currency)
    rows = ROWS if is_only else ROWS_OF_EACH
    start = (asked.part - 1) * rows if is_only else 0
    # One more than is shown tells whether there is another part.
    found = ranking.ranking(selection, order, start=start, limit=rows + 1)
    before = ranking.net_amounts(selection.previous, [code.unit for code in found])
    table = Table(
        title=f"Codes by {dict(ORDER.options)[order].lower()}",
        headers=HEADERS,
        rows=[_row(code, before.get(code.unit, 0)) for code in found[:rows]],
        numbers=len(HEADERS) - 1,
        formula=formulas.CODE_FIGURES,
        empty="No more codes.",
        paging=paging(asked, start, len(found), rows) if is_only else _rest(asked, total, len(found)),
    )
    best = found if order == Order.NET and not start else None
    top = ranking.ranking(selection, Order.NET, start=0, limit=1) if best is None else best
    return Section(total.currency.upper(), sentence(top, total), tables=[table])


def sentence(best: list[CodeFigures], total: Impact) -> str:
    """Answer: which codes drive the most revenue?"""
    if not best or best[0].net_amount <= 0:
        return "No code brought any net revenue in this period."
    first = best[0]
    kept = money.display(first.net_amount, first.currency)
    share = Ratio(first.net_amount, total.net_amount, total.discounted_orders)
    told = f"{first.name} drives the most revenue: {kept} net with {blocks.counted(first.redemptions, 'redemption')}"
    # What others lost may leave all of them together less than the first alone.
    if share.is_too_few or first.net_amount > total.net_amount:
        return f"{told}."
    return f"{told}, {share} of all net revenue with a code."


def _row(code: CodeFigures, net_before: int) -> list[Cell]:
    average = code.average_discount_amount
    return [
        blocks.words(code.name, links.unit(code.unit)),
        blocks.count(code.redemptions),
        blocks.count(code.new_customer_redemptions),
        *(
            blocks.amount(amount, code.currency)
            for amount in (
                code.gross_amount,
                code.discount_amount,
                -code.paid_back_amount,
                code.net_amount,
                net_before,
            )
        ),
        blocks.words("—") if average is None else blocks.amount(average, code.currency),
        blocks.share(code.discount_rate),
    ]


def paging(asked: Asked, start: int, found: int, rows: int) -> Paging | None:
    """Return the ways to the parts of a table beside the one that starts at ``start``; None when it is all there is."""
    if not start and found <= rows:
        return None
    return Paging(
        shown=f"{start + 1:,} to {start + min(found, rows):,}" if found else "No more",
        previous=asked.link(part=str(asked.part - 1)) if start else "",
        following=asked.link(part=str(asked.part + 1)) if found > rows else "",
    )


def _rest(asked: Asked, total: Impact, found: int) -> Paging | None:
    if found <= ROWS_OF_EACH:
        return None
    following = f"{PAGE.address}{asked.link(currency=total.currency)}"
    return Paging(f"The first {ROWS_OF_EACH}", "", following, f"All in {total.currency.upper()}")


def stock_section(asked: Asked) -> Section:
    """Answer: which codes were never used, are about to expire, about to run out?"""
    unused = stock.never_used(asked.selection)
    expiring = stock.expiring(asked.selection, asked.now)
    full = stock.running_out(asked.selection)
    issued = queries.issued(asked.selection.campaign_id)
    return Section(
        title="Now, whatever the period",
        sentence=f"Never used: {unused.shown_count}; about to expire, within {stock.EXPIRES_WITHIN.days} days: "
        f"{expiring.shown_count}; about to run out, at least 80 % used up: {full.shown_count}.",
        cards=[
            blocks.codes_used(Ratio(issued.used, issued.codes), links.used_codes(asked.selection.campaign_id))
        ],
        tables=[
            _stock_table("Never used", "Made", unused, formulas.NEVER_USED),
            _stock_table("About to expire", "Expires", expiring, formulas.EXPIRING),
            _stock_table("About to run out", "Used", full, formulas.RUNNING_OUT),
        ],
    )


def _batches(found: list[BatchUse]) -> Table:
    return Table(
        title="Codes used, by batch",
        headers=["Batch", "Issued", "Redeemed", "Usage rate"],
        rows=[
            [
                blocks.words(str(one.batch), links.row(CodeBatch, one.batch.pk)),
                blocks.count(one.issued.codes),
                blocks.count(one.issued.used, links.used_codes_of_batch(one.batch.pk)),
                blocks.share(one.usage_rate),
            ]
            for one in found
        ],
        numbers=3,
        formula=f"{formulas.USAGE_RATE} The {stock.LISTED_AT_MOST} newest batches.",
        empty="No code of a batch was given out.",
    )


def _stock_table(title: str, header: str, found: Stock, formula: str) -> Table:
    return Table(
        title=f"{title}: {found.shown_count}",
        headers=["Code", "Campaign", header],
        rows=[_stock_row(code, header) for code in found.codes],
        numbers=1,
        formula=formula,
        empty="None.",
    )


def _stock_row(code: PromoCode, header: str) -> list[Cell]:
    last = {
        "Made": blocks.moment(code.created_at),
        "Expires": blocks.moment(code.expires_at),
        "Used": blocks.words(f"{code.used_count:,} of {code.max_redemptions or 0:,}"),
    }
    campaign = blocks.words(code.campaign.name if code.campaign else "")
    return [blocks.words(code.code, links.row(PromoCode, code.pk)), campaign, last[header]]


PAGE = Page(
    slug="codes",
    title="Code ranking",
    icon="leaderboard",
    intro="Which codes drive the most revenue, and which were never used, are about to expire or to run out.",
    build=build,
    choices=(ORDER,),
)
