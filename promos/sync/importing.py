"""Offers and codes made of what Stripe's dashboard has and nobody here knows.

Everything is kept: a text that is in use here becomes a conflict for the owner,
a coupon whose terms we cannot express an offer to look at, and a coupon that is
gone a name for the redemptions of its codes.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from promos import approval, history
from promos.models import Customer, Offer, PromoCode, StripeCoupon, StripePromotionCode
from promos.stripe_gateway import StripeObject
from promos.sync import terms
from promos.sync.terms import Terms

SyncStatus = PromoCode.SyncStatus
TEXT_IN_USE = "Another code here has the same text."
#: Why, in the history.
MADE_IN_STRIPE = "Made in Stripe"


def coupon(found: StripeObject) -> StripeCoupon:
    """Save a coupon of Stripe's with an offer of its terms."""
    with history.because(MADE_IN_STRIPE):
        offer = Offer.objects.create(**offer_fields(found))
    return StripeCoupon.objects.create(
        offer=offer,
        stripe_coupon_id=found["id"],
        synced_terms=terms.of_coupon(found),
        state=StripeCoupon.State.DELETED if found.get("deleted") else StripeCoupon.State.LIVE,
    )


def offer_fields(found: StripeObject) -> dict[str, Any]:
    """Return an offer's fields of a coupon's terms."""
    theirs = terms.of_coupon(found)
    currency = found["currency"] if found.get("amount_off") else ""
    return {
        "name": theirs["name"],
        "kind": _kind(theirs),
        "percent_off": Decimal(theirs["percent_off"]) if theirs["percent_off"] else None,
        "amount_off": theirs["amounts"].get(currency),
        "currency": currency,
        "currency_amounts": {key: value for key, value in theirs["amounts"].items() if key != currency},
        "duration": theirs["duration"],
        "duration_in_months": theirs["duration_in_months"],
        "product_ids": theirs["products"],
    }


def taken_over(offer: Offer, found: StripeObject, taken: frozenset[str]) -> dict[str, Any]:
    """Return what an offer takes over of its coupon's terms."""
    fields = offer_fields(found)
    if taken == {"name"}:
        return {"name": fields["name"]}
    if "name" not in taken:
        del fields["name"]
    if offer.is_fixed_price and fields["amount_off"] == offer.amount_off:
        return fields | {"kind": offer.kind}
    return fields | {"fixed_price_amount": None, "list_price_id": "", "list_price_amount": None}


def promotion_code(
    found: StripeObject, stripe_coupon: StripeCoupon, *, is_dead: bool, now: datetime
) -> PromoCode:
    """Save a promotion code of Stripe's; ``is_dead`` when Stripe itself has ended it, so that nobody paused it.

    An active one whose text is in use here becomes a conflict, and is not offered to customers.
    """
    theirs = terms.of_promotion_code(found)
    code = PromoCode(
        offer=stripe_coupon.offer,
        description=MADE_IN_STRIPE,
        submitted_at=now,
        approved_at=now,
        # It works at Stripe already, so it is looked at afterwards.
        needs_review=approval.code_needs_it(stripe_coupon.offer),
        paused_at=None if theirs["active"] or is_dead else now,
        sync_status=SyncStatus.SYNCED,
        synced_at=now,
        **code_fields(theirs),
    )
    if is_text_in_use(code):
        code.archived_at = now
        if theirs["active"]:
            code.sync_status, code.sync_error = SyncStatus.CONFLICT, TEXT_IN_USE
    elif stripe_coupon.state == StripeCoupon.State.DELETED:
        code.archived_at = now
    # Past the signal: what was just taken over from Stripe need not be pushed there.
    PromoCode.objects.bulk_create([code])
    with history.because(MADE_IN_STRIPE):
        history.note([code], are_new=True)
    _link(code, stripe_coupon, found, now=now)
    return code


def _link(code: PromoCode, stripe_coupon: StripeCoupon, found: StripeObject, *, now: datetime) -> None:
    theirs = terms.of_promotion_code(found)
    StripePromotionCode.objects.create(
        promo_code=code,
        stripe_coupon=stripe_coupon,
        stripe_promotion_code_id=found["id"],
        stripe_customer_id=theirs["customer"],
        synced_terms=theirs,
        state=StripePromotionCode.State.CURRENT,
        times_redeemed=found["times_redeemed"],
        pulled_at=now,
    )


def code_fields(theirs: Terms, *, used_before: int = 0) -> dict[str, Any]:
    """Return a code's fields of a promotion code's terms; Stripe counts ``used_before`` uses less than we do."""
    (currency, minimum), *further = theirs["minimums"].items() or [("", None)]
    cap = theirs["max_redemptions"]
    return {
        "code": theirs["code"],
        "customer": _customer(theirs["customer"]),
        "expires_at": terms.moment(theirs["expires_at"]),
        "max_redemptions": None if cap is None else cap + used_before,
        "first_time_only": theirs["first_time"],
        "minimum_amount": minimum,
        "minimum_amount_currency": currency,
        "minimum_currency_amounts": dict(further),
    }


def is_text_in_use(code: PromoCode) -> bool:
    """Say whether another code here, not archived, speaks with this text to the same customers."""
    others = PromoCode.objects.not_archived().exclude(pk=code.pk)
    return others.filter(code=code.code, customer=code.customer).exists()


def tombstone(coupon_id: str) -> StripeObject:
    """Return what stands for a coupon that was deleted at Stripe: nobody can tell its terms any more."""
    return {"id": coupon_id, "object": "coupon", "deleted": True, "duration": Offer.Duration.ONCE}


def _kind(theirs: Terms) -> Offer.Kind:
    if theirs["percent_off"] == "100.00":
        return Offer.Kind.FREE
    if theirs["percent_off"] is not None:
        return Offer.Kind.PERCENT
    return Offer.Kind.AMOUNT if theirs["amounts"] else Offer.Kind.OTHER


def _customer(stripe_customer_id: str) -> Customer | None:
    if not stripe_customer_id:
        return None
    return Customer.objects.get_or_create(stripe_customer_id=stripe_customer_id)[0]
