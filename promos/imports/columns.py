"""Which column of a file is which: our names, the names that earlier systems use, and what the person said."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from promos import spreadsheets

#: Our columns, each with the headers that are taken for it without being told (case and punctuation aside).
ALIASES: dict[str, tuple[str, ...]] = {
    "code": (
        "coupon",
        "coupon code",
        "promo",
        "promo code",
        "promotion code",
        "discount code",
        "voucher",
        "voucher code",
        "post title",
    ),
    "name": ("title", "coupon name", "promotion name", "offer", "offer name"),
    "description": ("note", "notes", "comment", "internal note", "post excerpt"),
    "campaign": ("campaign name",),
    "type": ("discount type", "value type", "coupon type", "kind"),
    "value": ("discount", "discount value", "coupon amount"),
    "percent_off": (
        "percent",
        "percentage",
        "percentage off",
        "discount percent",
        "discount percentage",
        "percent discount",
        "percentage discount",
    ),
    "amount_off": ("amount", "discount amount", "fixed amount"),
    "fixed_price": (),
    "list_price_id": (),
    "currency": ("currency code",),
    "further_amounts": (),
    "duration": ("recurrence",),
    "months": ("duration in months", "duration months", "number of months"),
    "products": ("product", "product id", "product ids", "applies to"),
    "max_redemptions": (
        "max uses",
        "maximum redemptions",
        "maximum uses",
        "redemption limit",
        "usage limit",
        "uses limit",
        "limit",
    ),
    "max_per_customer": (
        "per customer",
        "limit per customer",
        "max redemptions per customer",
        "uses per customer",
        "usage limit per customer",
        "usage limit per user",
    ),
    "used": (
        "redeemed",
        "redemptions",
        "times redeemed",
        "times used",
        "usage count",
        "used count",
        "uses",
    ),
    "starts_at": (
        "begins",
        "start",
        "start date",
        "start time",
        "starts",
        "active from",
        "from",
        "valid from",
    ),
    "expires_at": (
        "date expires",
        "end",
        "end date",
        "ends",
        "ends at",
        "expiration",
        "expiration date",
        "expires",
        "expiry",
        "expiry date",
        "redeem by",
        "until",
        "valid to",
        "valid until",
    ),
    "first_time": ("first time only", "first purchase only", "new customers only", "first time transaction"),
    "minimum_amount": (
        "min amount",
        "min spend",
        "minimum",
        "minimum order",
        "minimum order amount",
        "minimum purchase",
        "minimum spend",
    ),
    "minimum_currency": ("minimum amount currency",),
    "further_minimums": (),
    "customer": ("customer email",),
    "active": ("enabled", "is active", "state", "status"),
}


class Mismatch(Exception):
    """The columns cannot be told apart; ``str()`` is for the person who chose the file."""


@dataclass(frozen=True)
class Columns:
    """Where each of our columns is in a row, and the headers that nobody here understands."""

    places: dict[str, int]
    ignored: list[str]

    def cells(self, row: list[str]) -> dict[str, str]:
        """Return the text of each column; a row that ends early has empty ones."""
        return {
            name: spreadsheets.plain(row[place].strip()) if place < len(row) else ""
            for name, place in self.places.items()
        }


def match(header: list[str], chosen: Mapping[str, str]) -> Columns:
    """Return which column is which: as chosen (our name to the file's; an empty one means none), else by their names.

    Raises:
        Mismatch: a name is unknown or fits twice, or nothing is the code.
    """
    places = _chosen(header, chosen)
    for name in ALIASES:
        if name not in chosen and (found := _found(header, name, taken=set(places.values()))) is not None:
            places[name] = found
    if "type" in places and "value" not in places and "amount_off" in places:
        # "Type, amount" is one value whose type is told beside it.
        places["value"] = places.pop("amount_off")
    if "code" not in places:
        raise Mismatch(f"No column is the code. Say which: {_listed(header)}.")
    used = set(places.values())
    return Columns(places, [text for place, text in enumerate(header) if place not in used and text])


def _chosen(header: list[str], chosen: Mapping[str, str]) -> dict[str, int]:
    places = {}
    for name, theirs in chosen.items():
        if name not in ALIASES:
            raise Mismatch(f"There is no “{name}” here; the columns are {', '.join(ALIASES)}.")
        if not theirs:
            continue
        found = [place for place, text in enumerate(header) if _plain(text) == _plain(theirs)]
        if len(found) != 1:
            count = "no column" if not found else "more than one column"
            raise Mismatch(f"The file has {count} “{theirs}”; it has {_listed(header)}.")
        places[name] = found[0]
    return places


def _found(header: list[str], name: str, *, taken: set[int]) -> int | None:
    """Return where a column is: under our own name, else under the one other name that fits."""
    plain = [_plain(text) if place not in taken else "" for place, text in enumerate(header)]
    ours = _plain(name)
    found = [place for place, text in enumerate(plain) if text == ours]
    found = found or [place for place, text in enumerate(plain) if text in ALIASES[name]]
    if len(found) > 1:
        either = " and ".join(f"“{header[place]}”" for place in found)
        raise Mismatch(f"Both {either} could be the {ours}; say which.")
    return found[0] if found else None


def _plain(text: str) -> str:
    """Return a header in small letters with single spaces for everything between words."""
    return re.sub(r"[\W_]+", " ", text.casefold().replace("%", " percent ")).strip()


def _listed(header: list[str]) -> str:
    return ", ".join(f"“{text}”" for text in header)
