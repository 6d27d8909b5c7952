"""What codes did, in figures: totals by currency, each code, and what came last."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone
from rich.table import Table

from analytics import periods, queries, reports
from analytics.console import finding
from analytics.console.answer import Answer, table
from analytics.queries import Scope
from analytics.reports import CodeFigures, Figures
from promos import money
from promos.models import LedgerEntry

HELP = (
    "Print what codes did: totals by currency, each code, recent activity. Amounts with --json are in minor units. "
    "Exits 1 only when the question makes no sense (an unknown code, a wrong date)."
)
RECENT = 10
#: So many codes fit a person's screen; --json has all.
SHOWN_CODES = 20


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--code", help="only this code")
    parser.add_argument("--campaign", metavar="NAME", help="only the codes of this campaign")
    parser.add_argument("--from", dest="first", metavar="DATE", help="first day, as 2026-01-01")
    parser.add_argument("--to", dest="last", metavar="DATE", help="last day, included")


def run(options: dict[str, Any], *, now: datetime) -> Answer:
    scope = _scope(options)
    totals, codes = list(reports.figures(scope).values()), reports.codes(scope)
    recent = queries.recent(scope, limit=RECENT)
    return Answer(
        data={
            "totals": [_total(row) for row in totals],
            "codes": [_code(row) for row in codes],
            "recent": [_activity(entry) for entry in recent],
        },
        shown=[_totals_table(totals), *_codes_tables(codes), _recent_table(recent)]
        if totals
        else ["No code was redeemed."],
    )


def _scope(options: dict[str, Any]) -> Scope:
    try:
        period = periods.since_until(options["first"], options["last"], zone=timezone.get_default_timezone())
    except ValueError as error:
        raise CommandError(str(error)) from error
    return Scope(
        period,
        promo_code_ids=finding.ids_of(options["code"]) if options["code"] else None,
        campaign_id=finding.campaign(options["campaign"]).pk if options["campaign"] else None,
    )


def _total(row: Figures) -> dict[str, Any]:
    return {**asdict(row.redemptions), **asdict(row.money)}


def _code(row: CodeFigures) -> dict[str, Any]:
    return asdict(row)


def _activity(entry: LedgerEntry) -> dict[str, Any]:
    return {
        "occurred_at": entry.occurred_at.isoformat(),
        "kind": entry.kind,
        "code": entry.usage.promo_code.code if entry.usage else None,
        "customer": str(entry.customer) if entry.customer else None,
        "plan": entry.plan,
        "currency": entry.currency,
        "gross_amount": entry.gross_amount,
        "discount_amount": entry.discount_amount,
        "net_amount": entry.net_amount,
    }


def _totals_table(totals: list[Figures]) -> Table:
    shown = table(
        "Totals",
        "Currency",
        "Redemptions",
        "Customers",
        "Gross",
        "Discount",
        "Refunds, disputes",
        "Net",
        numbers=6,
    )
    for row in totals:
        amounts = row.money
        paid_back = amounts.refunded_amount + amounts.disputed_amount
        shown.add_row(
            row.currency.upper(),
            f"{row.redemptions.redemptions:,}",
            f"{row.redemptions.customers:,}",
            *_in_words(
                row.currency, amounts.gross_amount, amounts.discount_amount, paid_back, amounts.net_amount
            ),
        )
    return shown


def _codes_tables(codes: list[CodeFigures]) -> list[Table | str]:
    shown = table("Codes", "Code", "Currency", "Redemptions", "Gross", "Discount", "Net", numbers=4)
    for row in codes[:SHOWN_CODES]:
        amounts = _in_words(row.currency, row.gross_amount, row.discount_amount, row.net_amount)
        shown.add_row(row.code, row.currency.upper(), f"{row.redemptions:,}", *amounts)
    more = len(codes) - SHOWN_CODES
    return [shown, f"and {more:,} more; --json has all."] if more > 0 else [shown]


def _recent_table(recent: list[LedgerEntry]) -> Table:
    shown = table("Recent activity", "When", "What", "Code", "Customer", "Discount", "Net", numbers=2)
    for entry in recent:
        shown.add_row(
            timezone.localtime(entry.occurred_at).strftime("%Y-%m-%d %H:%M"),
            entry.get_kind_display(),
            entry.usage.promo_code.code if entry.usage else "",
            str(entry.customer or ""),
            *_in_words(entry.currency, entry.discount_amount, entry.net_amount),
        )
    return shown


def _in_words(currency: str, *amounts: int) -> list[str]:
    return [money.display(amount, currency) for amount in amounts]
