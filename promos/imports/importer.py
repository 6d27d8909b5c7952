"""The import itself: every row is checked before any is saved, and all are saved in one transaction.

So nothing is ever half imported: unless told to leave bad rows out, one refused
row keeps the whole file out, and a crash leaves nothing behind. A row whose code
exists already is passed over, so that a file can be imported again after it was
mended. Rows of equal terms share one offer, which is one coupon at Stripe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from promos import codes, offers, promo_codes
from promos.imports import cells, columns, people, tables
from promos.imports.cells import Cells, Terms
from promos.imports.columns import Mismatch
from promos.imports.tables import Table, Unreadable
from promos.models import Campaign, Customer, Offer, PromoCode

__all__ = ["Mismatch", "Outcome", "Report", "Request", "Row", "Unreadable", "run"]

#: Codes looked up in one query; SQLite takes no more than some thousand values.
LOOKED_UP_AT_ONCE = 500


class Outcome(StrEnum):
    READY = "ready"
    IMPORTED = "imported"
    SKIPPED = "skipped"
    REFUSED = "refused"


class _Over(Exception):
    """The code is of no use any more; ``str()`` says why."""


@dataclass
class Row:
    """What became of one row; ``reason`` says why it was skipped or refused."""

    line: int
    code: str
    outcome: Outcome = Outcome.READY
    reason: str = ""
    draft: PromoCode | None = field(default=None, repr=False)

    def end(self, outcome: Outcome, reason: str) -> None:
        self.outcome, self.reason, self.draft = outcome, reason, None


@dataclass(frozen=True)
class Request:
    """A file and what the person said about it: columns by our names, values that hold for every row."""

    data: bytes
    mapping: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    skip_bad: bool = False
    dry_run: bool = False


@dataclass(frozen=True)
class Report:
    """What became of each row. ``refusal`` is set when the file as a whole was not imported."""

    rows: list[Row]
    columns: dict[str, str]
    ignored: list[str]
    refusal: str = ""

    def count(self, outcome: Outcome) -> int:
        return sum(row.outcome == outcome for row in self.rows)


def run(
    request: Request,
    *,
    now: datetime,
    by: User | None = None,
    on_row: Callable[[int, int], object] | None = None,
) -> Report:
    """Import a file's codes in somebody's name, or say what would become of each row.

    ``on_row(done, total)`` shows progress.

    Raises:
        Unreadable: the file is no table.
        Mismatch: its columns cannot be told apart.
    """
    table = tables.read(request.data)
    found = _columns(table, request)
    reader = _Reader(found, request, width=len(table.header), now=now)
    rows = []
    for number, text_row in enumerate(table.rows, start=1):
        rows.append(reader.read(text_row))
        if on_row is not None:
            on_row(number, len(table.rows))
    _skip_existing(rows)
    refusal = _refusal(rows, request) or _save(rows, request, now=now, by=by)
    named = {name: table.header[place] for name, place in found.places.items()}
    return Report(rows, named, found.ignored, refusal)


def _columns(table: Table, request: Request) -> columns.Columns:
    unknown = set(request.constants) - set(columns.ALIASES)
    if unknown:
        names = ", ".join(columns.ALIASES)
        raise Mismatch(f"There is no “{min(unknown)}” here; the columns are {names}.")
    # What holds for every row takes the place of a column.
    return columns.match(table.header, dict.fromkeys(request.constants, "") | request.mapping)


class _Reader:
    """Reads rows one after the other, remembering what they share."""

    def __init__(self, found: columns.Columns, request: Request, *, width: int, now: datetime) -> None:
        self.columns, self.constants, self.now = found, request.constants, now
        self.width = width
        self.offers: dict[Terms, Offer | str] = {}
        self.lines: dict[tuple[str, int | None], int] = {}
        self.people = people.People()
        self.campaigns = {campaign.name.casefold(): campaign for campaign in Campaign.objects.all()}

    def read(self, text_row: tables.TextRow) -> Row:
        """Return a row that is ready, with its draft, or the reason why it is not."""
        values = dict(self.constants) | self.columns.cells(text_row.cells)
        row = Row(text_row.line, codes.normalise(values["code"]))
        try:
            if len(text_row.cells) > self.width:
                raise ValueError(
                    f"It has {len(text_row.cells)} cells, the header {self.width}; is a quote missing?"
                )
            row.draft = self._draft(row, values)
        except _Over as over:
            row.end(Outcome.SKIPPED, str(over))
        except (ValueError, ValidationError) as error:
            row.end(Outcome.REFUSED, _in_words(error))
        return row

    def _draft(self, row: Row, values: Cells) -> PromoCode:
        if cells.is_over(values):
            raise _Over(f"It is “{values['active']}” over there.")
        customer = self.people.find(values.get("customer", ""))
        self._refuse_repeated(row, customer)
        offer = self._offer(cells.terms(values))
        draft = PromoCode(
            code=row.code,
            offer=offer,
            campaign=self._campaign(values.get("campaign", "")),
            customer=customer,
            description=values.get("description", ""),
            max_redemptions=_left(values),
            paused_at=None if cells.is_on(values) else self.now,
            **_limits(values),
        )
        if draft.expires_at and draft.expires_at <= self.now:
            raise _Over(f"It expired on {draft.expires_at:%Y-%m-%d}.")
        promo_codes.check_row(draft)
        return draft

    def _refuse_repeated(self, row: Row, customer: Customer | None) -> None:
        first = self.lines.setdefault((row.code, customer.pk if customer else None), row.line)
        if row.code and first != row.line:
            raise ValueError(f"code: Line {first} has the same code.")

    def _offer(self, wanted: Terms) -> Offer:
        """Return the one offer of these terms, completed; the same refusal for every row that wants it."""
        if wanted not in self.offers:
            self.offers[wanted] = _completed(wanted)
        found = self.offers[wanted]
        if isinstance(found, str):
            raise ValueError(found)
        return found

    def _campaign(self, name: str) -> Campaign | None:
        if not name:
            return None
        if name.casefold() not in self.campaigns:
            raise ValueError(f"campaign: There is no campaign “{name}”; make it first.")
        return self.campaigns[name.casefold()]


def _limits(values: Cells) -> dict[str, Any]:
    minimum_amount, unit = cells.minimum(values)
    return {
        "starts_at": cells.moment(values, "starts_at"),
        "expires_at": cells.moment(values, "expires_at", ends=True),
        "max_redemptions_per_customer": cells.count(values, "max_per_customer"),
        "first_time_only": cells.is_yes(values, "first_time"),
        "minimum_amount": minimum_amount,
        "minimum_amount_currency": unit,
        "minimum_currency_amounts": cells.further(values, "further_minimums", main=unit) if unit else {},
    }


def _completed(wanted: Terms) -> Offer | str:
    offer = wanted.offer()
    try:
        offers.complete(offer)
        offers.refuse_unknown(offer)
    except ValidationError as error:
        return _in_words(error)
    if wanted.currency and offer.currency != wanted.currency:
        # A fixed price was read in the row's currency, and is one in that of the list price.
        return f"currency: The list price is in {offer.currency.upper()}."
    return offer


def _left(values: Cells) -> int | None:
    """Return how many uses are left of a limit: here the count begins anew."""
    limit, used = cells.count(values, "max_redemptions"), cells.count(values, "used") or 0
    # Some systems write 0 for "no limit".
    if not limit:
        return None
    if used >= limit:
        raise _Over(f"It is used up: {used} of {limit}.")
    return limit - used


def _in_words(error: ValueError | ValidationError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    return " ".join(f"{name}: {' '.join(reasons)}" for name, reasons in error.message_dict.items())


def _skip_existing(rows: list[Row]) -> None:
    # Several customers may have personal codes of one text.
    ready = {(row.code, row.draft.customer_id): row for row in rows if row.draft is not None}
    for texts in _parts(sorted({text for text, _ in ready})):
        taken = PromoCode.objects.not_archived().filter(code__in=texts).values_list("code", "customer_id")
        for key in ready.keys() & set(taken):
            ready[key].end(Outcome.SKIPPED, "A code with this text exists here.")


def _parts(texts: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(texts), LOOKED_UP_AT_ONCE):
        yield texts[start : start + LOOKED_UP_AT_ONCE]


def _refusal(rows: list[Row], request: Request) -> str:
    refused = sum(row.outcome == Outcome.REFUSED for row in rows)
    if not refused or request.skip_bad:
        return ""
    return f"{refused} of {len(rows)} rows cannot be imported, so none is."


def _save(rows: list[Row], request: Request, *, now: datetime, by: User | None) -> str:
    """Save what is ready, all or nothing; return why nothing was saved."""
    if request.dry_run:
        return ""
    ready = [row for row in rows if row.draft is not None]
    try:
        promo_codes.create_all([row.draft for row in ready if row.draft is not None], now=now, by=by)
    except IntegrityError:
        return "Somebody made one of these codes at the same moment, so none was imported. Try again."
    for row in ready:
        row.outcome = Outcome.IMPORTED
    return ""
