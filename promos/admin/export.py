"""The codes of a list as CSV, streamed, and safe to open in a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.http import StreamingHttpResponse

from promos import codes, money, offers, spreadsheets
from promos.models.codes import PromoCodeQuerySet

HEADERS = (
    "code",
    "status",
    "stripe",
    "gives",
    "campaign",
    "description",
    "used",
    "max_redemptions",
    "max_per_customer",
    "first_time",
    "minimum_amount",
    "currency",
    "starts_at",
    "expires_at",
    "created_at",
)
READ_AT_ONCE = 2_000


def answer(rows: PromoCodeQuerySet, *, now: datetime) -> StreamingHttpResponse:
    """Answer with the rows, read and sent block by block."""
    response = StreamingHttpResponse(_lines(rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="codes-{now:%Y-%m-%d}.csv"'
    return response


def _lines(rows: PromoCodeQuerySet) -> Iterator[str]:
    writer = csv.writer(spreadsheets.Echo())
    yield spreadsheets.MARK + writer.writerow(HEADERS)
    for code in rows.iterator(chunk_size=READ_AT_ONCE):
        yield writer.writerow([spreadsheets.safe(cell) for cell in _cells(code)])


def _cells(code: Any) -> Iterable[object]:
    minimum = code.minimum_amount
    return (
        code.code,
        codes.Status(code.status_now).label,
        code.get_sync_status_display(),
        offers.value_in_words(code.offer),
        code.campaign.name if code.campaign else "",
        code.description,
        code.used_count,
        code.max_redemptions,
        code.max_redemptions_per_customer,
        "yes" if code.first_time_only else "no",
        None if minimum is None else money.decimal(minimum, code.minimum_amount_currency),
        code.minimum_amount_currency.upper(),
        *(_moment(at) for at in (code.starts_at, code.expires_at, code.created_at)),
    )


def _moment(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else ""
