"""Terms in the owner's words, for the side-by-side view, the doctor's sentences and the timeline."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.utils.text import get_text_list

from promos import money
from promos.models import Offer, PromoCode, StripePromotionCode
from promos.sync import terms
from promos.sync.terms import Terms

NOTHING = "–"
#: As long as the column of the reason.
LONGEST_REASON = 200
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


def edits(code: PromoCode, generation: StripePromotionCode, changed: frozenset[str]) -> str:
    """Say why a promotion code is retired: "Edited: percentage (20% → 30%), end (never → 01 May 2030 00:00 UTC)"."""
    wanted = terms.of_code(code, generation, now=generation.created_at) | terms.of_offer(code.offer)
    found = generation.synced_terms | generation.stripe_coupon.synced_terms
    if "max_redemptions" in changed and wanted["max_redemptions"] == found["max_redemptions"]:
        return "Uses were given back, or an earlier one was used late: what is left was counted anew"
    if "coupon" in changed:
        changed |= terms.differences(terms.of_offer(code.offer), generation.stripe_coupon.synced_terms)
    edited = [key for key in LABELS if key in changed - {"active", "coupon", "name"}]
    return f"Edited: {', '.join(_edit(key, found, wanted) for key in edited) or 'coupon'}"[:LONGEST_REASON]


def _edit(key: str, found: Terms, wanted: Terms) -> str:
    # A customer's key at Stripe says nothing to the owner, and a new one may have none yet.
    change = "" if key == "customer" else f" ({value(key, found)} → {value(key, wanted)})"
    return LABELS[key] + change


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
