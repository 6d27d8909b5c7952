"""Terms in the owner's words, for the side-by-side view, the doctor's sentences and the timeline."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.utils.text import get_text_list

from promos import money
from promos.models import Offer
from promos.sync import terms
from promos.sync.terms import Terms

NOTHING = "–"
LABELS = {
    "name": "name",
    "percent_off": "percentage",
    "amounts": "amount",
    "duration": "duration",
    "duration_in_months": "months",
    "products": "products",
    "code": "text",
    "coupon": "terms",
    "customer": "customer",
    "active": "state",
    "expires_at": "end",
    "max_redemptions": "limit",
    "first_time": "first purchase only",
    "minimums": "smallest order",
}


def names(keys: Iterable[str]) -> str:
    """Return terms' names as a list in a sentence: "end and limit"."""
    return get_text_list([LABELS.get(key, key) for key in LABELS if key in set(keys)], "and")


def value(key: str, of: Terms) -> str:
    """Return the value of one term as people read it."""
    found = of.get(key)
    show = _SHOW.get(key)
    if show is not None:
        return show(found)
    return NOTHING if found in (None, "", [], {}) else str(found)


def _amounts(found: dict[str, int] | None) -> str:
    shown = (money.display(amount, currency) for currency, amount in sorted((found or {}).items()))
    return ", ".join(shown) or NOTHING


def _percent(found: str | None) -> str:
    return NOTHING if found is None else found.rstrip("0").rstrip(".") + "%"


def _moment(found: int | None) -> str:
    at = terms.moment(found)
    return f"{at:%d %b %Y %H:%M} UTC" if at else "never"


_SHOW: dict[str, Callable[[Any], str]] = {
    "percent_off": _percent,
    "amounts": _amounts,
    "minimums": _amounts,
    "duration": lambda found: str(Offer.Duration(found).label) if found else NOTHING,
    "products": lambda found: ", ".join(found or []) or "every product",
    "customer": lambda found: found or "everybody",
    "active": lambda found: "active" if found else "inactive",
    "expires_at": _moment,
    "max_redemptions": lambda found: "no limit" if found is None else f"{found} uses",
    "first_time": lambda found: "yes" if found else "no",
}
