"""One customer's whole history: totals, and every order and repayment with its code."""

from __future__ import annotations

from collections.abc import Sequence

from analytics import blocks, links
from analytics.blocks import Card, Cell, Table
from analytics.measures import customers
from analytics.measures.customers import Total
from analytics.pages import codes
from analytics.pages.page import Asked, Section
from promos import money
from promos.models import Customer, LedgerEntry, PromoCodeUsage

ROWS = 50
HISTORY = "Every settled checkout, renewal, refund, dispute and credit note of the customer, with or without a code."


def build(asked: Asked, customer: Customer) -> list[Section]:
    """Return what the customer bought, with and without a code, whatever the period."""
    totals = customers.totals(customer)
    start = (asked.part - 1) * ROWS
    # One more than is shown tells whether there is another part.
    entries = customers.history(customer, start=start, limit=ROWS + 1)
    return [
        Section(
            title=str(customer),
            sentence=_life(totals),
            cards=[_total(total, customer) for total in totals],
            tables=[_entries(asked, entries, start)],
        )
    ]


def _life(totals: Sequence[Total]) -> str:
    if not totals:
        return "This customer has not paid for anything yet."
    saved = " and ".join(money.display(total.discount_amount, total.currency) for total in totals)
    orders = sum(total.orders for total in totals)
    since = min(total.first_at for total in totals)
    return f"{saved} saved in {blocks.counted(orders, 'order')} since {blocks.moment(since)}, whatever the period chosen."


def _total(total: Total, customer: Customer) -> Card:
    return Card(
        f"Net revenue, {total.currency.upper()}",
        blocks.amount(total.net_amount, total.currency),
        f"Gross − discount − refunds − lost disputes, over all time. {HISTORY}",
        links.rows(LedgerEntry, customer__exact=str(customer.pk), currency=total.currency),
        lines=[
            ("Gross", blocks.amount(total.gross_amount, total.currency)),
            ("Saved", blocks.amount(total.discount_amount, total.currency)),
            ("Orders", blocks.count(total.orders)),
            ("Redemptions", blocks.count(total.redemptions)),
        ],
    )


def _entries(asked: Asked, entries: list[LedgerEntry], start: int) -> Table:
    return Table(
        title="History",
        headers=["When", "What", "Code", "Gross", "Discount", "Net"],
        rows=[_entry(entry) for entry in entries[:ROWS]],
        numbers=3,
        formula=HISTORY,
        empty="Nothing here.",
        paging=codes.paging(asked, start, len(entries), ROWS),
    )


def _entry(entry: LedgerEntry) -> list[Cell]:
    usage = entry.usage
    return [
        blocks.moment(entry.occurred_at),
        blocks.words(entry.get_kind_display(), links.row(LedgerEntry, entry.pk)),
        blocks.words(usage.promo_code.code, links.row(PromoCodeUsage, usage.pk))
        if usage
        else blocks.words(""),
        *(
            blocks.amount(amount, entry.currency)
            for amount in (entry.gross_amount, entry.discount_amount, entry.net_amount)
        ),
    ]
