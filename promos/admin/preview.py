"""What a code will cost on each plan, and what saving an edit will do at Stripe, before it is saved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError

from promos import approval, discounts, money, offers, plans
from promos.models import Offer, PromoCode
from promos.sync import terms, wording

LOCKED = (
    "Stripe cannot change this on a code that exists: {}. Saving retires the promotion code there and makes a "
    "successor with the same text and the uses that are left. Subscriptions that run with it keep their discount."
)


@dataclass(frozen=True)
class Price:
    """A plan's first payment without and with the code; ``now`` is empty where the code does not apply."""

    plan: str
    before: str
    now: str


@dataclass(frozen=True)
class Preview:
    value: str
    prices: list[Price]
    needs_approval: bool
    effect: str


def of(offer: Offer, code: PromoCode, *, now: datetime) -> Preview | None:
    """Return the preview of terms as typed; None while they are incomplete."""
    try:
        offers.complete(offer)
    except ValidationError:
        return None
    return Preview(
        value=offers.value_in_words(offer),
        prices=[_price(offer, plan) for plan in plans.active()],
        needs_approval=approval.code_needs_it(offer),
        effect=_effect(offer, code, now=now),
    )


def _price(offer: Offer, plan: plans.Plan) -> Price:
    quote = discounts.quote(discounts.Terms.of(offer), plan.lines, plan.currency)
    other_price = offer.is_fixed_price and offer.list_price_id != plan.price_id
    applies = quote.discount_amount > 0 and not other_price
    return Price(
        plan=f"{plan.name} / {plan.interval}",
        before=money.display(quote.gross_amount, plan.currency),
        now=money.display(quote.net_amount, plan.currency) if applies else "",
    )


def _effect(offer: Offer, code: PromoCode, *, now: datetime) -> str:
    """Say what saving will do at Stripe: make, update, or retire what cannot be changed for a successor."""
    generation = terms.current(code) if code.pk else None
    if generation is None:
        return "A coupon and a promotion code will be made in Stripe."
    code.offer = offer
    changed = terms.outstanding(code, generation, now=now)
    locked = changed - {"coupon", "name"} - terms.MUTABLE_OF_PROMOTION_CODE
    if "coupon" in changed:
        of_coupon = terms.differences(terms.of_offer(offer), generation.stripe_coupon.synced_terms)
        locked |= of_coupon - {"name"} or {"coupon"}
    if locked:
        return LOCKED.format(wording.names(locked))
    return "Stripe will be updated." if changed else "Nothing will change in Stripe."
