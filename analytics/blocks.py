"""What pages of figures are made of: cards and tables, and cells that a person reads and an export can take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from django.utils import timezone
from django.utils.safestring import SafeString

from analytics import formulas
from analytics.formulas import Ratio
from analytics.periods import Period
from promos import money


@dataclass(frozen=True)
class Amount:
    """Money in minor units, as an export gives it."""

    minor_units: int
    currency: str


#: What an export can say; a Decimal is a share, 0.2000 for 20 %.
Value = Amount | int | Decimal | str


@dataclass(frozen=True)
class Cell:
    """What is shown, what an export says in its place, and the way to the rows behind it.

    ``level`` from 1 to 5 is how strongly a heat map colours it; 0 not at all.
    """

    text: str
    value: Value | None = None
    link: str = ""
    level: int = 0

    def __str__(self) -> str:
        return self.text

    @property
    def exported(self) -> Value:
        return self.text if self.value is None else self.value


def words(text: str, link: str = "") -> Cell:
    return Cell(text, link=link)


def amount(minor_units: int, currency: str, link: str = "") -> Cell:
    return Cell(money.display(minor_units, currency), Amount(minor_units, currency), link)


def count(number: int, link: str = "", *, level: int = 0) -> Cell:
    return Cell(f"{number:,}", number, link, level)


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun, one or several: "1 order", "2 orders"."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def heat(number: int, most: int) -> Cell:
    """Show one number of a heat map whose largest is ``most``."""
    # Rounded up: whatever is there is seen, and only what comes near the largest is darkest.
    return count(number, level=-(-number * 5 // most) if number > 0 else 0)


def share(ratio: Ratio, *, level: int = 0) -> Cell:
    """Show a ratio: a percentage, "—" over nothing, "too few" under thirty cases."""
    return Cell(str(ratio), ratio.share, level=level)


def part(ratio: Ratio) -> Cell:
    """Show the cases of a ratio: "3 of 9", which an export gives as 3."""
    return Cell(f"{ratio.part:,} of {ratio.whole:,}", ratio.part)


def headline(ratio: Ratio) -> Cell:
    """Show a ratio as a card's figure: over too few cases the cases themselves, which are all there is to say."""
    return Cell(str(part(ratio)), str(ratio)) if ratio.is_too_few else share(ratio)


def cases(label: str, ratio: Ratio) -> tuple[str, Cell]:
    """Return the line under a headline that says of how many cases it is, which an export gives in any case."""
    found = part(ratio)
    return ("Too few for a percentage", Cell("", found.text)) if ratio.is_too_few else (label, found)


def day(when: date) -> Cell:
    return Cell(when.isoformat())


def moment(when: datetime | None) -> Cell:
    """Show a moment to the minute, in the site's time zone; empty for none."""
    return Cell(timezone.localtime(when).strftime("%Y-%m-%d %H:%M") if when else "")


@dataclass(frozen=True)
class Card:
    """One figure: its value in words, what it was before, how it is reckoned, and the way to its rows."""

    title: str
    value: str | Cell
    formula: str
    link: str = ""
    note: str = ""
    lines: Sequence[tuple[str, str | Cell]] = field(default_factory=list)


def codes_used(ratio: Ratio, link: str) -> Card:
    """Say how many of the codes issued were ever redeemed."""
    return Card(
        "Codes used",
        headline(ratio),
        formulas.USAGE_RATE,
        link,
        note="Over all time",
        lines=[cases("Redeemed, of those issued", ratio)],
    )


def before(shown: object, period: Period) -> str:
    """Return the note beside a figure that says what it was in the period before."""
    days = "day" if period.days == 1 else f"{period.days:,} days"
    return f"{shown} in the {days} before"


def so_far(period: Period, now: datetime) -> str:
    """Return what must be known to set a period against the one before it; nothing when it is over."""
    over = period.days_over(now)
    if over == period.days:
        return ""
    if period.days == 1:
        return "This day is not over; the one beside it is whole."
    return f"{over:,} of these {period.days:,} days are over; what is beside them is of {period.days:,} whole days."


@dataclass(frozen=True)
class Paging:
    """Which part of a long table is shown, and the addresses of the parts beside it."""

    shown: str
    previous: str = ""
    following: str = ""
    #: What the way on is called.
    following_name: str = "Next"


@dataclass(frozen=True)
class Table:
    """Rows of a list; cells may be links, and the last ``numbers`` columns are figures."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str | SafeString | Cell]]
    numbers: int
    formula: str = ""
    title: str = ""
    #: Said in place of a table without rows.
    empty: str = ""
    paging: Paging | None = None

    @property
    def is_wide(self) -> bool:
        """Whether half a page is too narrow for it: words take more room than figures."""
        return len(self.headers) > 5 or len(self.headers) - self.numbers > 2

    @property
    def is_dense(self) -> bool:
        """Whether its columns, hours of a day say, must stand close."""
        return len(self.headers) > 12
