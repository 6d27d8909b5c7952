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
            duration=self.duration,
            duration_in_months=self.duration_in_months,
            product_ids=list(self.product_ids),
        )


def terms(cells: Cells) -> Terms:
    """Return the terms of a row's offer."""
    kind, percent_off, amount_off = _value(cells)
    months = count(cells, "months")
    return Terms(
        name=cells.get("name", ""),
        kind=kind,
        percent_off=percent_off,
        amount_off=amount_off,
        currency=currency(cells) if kind == Kind.AMOUNT else "",
        duration=_duration(cells, kind, months),
        duration_in_months=months,
        product_ids=tuple(sorted(set(re.findall(r"[^\s,;|]+", cells.get("products", ""))))),
    )


def currency(cells: Cells) -> str:
    """Return the currency of a row's amounts."""
    text = cells.get("currency", "").lower()
    if not CURRENCY.fullmatch(text):
        raise ValueError("currency: An amount needs its currency, such as USD.")
    return text


def amount(cells: Cells, name: str) -> int | None:
    """Return an amount above zero in minor units of the row's currency, or None for an empty cell."""
    text = cells.get(name, "").lstrip("$€£¥").strip()
    if not text:
        return None
    try:
        found = money.parse(text, currency(cells))
    except ValueError as error:
        raise error if str(error).startswith("currency") else ValueError(f"{name}: {error}") from error
    if found <= 0:
        raise ValueError(f"{name}: The amount must be above zero.")
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


def _value(cells: Cells) -> tuple[Offer.Kind, Decimal | None, int | None]:
    """Return kind, percentage and amount of the one value that a row gives."""
    kind = _kind(cells)
    given = {name for name in ("value", "percent_off", "amount_off") if cells.get(name)}
    if kind == Kind.FREE:
        return kind, None, None
    expected = {Kind.PERCENT: "percent_off", Kind.AMOUNT: "amount_off"}[kind]
    if not given <= {"value", expected} or len(given) != 1:
        raise ValueError(f"{expected}: Give one value, a percentage or an amount.")
    [name] = given
    if kind == Kind.PERCENT:
        return kind, _percent(cells[name], name), None
    return kind, None, amount(cells, name)


def _kind(cells: Cells) -> Offer.Kind:
    text = _words(cells.get("type", ""))
    if text:
        if text not in TYPES:
            raise ValueError(f"type: “{cells['type']}” is not known; write percent, amount or free.")
        return TYPES[text]
    if cells.get("value"):
        if not cells["value"].endswith("%"):
            raise ValueError(
                "value: This could be a percentage or an amount; write it with %, or add a column type."
            )
        return Kind.PERCENT
    return Kind.AMOUNT if cells.get("amount_off") else Kind.PERCENT


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
        return Duration.FOREVER if kind == Kind.FREE else Duration.ONCE
    if text not in DURATIONS:
        raise ValueError("duration: Write once, repeating or forever.")
    if months is not None and DURATIONS[text] != Duration.REPEATING:
        raise ValueError("months: A number of months goes with the duration repeating.")
    return DURATIONS[text]


def _words(text: str) -> str:
    return re.sub(r"[\s_-]+", " ", text.casefold()).strip()
