"""From a page's address to what is asked of it: a wrong value gives a sentence and a sensible default, never an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from analytics import periods
from analytics.pages import options
from analytics.pages.page import Asked, Choice, Filter, Page
from analytics.periods import Period
from analytics.selection import Segment, Selection
from promos.models import Campaign, Customer

_PERIOD = ("days", "from", "to")
#: Parts of a long table that are reached; whoever looks further back narrows the period.
LAST_PART = 1_000


@dataclass(frozen=True)
class Field:
    """One select of the form: its options, the chosen one marked; without options it is typed."""

    name: str
    label: str
    options: list[tuple[str, str]]
    chosen: str


def read(page: Page, parameters: Mapping[str, str], *, now: datetime, zone: tzinfo) -> Asked:
    """Return what an address asks of a page, with a sentence for each value that could not be taken."""
    # PostgreSQL takes no text with a NUL, not even to say that there is none.
    given = {name: value.replace("\0", "�").strip() for name, value in parameters.items()}
    reader = _Reader(page, given)
    period = reader.period(now, zone)
    selection = Selection(
        period,
        currency=reader.currency(),
        campaign_id=reader.campaign_id(),
        plan=reader.plan(),
        segment=reader.segment(),
        country=reader.country(),
    )
    return Asked(
        selection,
        now,
        customer=reader.customer(),
        chosen={choice.name: reader.choice(choice) for choice in page.choices},
        part=reader.part(),
        notes=tuple(reader.notes),
        parameters=reader.understood,
    )


def fields(page: Page, asked: Asked) -> list[Field]:
    """Return the selects of a page's form, with what was chosen."""
    selection = asked.selection
    offered = {
        Filter.CURRENCY: ("Currency", options.currencies, selection.currency),
        Filter.CAMPAIGN: ("Campaign", options.campaigns, str(selection.campaign_id or "")),
        Filter.PLAN: ("Plan", options.plans, selection.plan),
        Filter.SEGMENT: ("Customers", options.segments, selection.segment),
        Filter.COUNTRY: ("Country", options.countries, selection.country),
    }
    filters = [
        Field(name, label, options.with_chosen(chosen, [("", "All"), *rows()]), chosen)
        for name, (label, rows, chosen) in offered.items()
        if name in page.filters
    ]
    if Filter.CUSTOMER in page.filters:
        filters.append(
            Field(Filter.CUSTOMER, "Customer", [], str(asked.customer.pk) if asked.customer else "")
        )
    own = [Field(one.name, one.label, list(one.options), asked.chosen[one.name]) for one in page.choices]
    return filters + own


@dataclass
class _Reader:
    """Reads one address, keeping what it understood and what it has to say about the rest."""

    page: Page
    parameters: Mapping[str, str]
    notes: list[str] = field(default_factory=list)
    understood: dict[str, str] = field(default_factory=dict)

    def period(self, now: datetime, zone: tzinfo) -> Period:
        spans = self.page.spans
        try:
            period = periods.chosen(self.parameters, now=now, zone=zone, spans=spans)
        except ValueError as wrong:
            self.notes.append(f"{wrong} Shown are the last {spans.default} days.")
            return periods.last_days(spans.default, now=now, zone=zone)
        given = {name: self.parameters[name] for name in _PERIOD if self.parameters.get(name)}
        self.understood.update(given)
        return period

    def currency(self) -> str:
        asked = self._filter(Filter.CURRENCY).lower()
        if not asked or options.has_currency(asked):
            return self._take(Filter.CURRENCY, asked)
        return self._leave(f"Nothing was sold in {_short(asked).upper()}; shown are all currencies.")

    def campaign_id(self) -> int | None:
        asked = self._filter(Filter.CAMPAIGN)
        if asked and not (_is_key(asked) and Campaign.objects.filter(pk=asked).exists()):
            asked = self._leave(f"There is no campaign {_short(asked)}; shown are all.")
        return int(self._take(Filter.CAMPAIGN, asked)) if asked else None

    def plan(self) -> str:
        asked = self._filter(Filter.PLAN)
        if not asked or options.has_plan(asked):
            return self._take(Filter.PLAN, asked)
        return self._leave(f"There is no plan {_short(asked)}; shown are all.")

    def segment(self) -> str:
        asked = self._filter(Filter.SEGMENT)
        if not asked or asked in Segment.values:
            return self._take(Filter.SEGMENT, asked)
        return self._leave("Customers are “new” or “returning”; shown are all.")

    def country(self) -> str:
        asked = self._filter(Filter.COUNTRY).upper()
        if not asked or Customer.objects.filter(country=asked).exists():
            return self._take(Filter.COUNTRY, asked)
        return self._leave(f"No customer lives in {_short(asked)}; shown are all countries.")

    def customer(self) -> Customer | None:
        """Return a customer named by number or Stripe id; an address by email would end up in logs."""
        asked = self._filter(Filter.CUSTOMER)
        if not asked:
            return None
        named = {"pk": asked} if _is_key(asked) else {"stripe_customer_id": asked}
        found = Customer.objects.filter(**named).first()
        if found is None:
            self._leave(f"There is no customer {_short(asked)} (a number, or Stripe’s cus_…); shown are all.")
        else:
            self._take(Filter.CUSTOMER, asked)
        return found

    def choice(self, choice: Choice) -> str:
        offered, default = dict(choice.options), choice.options[0][0]
        asked = self.parameters.get(choice.name, default)
        if asked in offered:
            return self._take(choice.name, asked)
        self._leave(f"“{_short(asked)}” is no choice of {choice.label}; shown is {offered[default]}.")
        return default

    def part(self) -> int:
        asked = self.parameters.get("part", "1")
        if asked.isascii() and asked.isdecimal() and 0 < len(asked) < 6 and 1 <= int(asked) <= LAST_PART:
            return int(asked)
        self._leave(f"There is no part {_short(asked)}; shown is the first.")
        return 1

    def _filter(self, name: Filter) -> str:
        """Return what is asked of a filter; a page that it says nothing about tells so."""
        asked = self.parameters.get(name, "")
        if asked and name not in self.page.filters:
            return self._leave(f"This page cannot be narrowed by {name}; that filter is left out.")
        return asked

    def _take(self, name: str, asked: str) -> str:
        if asked:
            self.understood[name] = asked
        return asked

    def _leave(self, note: str) -> str:
        self.notes.append(note)
        return ""


def _is_key(asked: str) -> bool:
    """Say whether a text can be a row's key; more than eighteen digits no database would take."""
    return asked.isascii() and asked.isdecimal() and len(asked) < 19


def _short(asked: str) -> str:
    """Return what somebody typed, as far as a sentence has room for it."""
    printable = "".join(letter if letter.isprintable() else "�" for letter in asked)
    return printable if len(printable) <= 40 else f"{printable[:40]}…"
