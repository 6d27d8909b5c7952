"""What is wrong with a row, and what would mend it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet

from promos.models import Offer, PromoCode, StripePromotionCode

Row = Offer | PromoCode | StripePromotionCode

#: Codes of an offer that are named in a sentence.
NAMED_CODES = 3


@dataclass(frozen=True)
class Repair:
    """New values of a row's fields; a safe one is applied without asking, the others are advice."""

    sentence: str
    changes: dict[str, Any] = field(default_factory=dict)
    is_safe: bool = False


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a row; without ``repair`` only the owner can know what was meant."""

    kind: str
    row: Row
    sentence: str
    repair: Repair

    @property
    def subject(self) -> str:
        return subject(self.row)


#: Looks through rows (all, or the one that is about to be mended) and says what is wrong with them.
Rule = Callable[[QuerySet[Any]], Iterator[Finding]]


def ask(sentence: str) -> Repair:
    """Return a repair that only a person can make."""
    return Repair(sentence)


def new_terms(offer: Offer, sentence: str, **changes: Any) -> Repair:
    """Return a repair of what Stripe keeps fixed: safe only while no coupon of Stripe's carries it."""
    if offer.stripe_coupons.exists():
        return Repair(
            f"{sentence} Stripe has a coupon of the old terms: edit the offer to replace it.", changes
        )
    return Repair(sentence, changes, is_safe=True)


def subject(row: Row) -> str:
    """Return what a row is called, as its owner knows it."""
    if isinstance(row, PromoCode):
        return f"Code {row.code}"
    if isinstance(row, StripePromotionCode):
        return f"Code {row.promo_code.code}"
    return f"Offer “{row.name}” ({_codes_of(row)})"


def _codes_of(offer: Offer) -> str:
    codes = offer.promo_codes.not_archived().order_by("pk")
    texts = list(codes.values_list("code", flat=True)[: NAMED_CODES + 1])
    if not texts:
        return "no codes"
    named = ", ".join(texts[:NAMED_CODES])
    more = " and more" if len(texts) > NAMED_CODES else ""
    return f"{'code' if len(texts) == 1 else 'codes'} {named}{more}"
