"""Taking over what was made or changed in Stripe's dashboard, by a three-way comparison.

Ours, Stripe's and the terms of the last agreement: what changed on one side
only, the other takes over. Changed on both sides, equal changes agree, a
deactivation wins, and everything else is a conflict for the owner to settle.
Objects are fetched anew: events come late, out of order, and without a coupon's
products.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from promos import stripe_gateway
from promos.models import Customer, Offer, PromoCode, StripeCoupon, StripePromotionCode
from promos.stripe_gateway import StripeObject
from promos.sync import marks, terms

SyncStatus = PromoCode.SyncStatus
State = StripePromotionCode.State


def coupon(coupon_id: str, *, now: datetime) -> None:
    """Fetch a coupon and take over what changed in it; a coupon of nobody becomes an offer.

    Raises:
        stripe_gateway.StripeError: it could not be fetched.
    """
    try:
        found = stripe_gateway.retrieve_coupon(coupon_id)
    except stripe_gateway.NotFound:
        coupon_deleted(coupon_id, now=now)
    else:
        _take_coupon(found)


def promotion_code(promotion_code_id: str, *, now: datetime) -> None:
    """Fetch a promotion code and its coupon and take over what changed; one of nobody becomes a code.

    Raises:
        stripe_gateway.StripeError: they could not be fetched.
    """
    found = stripe_gateway.retrieve_promotion_code(promotion_code_id)
    coupon_found = stripe_gateway.retrieve_coupon(terms.coupon_id(found))
    with transaction.atomic():
        stripe_coupon = _take_coupon(coupon_found)
        generation = marks.generation_of(found)
        if generation is None:
            _import(found, stripe_coupon, now=now)
        else:
            _take_promotion_code(generation, found, now=now)


@transaction.atomic
def coupon_deleted(coupon_id: str, *, now: datetime) -> None:
    """Mark a coupon that is gone from Stripe; its codes are dead there and wait for the owner."""
    gone = StripeCoupon.objects.filter(stripe_coupon_id=coupon_id).exclude(state=StripeCoupon.State.DELETED)
    if not gone.update(state=StripeCoupon.State.DELETED):
        return
    PromoCode.objects.not_archived().filter(
        stripe_promotion_codes__stripe_coupon__stripe_coupon_id=coupon_id,
        stripe_promotion_codes__state=State.CURRENT,
    ).update(
        sync_status=SyncStatus.CONFLICT,
        sync_error="The coupon was deleted in Stripe, so the code no longer works there.",
    )


@transaction.atomic
def _take_coupon(found: StripeObject) -> StripeCoupon:
    """Bring our coupon and its offer to what Stripe has, and return the coupon."""
    theirs = terms.of_coupon(found)
    ours = StripeCoupon.objects.select_for_update().filter(stripe_coupon_id=found["id"]).first()
    if ours is None:
        return _import_coupon(found, theirs)
    if ours.state == StripeCoupon.State.CREATING:
        # Our own push is not done yet; it looks the coupon up itself.
        return ours
    if theirs["name"] != ours.synced_terms.get("name"):
        # The name is all that Stripe lets anybody change in what we compare.
        if ours.offer.name == ours.synced_terms.get("name"):
            Offer.objects.filter(pk=ours.offer_id).update(name=theirs["name"][:40])
        ours.synced_terms = theirs
        ours.save(update_fields=["synced_terms"])
    return ours


def _import_coupon(found: StripeObject, theirs: terms.Terms) -> StripeCoupon:
    offer = Offer(
        name=(theirs["name"] or found["id"])[:40],
        kind=_kind(theirs),
        percent_off=Decimal(theirs["percent_off"]) if theirs["percent_off"] else None,
        duration=theirs["duration"],
        duration_in_months=theirs["duration_in_months"],
        product_ids=theirs["products"],
    )
    if found.get("amount_off"):
        offer.amount_off, offer.currency = found["amount_off"], found["currency"]
        offer.currency_amounts = {
            key: amount for key, amount in theirs["amounts"].items() if key != offer.currency
        }
    offer.save()
    return StripeCoupon.objects.create(
        offer=offer,
        stripe_coupon_id=found["id"],
        synced_terms=theirs | {"name": offer.name},
        state=StripeCoupon.State.LIVE,
    )


def _kind(theirs: terms.Terms) -> Offer.Kind:
    if theirs["percent_off"] == "100.00":
        return Offer.Kind.FREE
    if theirs["percent_off"] is not None:
        return Offer.Kind.PERCENT
    return Offer.Kind.AMOUNT if theirs["amounts"] else Offer.Kind.OTHER


def _take_promotion_code(generation: StripePromotionCode, found: StripeObject, *, now: datetime) -> None:
    generation.times_redeemed = found["times_redeemed"]
    generation.save(update_fields=["times_redeemed"])
    if generation.state != State.CURRENT:
        return
    code = PromoCode.objects.select_for_update().get(pk=generation.promo_code_id)
    theirs, base = found["active"], generation.synced_terms["active"]
    if theirs == base or _is_ended_by_stripe(found, now=now):
        return
    generation.synced_terms = generation.synced_terms | {"active": theirs}
    generation.save(update_fields=["synced_terms"])
    if theirs == terms.of_code(code, generation, now=now)["active"]:
        return
    PromoCode.objects.filter(pk=code.pk).update(**_takeover(code, is_active=theirs, now=now), synced_at=now)


def _takeover(code: PromoCode, *, is_active: bool, now: datetime) -> dict[str, object]:
    """Return what a code switched on or off in the dashboard changes here."""
    if not is_active:
        return {"paused_at": now}
    if code.paused_at:
        return {"paused_at": None}
    # Our schedule, campaign or approval keeps it off: the push switches it off again.
    return {"sync_status": SyncStatus.PENDING, "next_try_at": None}


def _is_ended_by_stripe(found: StripeObject, *, now: datetime) -> bool:
    """Whether Stripe itself turned a promotion code off: expired, used up, or its coupon is dead."""
    expires_at, cap = terms.moment(found.get("expires_at")), found.get("max_redemptions")
    return not found["active"] and (
        (expires_at is not None and expires_at <= now) or (cap is not None and found["times_redeemed"] >= cap)
    )


def _import(found: StripeObject, stripe_coupon: StripeCoupon, *, now: datetime) -> None:
    """Make a code of a promotion code that nobody here knows; a clash of texts becomes a conflict."""
    theirs = terms.of_promotion_code(found)
    customer = _customer(theirs["customer"])
    code = PromoCode(
        code=theirs["code"],
        offer=stripe_coupon.offer,
        customer=customer,
        description="Made in Stripe",
        expires_at=terms.moment(theirs["expires_at"]),
        max_redemptions=theirs["max_redemptions"],
        first_time_only=theirs["first_time"],
        submitted_at=now,
        approved_at=now,
        paused_at=None if theirs["active"] or _is_ended_by_stripe(found, now=now) else now,
    )
    for currency, amount in theirs["minimums"].items():
        code.minimum_amount, code.minimum_amount_currency = amount, currency
    clash = PromoCode.objects.not_archived().filter(code=code.code, customer=customer).exists()
    if clash:
        code.archived_at = now
    code.save()
    StripePromotionCode.objects.create(
        promo_code=code,
        stripe_coupon=stripe_coupon,
        stripe_promotion_code_id=found["id"],
        stripe_customer_id=theirs["customer"],
        synced_terms=theirs,
        state=State.CURRENT,
        times_redeemed=found["times_redeemed"],
    )
    PromoCode.objects.filter(pk=code.pk).update(
        sync_status=SyncStatus.CONFLICT if clash else SyncStatus.SYNCED,
        sync_error="Another code here has the same text." if clash else "",
        synced_at=now,
    )


def _customer(stripe_customer_id: str) -> Customer | None:
    if not stripe_customer_id:
        return None
    return Customer.objects.get_or_create(stripe_customer_id=stripe_customer_id)[0]
