"""What a page of figures is: described as data, and built from what its address asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlencode

from django.urls import reverse

from analytics import periods
from analytics.blocks import Card, Cell, Table
from analytics.charts import Chart
from analytics.periods import Period, Spans
from analytics.selection import Selection
from promos.models import Customer

#: The figures are made of these; without the right to see them there is nothing to show.
PERMISSIONS = ("promos.view_promocode", "promos.view_promocodeusage", "promos.view_ledgerentry")


class Filter(StrEnum):
    """What a page can be narrowed by, besides its period; the value is its name in the address."""

    CURRENCY = "currency"
    CAMPAIGN = "campaign"
    PLAN = "plan"
    SEGMENT = "segment"
    COUNTRY = "country"
    CUSTOMER = "customer"


#: What nearly every page can be narrowed by.
USUAL = (Filter.CURRENCY, Filter.CAMPAIGN, Filter.PLAN, Filter.SEGMENT, Filter.COUNTRY)


@dataclass(frozen=True)
class Choice:
    """A choice of one page's own, such as the order of its rows; the first option holds unless another is asked."""

    name: str
    label: str
    options: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Asked:
    """What an address asks of a page, wrong values mended; ``notes`` say in sentences what was mended."""

    selection: Selection
    now: datetime
    chosen: Mapping[str, str] = field(default_factory=dict)
    #: The one customer whom a page is asked about.
    customer: Customer | None = None
    #: Which part of a long table, from 1.
    part: int = 1
    notes: Sequence[str] = ()
    #: The parameters that were understood, to be kept in the page's own links.
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def period(self) -> Period:
        return self.selection.period

    def link(self, **changes: str) -> str:
        """Return the address of this page with the same filters but for some; an empty value takes one away."""
        kept = {name: value for name, value in {**self.parameters, **changes}.items() if value}
        return f"?{urlencode(kept)}"


@dataclass(frozen=True)
class Section:
    """A part of a page, mostly one currency: a sentence, figures, charts and tables."""

    title: str = ""
    sentence: str = ""
    cards: Sequence[Card] = ()
    charts: Sequence[Chart] = ()
    tables: Sequence[Table] = ()
    #: The way to where there is more of it.
    more: Cell | None = None

    @property
    def tabled(self) -> list[Table | Chart]:
        """Everything with headers and rows: a chart's figures too."""
        return [*self.charts, *self.tables]


@dataclass(frozen=True)
class Page:
    """One page: where it is, what it answers, what it can be narrowed by, and how it is built."""

    slug: str
    title: str
    icon: str
    intro: str
    build: Callable[[Asked], list[Section]]
    filters: tuple[Filter, ...] = USUAL
    choices: tuple[Choice, ...] = ()
    spans: Spans = periods.USUAL
    #: Whether it tells of now, whatever the period, which then need not be asked for.
    is_of_now: bool = False
    #: Whether figures stand beside those of the period before.
    is_compared: bool = True
    permissions: tuple[str, ...] = PERMISSIONS
    #: Said when there is no section.
    empty: str = "Nothing in this period. Choose a longer one, or fewer filters."

    @property
    def address(self) -> str:
        return reverse(f"analytics:{self.slug}")
