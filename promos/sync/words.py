"""Why a promotion code was retired, in words for the code's timeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from promos import money
from promos.models import PromoCode, StripePromotionCode
from promos.sync import terms

#: As long as the column of the reason.
LONGEST = 200

_NAMES = {
    "code": "the text",
    "customer": "the named customer",
    "expires_at": "the expiry",
    "max_redemptions": "the limit of uses",
    "first_time": "who may use it",
    "minimums": "the smallest order",
    "percent_off": "the percentage",
    "amounts": "the amount",
    "duration": "the duration",
    "duration_in_months": "the number of months",
    "products": "the products",
}


def of_changes(code: PromoCode, generation: StripePromotionCode, changed: frozenset[str]) -> str:
    """Say what was edited since the promotion code was made: "Edited: the percentage (20% → 30%), the expiry"."""
    wanted = terms.of_code(code, generation, now=generation.created_at) | terms.of_offer(code.offer)
    found = generation.synced_terms | generation.stripe_coupon.synced_terms
    if "max_redemptions" in changed and wanted["max_redemptions"] == found["max_redemptions"]:
        return (
            "Uses were given back, or an earlier one was used late: the uses that are left were counted anew"
        )
    names = changed - {"active", "coupon", "name"}
    if "coupon" in changed:
        names |= terms.differences(terms.of_offer(code.offer), generation.stripe_coupon.synced_terms) - {
            "name"
        }
    edits = ", ".join(_edit(name, found, wanted) for name in sorted(names)) or "the coupon"
    return f"Edited: {edits}"[:LONGEST]


def _edit(name: str, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    shown = _SHOWN.get(name)
    if shown is None:
        return _NAMES[name]
    return f"{_NAMES[name]} ({shown(found.get(name))} → {shown(wanted[name])})"


def _count(value: int | None) -> str:
    return "none" if value is None else str(value)


def _percent(value: str | None) -> str:
    return "none" if value is None else f"{float(value):g}%"


def _amounts(value: Mapping[str, int] | None) -> str:
    return (
        " and ".join(money.display(amount, currency) for currency, amount in (value or {}).items()) or "none"
    )


_SHOWN: dict[str, Callable[[Any], str]] = {
    "code": str,
    "max_redemptions": _count,
    "percent_off": _percent,
    "amounts": _amounts,
    "minimums": _amounts,
    "duration": str,
}
