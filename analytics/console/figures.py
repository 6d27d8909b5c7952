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
    "Print what codes did: totals by currency, each code, recent activity. Amounts with --json are in minor units, "
    "with --csv (all codes, one line for each currency) in units of the currency. Exits 1 only when the question makes no sense (an unknown code, a wrong date)."
)
RECENT = 10
TOTALS = (
    "Redemptions",
    "Customers",
    "By new customers",
    "Gross",
    "Discount",
    "Discount ÷ gross, on discounted orders",
    "Refunds",
    "Lost disputes",
    "Net",
)
CSV_HEADERS = ("Code", "Currency", "Redemptions", "Customers", "Gross", "Discount", "Net")
#: So many codes fit a person's screen; --json and --csv have all.
SHOWN_CODES = 20


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--code", help="only this code")
    parser.add_argument("--campaign", metavar="NAME", help="only the codes of this campaign")
    parser.add_argument("--from", dest="first", metavar="DATE", help="first day, as 2026-01-01")
    parser.add_argument("--to", dest="last", metavar="DATE", help="last day, included")
    parser.add_argument("--csv", action="store_true", help="print the codes for a spreadsheet")


def run(options: dict[str, Any], *, now: datetime) -> Answer:
    if options["csv"] and options["json"]:
        raise CommandError("Choose --json or --csv, not both.")
    scope, days = _scope(options), _days(options)
    totals, codes = list(reports.figures(scope).values()), reports.codes(scope)
    recent = queries.recent(scope, limit=RECENT)
    return Answer(
        data={
            "totals": [_total(row) for row in totals],
            "codes": [_code(row) for row in codes],
            "recent": [_activity(entry) for entry in recent],
        },
        shown=[_totals_table(totals, days), *_codes_tables(codes), _recent_table(recent)]
        if totals
        else [f"No code was redeemed{days}."],
        lines=[CSV_HEADERS, *map(_csv_line, codes)],
    )


def _scope(options: dict[str, Any]) -> Scope:
    try:
        period = periods.since_until(options["first"], options["last"], zone=timezone.get_default_timezone())
    except ValueError as error:
        raise CommandError(str(error)) from error
    code, name = options["code"], options["campaign"]
    ids = finding.ids_of(code) if code is not None else None
    campaign = finding.campaign(name) if name is not None else None
    if ids and campaign and not campaign.promo_codes.filter(pk__in=ids).exists():
        raise CommandError(f"{code} is not in the campaign {name}.")
    return Scope(period, promo_code_ids=ids, campaign_id=campaign.pk if campaign else None)


def _days(options: dict[str, Any]) -> str:
    first = f" from {options['first']}" if options["first"] else ""
    last = f" up to {options['last']}" if options["last"] else ""
    return f"{first}{last}"


def _total(row: Figures) -> dict[str, Any]:
    return {**asdict(row.redemptions), **asdict(row.money)}


def _code(row: CodeFigures) -> dict[str, Any]:
    return asdict(row)


def _csv_line(row: CodeFigures) -> list[object]:
    amounts = (row.gross_amount, row.discount_amount, row.net_amount)
    in_units = [money.decimal(amount, row.currency) for amount in amounts]
    return [row.code, row.currency.upper(), row.redemptions, row.customers, *in_units]


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


def _totals_table(totals: list[Figures], days: str) -> Table:
    """Return a column for each currency: figures in different ones are never added."""
    columns = [_total_words(row) for row in totals]
    currencies = [row.currency.upper() for row in totals]
    shown = table(f"Totals{days}", "Figure", *currencies, numbers=len(totals))
    for name in TOTALS:
        shown.add_row(name, *(column[name] for column in columns))
    return shown


def _total_words(row: Figures) -> dict[str, str]:
    used, amounts = row.redemptions, row.money
    gross, discount, refunded, disputed, net = _in_words(
        row.currency,
        amounts.gross_amount,
        -amounts.discount_amount,
        -amounts.refunded_amount,
        -amounts.disputed_amount,
        amounts.net_amount,
    )
    figures = (
        f"{used.redemptions:,}",
        f"{used.customers:,}",
        f"{used.new_customer_redemptions:,} ({row.new_customer_share})",
        gross,
        discount,
        str(row.discount_rate),
        refunded,
        disputed,
        net,
    )
    return dict(zip(TOTALS, figures, strict=True))


def _codes_tables(codes: list[CodeFigures]) -> list[Table | str]:
    shown = table("Codes", "Code", "Currency", "Redemptions", "Gross", "Discount", "Net", numbers=4)
    for row in codes[:SHOWN_CODES]:
        amounts = _in_words(row.currency, row.gross_amount, row.discount_amount, row.net_amount)
        shown.add_row(row.code, row.currency.upper(), f"{row.redemptions:,}", *amounts)
    more = len(codes) - SHOWN_CODES
    return [shown, f"and {more:,} more; --json and --csv have all."] if more > 0 else [shown]


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
