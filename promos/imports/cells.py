"""What the cells of a row mean. Pure; every error is a ValueError whose message names the cell and says what to write.

Amounts are in the currency's units, as people write them ("29.50"), and become
minor units. Times without an offset are UTC; a day alone begins at midnight, and
as an expiry it includes the whole day.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from promos import money
from promos.models import Offer

Kind, Duration = Offer.Kind, Offer.Duration

#: A row's texts by the names of our columns; a column that the file lacks is missing or empty.
Cells = Mapping[str, str]

PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,2})?)\s*%?")
COUNT = re.compile(r"[0-9]{1,9}")
CURRENCY = re.compile(r"[a-z]{3}")
UNLIMITED = frozenset({"", "unlimited", "none", "∞"})
YES = frozenset({"1", "yes", "y", "true", "t", "on"})
NO = frozenset({"", "0", "no", "n", "false", "f", "off"})
TYPES = {
    "percent": Kind.PERCENT,
    "percentage": Kind.PERCENT,
    "percent off": Kind.PERCENT,
    "%": Kind.PERCENT,
    "amount": Kind.AMOUNT,
    "amount off": Kind.AMOUNT,
    "fixed": Kind.AMOUNT,
    "fixed amount": Kind.AMOUNT,
    "fixed cart": Kind.AMOUNT,
    "flat": Kind.AMOUNT,
    "free": Kind.FREE,
    "fixed price": Kind.FIXED_PRICE,
}
#: The column that gives the value of each kind; a free one has none.
VALUE_OF = {
    Kind.AMOUNT: "amount_off",
    Kind.PERCENT: "percent_off",
    Kind.FIXED_PRICE: "fixed_price",
}
DURATIONS = {
    "once": Duration.ONCE,
    "one time": Duration.ONCE,
    "repeating": Duration.REPEATING,
    "multi month": Duration.REPEATING,
    "forever": Duration.FOREVER,
    "for ever": Duration.FOREVER,
    "lifetime": Duration.FOREVER,
}
#: How a code stands over there.
ON = YES | {"", "active", "enabled", "publish", "published", "live"}
OFF = NO - {""} | {"inactive", "disabled", "paused", "draft"}
OVER = frozenset({"archived", "deleted", "ended", "expired", "trash", "used", "used up"})


@dataclass(frozen=True)
class Terms:
    """What an offer gives, comparable, so that rows of equal terms can share one offer."""

    name: str
    kind: Offer.Kind
    percent_off: Decimal | None
    amount_off: int | None
    currency: str
    currency_amounts: tuple[tuple[str, int], ...]
    fixed_price_amount: int | None
    list_price_id: str
    duration: Offer.Duration
    duration_in_months: int | None
    product_ids: tuple[str, ...]

    def offer(self) -> Offer:
        """Return a new offer of these terms, neither completed nor saved."""
        return Offer(
            name=self.name,
            kind=self.kind,
            percent_off=self.percent_off,
            amount_off=self.amount_off,
            currency=self.currency,
            currency_amounts=dict(self.currency_amounts),
            fixed_price_amount=self.fixed_price_amount,
            list_price_id=self.list_price_id,
            duration=self.duration,
            duration_in_months=self.duration_in_months,
            product_ids=list(self.product_ids),
        )


def terms(cells: Cells) -> Terms:
    """Return the terms of a row's offer."""
    kind = _kind(cells)
    text, column = _value(cells, kind)
    months = count(cells, "months")
    unit = currency(cells) if kind in {Kind.AMOUNT, Kind.FIXED_PRICE} else ""
    return Terms(
        name=cells.get("name", ""),
        kind=kind,
        percent_off=_percent(text, column) if kind == Kind.PERCENT else None,
        amount_off=amount(cells, column) if kind == Kind.AMOUNT else None,
        currency=unit,
        currency_amounts=tuple(sorted(further(cells, "further_amounts", main=unit).items())),
        # A price of nothing is a price; an amount of nothing is none.
        fixed_price_amount=amount(cells, column, least=0) if kind == Kind.FIXED_PRICE else None,
        list_price_id=cells.get("list_price_id", "") if kind == Kind.FIXED_PRICE else "",
        duration=_duration(cells, kind, months),
        duration_in_months=months,
        product_ids=tuple(sorted(set(re.findall(r"[^\s,;|]+", cells.get("products", ""))))),
    )


def currency(cells: Cells, name: str = "currency") -> str:
    """Return the currency of a row's amounts, or of those that have a column ``name`` for theirs."""
    text = cells.get(name, "").lower()
    if not CURRENCY.fullmatch(text):
        raise ValueError(f"{name}: An amount needs its currency, such as USD.")
    return text


def amount(cells: Cells, name: str, *, unit: str = "currency", least: int = 1) -> int | None:
    """Return an amount in minor units of the currency in column ``unit``, or None for an empty cell."""
    text = cells.get(name, "").lstrip("$€£¥").strip()
    return _amount(text, currency(cells, unit), name, least=least) if text else None


