"""The codes of a list as CSV, streamed, and safe to open in a spreadsheet.

The columns are those of an import, so that codes can be taken along to another
installation; what people want to read besides stands behind them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.http import StreamingHttpResponse

from promos import codes, money, offers, spreadsheets
from promos.imports import columns
from promos.models import Offer
from promos.models.codes import PromoCodeQuerySet

#: What an import has no use for.
FOR_PEOPLE = ("gives", "status", "stripe", "created_at")
#: An import takes a value from the column of its kind instead.
HEADERS = (*(name for name in columns.ALIASES if name != "value"), *FOR_PEOPLE)
READ_AT_ONCE = 2_000


def answer(rows: PromoCodeQuerySet, *, now: datetime) -> StreamingHttpResponse:
    """Answer with the rows, read and sent block by block."""
    response = StreamingHttpResponse(_lines(rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="codes-{now:%Y-%m-%d}.csv"'
    return response


def _lines(rows: PromoCodeQuerySet) -> Iterator[str]:
    writer = csv.writer(spreadsheets.Echo())
    yield spreadsheets.MARK + writer.writerow(HEADERS)
    for code in rows.select_related("offer", "campaign", "customer").iterator(chunk_size=READ_AT_ONCE):
        found = _cells(code)
        yield writer.writerow([spreadsheets.safe(found[name]) for name in HEADERS])


def _cells(code: Any) -> dict[str, object]:
    return {
        "code": code.code,
        "description": code.description,
        "campaign": code.campaign.name if code.campaign else "",
        **_terms(code.offer),
        "max_redemptions": code.max_redemptions,
        "max_per_customer": code.max_redemptions_per_customer,
        "used": code.used_count,
        "starts_at": _moment(code.starts_at),
        "expires_at": _moment(code.expires_at),
        "first_time": "yes" if code.first_time_only else "no",
        "minimum_amount": _amount(code.minimum_amount, code.minimum_amount_currency),
        "minimum_currency": code.minimum_amount_currency.upper(),
        "further_minimums": _further(code.minimum_currency_amounts),
        "customer": code.customer or "",
        "active": _state(code),
        "gives": offers.value_in_words(code.offer),
        "status": codes.Status(code.status_now).label,
        "stripe": code.get_sync_status_display(),
        "created_at": _moment(code.created_at),
    }


def _terms(offer: Offer) -> dict[str, object]:
    is_amount = offer.kind == Offer.Kind.AMOUNT
    return {
        "name": offer.name,
        "type": offer.kind,
        "percent_off": offer.percent_off if offer.kind == Offer.Kind.PERCENT else None,
        "amount_off": _amount(offer.amount_off, offer.currency) if is_amount else None,
        "fixed_price": _amount(offer.fixed_price_amount, offer.currency),
        "list_price_id": offer.list_price_id,
        "currency": offer.currency.upper(),
        "further_amounts": _further(offer.currency_amounts),
        "duration": offer.duration,
        "months": offer.duration_in_months,
        "products": " ".join(offer.product_ids),
    }


def _amount(amount: int | None, currency: str) -> object:
    return None if amount is None else money.decimal(amount, currency)


def _further(amounts: Mapping[str, int]) -> str:
    return "; ".join(f"{key.upper()} {money.decimal(amount, key)}" for key, amount in amounts.items())


def _state(code: Any) -> str:
    """Return what was decided about the code itself, whatever its campaign, its dates and its uses make of it."""
    if code.archived_at:
        return "archived"
    return "paused" if code.paused_at else "active"


def _moment(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else ""
