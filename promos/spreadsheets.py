"""Cells of a CSV file that stay what they are when a spreadsheet opens it. Pure."""

from __future__ import annotations

import re
from decimal import Decimal

#: A cell that begins with one of these is a formula to some spreadsheet.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
#: A number below zero, maybe a share: there is nothing to reckon out.
NUMBER = re.compile(r"-[0-9]+(\.[0-9]+)?( ?%)?")
#: So that a spreadsheet takes the file for UTF-8.
MARK = "\ufeff"


def safe(cell: object) -> str:
    """Return a cell's text, with a quotation mark before what a spreadsheet would reckon out; a number is none."""
    if isinstance(cell, int | Decimal):
        return str(cell)
    text = "" if cell is None else str(cell)
    if NUMBER.fullmatch(text):
        return text
    return f"'{text}" if text.lstrip(" '").startswith(FORMULA_STARTS) else text


def plain(text: str) -> str:
    """Return a cell as it was before ``safe`` put the quotation mark there."""
    return text[1:] if text.startswith("'") and safe(text[1:]) == text else text


class Echo:
    """A file that hands back what is written to it, for answers sent line by line."""

    def write(self, text: str) -> str:
        return text
