"""A CSV file as rows of text: its encoding, its delimiter and its size are settled here.

The delimiter is the one of ``DELIMITERS`` that parts the header into most cells.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO

MAX_BYTES = 25 * 1024 * 1024
MAX_ROWS = 100_000
DELIMITERS = (",", ";", "\t", "|")
_ENCODING_ADVICE = "Save it again as “CSV UTF-8”."


class Unreadable(Exception):
    """The file cannot be taken as a table; ``str()`` is for the person who chose it."""


@dataclass(frozen=True)
class TextRow:
    """One row: the line of the file it begins on, and its cells, as many as the file has them."""

    line: int
    cells: list[str]


@dataclass(frozen=True)
class Table:
    header: list[str]
    rows: list[TextRow]


def read(data: bytes) -> Table:
    """Return the header and the rows of a CSV file; empty rows are left out.

    Raises:
        Unreadable: it is too large, not UTF-8, has no header or broken quotes.
    """
    if len(data) > MAX_BYTES:
        raise Unreadable(f"The file is larger than {MAX_BYTES // 2**20} MiB; split it.")
    rows = list(_rows(_text(data)))
    if not rows:
        raise Unreadable("The file is empty; its first line must name the columns.")
    header = [cell.strip() for cell in rows[0].cells]
    if len(rows) - 1 > MAX_ROWS:
        raise Unreadable(f"The file has more than {MAX_ROWS:,} rows; split it.")
    return Table(header, rows[1:])


def _text(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable(f"The file is UTF-16, not UTF-8. {_ENCODING_ADVICE}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unreadable(
            f"Line {line} is not UTF-8; the file was perhaps saved as Latin-1 or Windows-1252. {_ENCODING_ADVICE}"
        ) from error
    if "\0" in text:
        raise Unreadable("This is not a text file.")
    return text


def _rows(text: str) -> Iterator[TextRow]:
    """Yield the rows that have anything in them; ``strict`` makes a quote that never ends an error."""
    reader = csv.reader(StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    begins_on = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield TextRow(begins_on, cells)
            begins_on = reader.line_num + 1
    except csv.Error as error:
        raise Unreadable(f"The row that begins on line {begins_on} cannot be read: {error}.") from error


def _delimiter(text: str) -> str:
    first = next((line for line in text.splitlines() if line.strip()), "")
    return max(DELIMITERS, key=lambda delimiter: len(next(csv.reader([first], delimiter=delimiter), [])))
