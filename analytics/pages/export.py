"""A page's figures for other programs: the same sections with the same filters, as CSV or JSON.

Numbers stay numbers: money in units of its currency (CSV) or in minor units beside it (JSON), shares as
parts of one, days as 2026-03-31. What is no number is told in words: "—", "too few", "no limit".
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from django.http import HttpResponse, JsonResponse
from django.utils.text import slugify

from analytics.blocks import Amount, Card, Cell, Table, Value
from analytics.charts import Chart
from analytics.pages.page import Asked, Page, Section
from promos import money, spreadsheets

FORMATS = ("csv", "json")
CARD_HEADERS = ("Figure", "Value", "Note", "Formula")

_Rows = Iterable[Sequence[Any]]


def answer(page: Page, asked: Asked, sections: Sequence[Section], kind: str) -> HttpResponse:
    """Answer with a file; ``kind`` is "csv" or "json"."""
    response = _json(page, asked, sections) if kind == "json" else _csv(sections)
    days = f"{asked.period.first_day}-{asked.period.last_day}"
    response["Content-Disposition"] = f'attachment; filename="{slugify(page.title)}-{days}.{kind}"'
    return response


def _csv(sections: Sequence[Section]) -> HttpResponse:
    response = HttpResponse(spreadsheets.MARK, content_type="text/csv; charset=utf-8")
    writer = csv.writer(response)
    for line in _lines(sections):
        writer.writerow([spreadsheets.safe(cell) for cell in line])
    return response


def _lines(sections: Sequence[Section]) -> Iterator[Sequence[object]]:
    """Yield each table under its title, an empty line between two; money with its currency in the last column."""
    for section in sections:
        for title, headers, rows in _tables(section):
            yield [" · ".join(filter(None, (section.title, title)))]
            yield [*headers, "Currency"]
            for row in rows:
                cells = [_exported(cell) for cell in row]
                yield [*map(_flat, cells), _currency(cells)]
            yield []


def _tables(section: Section) -> Iterator[tuple[str, Sequence[str], _Rows]]:
    if section.cards:
        yield "Figures", CARD_HEADERS, [row for card in section.cards for row in _card_rows(card)]
    for table in section.tabled:
        yield table.title, table.headers, table.rows


def _card_rows(card: Card) -> Iterator[Sequence[str | Cell]]:
    yield card.title, card.value, card.note, card.formula
    for label, value in card.lines:
        yield f"{card.title}: {label}", value, "", ""


def _json(page: Page, asked: Asked, sections: Sequence[Section]) -> HttpResponse:
    selection = asked.selection
    document = {
        "page": page.slug,
        "from": selection.period.first_day,
        "to": selection.period.last_day,
        "filters": {
            "currency": selection.currency,
            "campaign": selection.campaign_id,
            "plan": selection.plan,
            "segment": selection.segment,
            "country": selection.country,
            **asked.chosen,
        },
        "notes": asked.notes,
        "sections": [_section(section) for section in sections],
    }
    return JsonResponse(document, json_dumps_params={"indent": 2, "ensure_ascii": False})


def _section(section: Section) -> dict[str, Any]:
    return {
        "title": section.title,
        "sentence": section.sentence,
        "figures": [_card(card) for card in section.cards],
        "tables": [_table(table) for table in section.tabled],
    }


def _card(card: Card) -> dict[str, Any]:
    return {
        "title": card.title,
        "value": _plain(card.value),
        "note": card.note,
        "lines": {label: _plain(value) for label, value in card.lines},
        "formula": card.formula,
    }


def _table(table: Table | Chart) -> dict[str, Any]:
    return {
        "title": table.title,
        "formula": table.formula,
        "headers": table.headers,
        "rows": [[_plain(cell) for cell in row] for row in table.rows],
    }


def _exported(cell: str | Cell) -> Value:
    return cell.exported if isinstance(cell, Cell) else str(cell)


def _plain(cell: str | Cell) -> object:
    value = _exported(cell)
    if isinstance(value, Amount):
        return {"amount": value.minor_units, "currency": value.currency}
    # Four decimals, which every float of a share keeps.
    return float(value) if isinstance(value, Decimal) else value


def _flat(value: Value) -> object:
    return money.decimal(value.minor_units, value.currency) if isinstance(value, Amount) else value


def _currency(values: Sequence[object]) -> str:
    return next((value.currency.upper() for value in values if isinstance(value, Amount)), "")