def minimum(cells: Cells) -> tuple[int | None, str]:
    """Return the smallest order and its currency, which is the row's unless it has one of its own."""
    unit = "minimum_currency" if cells.get("minimum_currency") else "currency"
    found = amount(cells, "minimum_amount", unit=unit)
    return found, currency(cells, unit) if found else ""


def further(cells: Cells, name: str, *, main: str) -> dict[str, int]:
    """Return an amount in currencies besides its ``main`` one, written as "EUR 9.00; GBP 8.00", in minor units by currency."""
    found: dict[str, int] = {}
    for part in filter(None, re.split(r"\s*;\s*", cells.get(name, ""))):
        key, _, text = part.partition(" ")
        unit = currency({name: key}, name)
        if unit in {main, *found}:
            raise ValueError(f"{name}: There are two amounts in {unit.upper()}.")
        found[unit] = _amount(text.strip(), unit, name)
    return found


def count(cells: Cells, name: str) -> int | None:
    """Return a whole number, or None for an empty cell or a word for "unlimited"."""
    text = cells.get(name, "").lower()
    if text in UNLIMITED:
        return None
    if not COUNT.fullmatch(text):
        raise ValueError(f"{name}: Write a whole number, or leave it empty.")
    return int(text)


def moment(cells: Cells, name: str, *, ends: bool = False) -> datetime | None:
    """Return a time in UTC, or None for an empty cell; a day that ``ends`` something is meant to its last second."""
    # Some exports part the offset from the time.
    text = re.sub(r"\s+(?=[+-][0-9]{2}:?[0-9]{2}$|Z$|UTC$)", "", cells.get(name, "")).replace("UTC", "Z")
    if not text:
        return None
    try:
        if len(text) == len("2026-12-31"):
            day = datetime.combine(date.fromisoformat(text), time(), UTC)
            return day + timedelta(days=1) if ends else day
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{name}: Write a time such as 2026-12-31 or 2026-12-31T18:00+01:00.") from error


def is_yes(cells: Cells, name: str) -> bool:
    text = cells.get(name, "").lower()
    if text not in YES | NO:
        raise ValueError(f"{name}: Write yes or no.")
    return text in YES


def is_on(cells: Cells) -> bool:
    """Say whether a code was in use over there; one that is over is for ``is_over``."""
    text = cells.get("active", "").lower()
    if text not in ON | OFF:
        raise ValueError("active: Write active or inactive.")
    return text in ON


def is_over(cells: Cells) -> bool:
    """Say whether the earlier system calls the code expired, used up or the like."""
    return cells.get("active", "").lower() in OVER


def _value(cells: Cells, kind: Offer.Kind) -> tuple[str, str]:
    """Return the one value that a row gives, and the column it is in."""
    if kind == Kind.FREE:
        return "", ""
    expected = VALUE_OF[kind]
    given = {name for name in ("value", *VALUE_OF.values()) if cells.get(name)}
    if not given <= {"value", expected} or len(given) != 1:
        raise ValueError(f"{expected}: Give one value: a percentage, an amount or a fixed price.")
    [name] = given
    return cells[name], name


def _kind(cells: Cells) -> Offer.Kind:
    text = _words(cells.get("type", ""))
    if text:
        if text == Kind.OTHER:
            raise ValueError("type: What this code gives can be made in Stripe only; it comes from there.")
        if text not in TYPES:
            raise ValueError(
                f"type: “{cells['type']}” is not known; write percent, amount, fixed price or free."
            )
        return TYPES[text]
    if cells.get("value"):
        if not cells["value"].endswith("%"):
            raise ValueError(
                "value: This could be a percentage or an amount; write it with %, or add a column type."
            )
        return Kind.PERCENT
    given = (kind for kind, name in VALUE_OF.items() if cells.get(name))
    return next(given, Kind.PERCENT)


def _amount(text: str, unit: str, name: str, *, least: int = 1) -> int:
    try:
        found = money.parse(text, unit)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    if found < least:
        raise ValueError(f"{name}: The amount must be above zero.")
    return found


def _percent(text: str, name: str) -> Decimal:
    found = PERCENT.fullmatch(text)
    if found is None:
        raise ValueError(f"{name}: Write a percentage such as 20 or 12.5.")
    percent = Decimal(found.group(1))
    if percent < 1 and "%" not in text:
        whole = f"{percent * 100:f}".rstrip("0").rstrip(".")
        raise ValueError(f"{name}: {text} could be {text}% or {whole}%; write it with %.")
    return percent


def _duration(cells: Cells, kind: Offer.Kind, months: int | None) -> Offer.Duration:
    text = _words(cells.get("duration", ""))
    if not text:
        if months is not None:
            return Duration.REPEATING
        return Duration.FOREVER if kind in {Kind.FREE, Kind.FIXED_PRICE} else Duration.ONCE
    if text not in DURATIONS:
        raise ValueError("duration: Write once, repeating or forever.")
    if months is not None and DURATIONS[text] != Duration.REPEATING:
        raise ValueError("months: A number of months goes with the duration repeating.")
    return DURATIONS[text]


def _words(text: str) -> str:
    return re.sub(r"[\s_-]+", " ", text.casefold()).strip()
