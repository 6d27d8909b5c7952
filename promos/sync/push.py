"""Bringing Stripe to what a code's row wants: compare, act on the difference; run twice, nothing happens.

The web process never comes here. A code is claimed with a lease; no transaction
is open while Stripe is asked; each step leaves rows from which the next run goes
on, wherever this one was stopped.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max

from promos import codes, customers, leases, stripe_gateway
from promos.models import Offer, PromoCode, StripeCoupon, StripePromotionCode
from promos.stripe_gateway import StripeObject
from promos.sync import creation, marks, terms

logger = logging.getLogger(__name__)

#: Longer than one code can take, even when every call to Stripe times out.
LEASE = timedelta(minutes=2)

SyncStatus = PromoCode.SyncStatus


class ForeignCode(Exception):
    """Stripe has an active code with this text that is not ours."""


def work(now: datetime, *, limit: int = 1) -> int:
    """Push up to ``limit`` due codes and return how many were claimed.

    Raises:
        stripe_gateway.NotAuthorised: the key is wrong; the codes stay pending.
    """
    claimed = leases.claim(PromoCode.objects.due_for_push(now), now=now, lease=LEASE, limit=limit)
    for code in claimed:
        push(code, now=now)
    return len(claimed)


def push(code: PromoCode, *, now: datetime) -> None:
    """Bring Stripe to what a claimed code wants and save how it went; temporary trouble is tried again for ever.

    Raises:
        stripe_gateway.NotAuthorised: the key is wrong; the code stays pending.
    """
    try:
        _bring_about(code, now)
    except stripe_gateway.Unavailable as error:
        _try_later(code, str(error), now)
    except stripe_gateway.NotAuthorised as error:
        _try_later(code, str(error), now)
        raise
    except ForeignCode as error:
        _finish(code, sync_status=SyncStatus.CONFLICT, sync_error=str(error))
    except stripe_gateway.Rejected as error:
        _finish(code, sync_status=SyncStatus.ERROR, sync_error=f"Stripe refused it: {error.message}")
    else:
        _agree(code, now)


def _bring_about(code: PromoCode, now: datetime) -> None:
    generation = terms.current(code)
    if generation is None and not _is_wanted(code, now):
        return
    coupon = _ensure_coupon(code.offer, now)
    if code.customer is not None:
        customers.ensure_at_stripe(code.customer)
    if generation is not None:
        generation = _update_or_retire(code, generation, coupon, now)
    if generation is None and _is_wanted(code, now):
        _ensure_generation(code, coupon, now)


def _is_wanted(code: PromoCode, now: datetime) -> bool:
    """Whether a code that Stripe does not have should be made there; a dead one need not be."""
    dead = {codes.Status.ARCHIVED, codes.Status.DRAFT, codes.Status.EXPIRED, codes.Status.USED_UP}
    return codes.status(code, now) not in dead


def _ensure_coupon(offer: Offer, now: datetime) -> StripeCoupon:
    """Return the coupon that carries the offer's terms, made or renamed at Stripe if need be."""
    wanted = terms.of_offer(offer)
    coupon = offer.stripe_coupons.exclude(state=StripeCoupon.State.DELETED).order_by("-version").first()
    if coupon is not None and coupon.state == StripeCoupon.State.LIVE:
        changed = terms.differences(wanted, coupon.synced_terms)
        if not changed:
            return coupon
        if changed <= terms.MUTABLE_OF_COUPON:
            stripe_gateway.update_coupon(coupon.stripe_coupon_id, {"name": wanted["name"]})
            return _adopt_coupon(coupon, wanted)
        coupon.state = StripeCoupon.State.RETIRED
        coupon.save(update_fields=["state"])
    if coupon is None or coupon.state != StripeCoupon.State.CREATING:
        coupon = _next_coupon(offer)
    return _create_coupon(coupon, wanted, now)


def _next_coupon(offer: Offer) -> StripeCoupon:
    """Save the row of the offer's next coupon; its id follows from the offer, so two workers make one."""
    version = (offer.stripe_coupons.aggregate(last=Max("version"))["last"] or 0) + 1
    coupon, _ = StripeCoupon.objects.get_or_create(
        offer=offer, version=version, defaults={"stripe_coupon_id": f"pd_{offer.uid}_v{version}"}
    )
    return coupon


def _create_coupon(coupon: StripeCoupon, wanted: terms.Terms, now: datetime) -> StripeCoupon:
    found = _find_coupon(coupon)
    if found is None:
        params = {
            "id": coupon.stripe_coupon_id,
            "metadata": marks.of_offer(coupon.offer),
            **terms.coupon_params(wanted),
        }
        creation.send(coupon, stripe_gateway.create_coupon, params, key=coupon.stripe_coupon_id, now=now)
        return _adopt_coupon(coupon, wanted)
    # Made by a try whose answer was lost, perhaps before the terms were edited again.
    return _adopt_coupon(coupon, terms.of_coupon(found))


def _find_coupon(coupon: StripeCoupon) -> StripeObject | None:
    if not coupon.creation:
        return None
    try:
        return stripe_gateway.retrieve_coupon(coupon.stripe_coupon_id)
    except stripe_gateway.NotFound:
        return None


def _adopt_coupon(coupon: StripeCoupon, agreed: terms.Terms) -> StripeCoupon:
    coupon.synced_terms, coupon.state, coupon.creation = agreed, StripeCoupon.State.LIVE, {}
    coupon.save(update_fields=["synced_terms", "state", "creation"])
    return coupon


def _update_or_retire(
    code: PromoCode, generation: StripePromotionCode, coupon: StripeCoupon, now: datetime
) -> StripePromotionCode | None:
    """Update the promotion code in place where Stripe allows it; else retire it and return None."""
    wanted = terms.of_code(code, generation, now=now) | {"coupon": coupon.stripe_coupon_id}
    changed = terms.differences(wanted, generation.synced_terms)
    if code.archived_at or changed <= terms.MUTABLE_OF_PROMOTION_CODE:
        if "active" in changed:
            _set_active(generation, active=wanted["active"])
        return generation
    if generation.synced_terms.get("active"):
        _set_active(generation, active=False)
    generation.state = StripePromotionCode.State.RETIRED
    generation.retired_reason = f"Changed: {', '.join(sorted(changed - {'active'}))}"
    generation.save(update_fields=["state", "retired_reason"])
    return None


def _set_active(generation: StripePromotionCode, *, active: bool) -> None:
    assert generation.stripe_promotion_code_id
    stripe_gateway.update_promotion_code(generation.stripe_promotion_code_id, {"active": active})
    generation.synced_terms = generation.synced_terms | {"active": active}
    generation.save(update_fields=["synced_terms"])


def _ensure_generation(code: PromoCode, coupon: StripeCoupon, now: datetime) -> None:
    """Make the code's next promotion code at Stripe, or take over the one that a lost try made."""
    generation = _next_generation(code, coupon)
    wanted = terms.of_code(code, generation, now=now)
    found = _find_promotion_code(generation, wanted) if generation.creation else None
    if found is None:
        found = _create_promotion_code(generation, wanted, now)
    generation.stripe_promotion_code_id = found["id"]
    generation.stripe_customer_id = wanted["customer"]
    generation.synced_terms = terms.of_promotion_code(found)
    generation.state, generation.creation = StripePromotionCode.State.CURRENT, {}
    generation.save()


def _next_generation(code: PromoCode, coupon: StripeCoupon) -> StripePromotionCode:
    waiting = code.stripe_promotion_codes.filter(state=StripePromotionCode.State.CREATING).first()
    last = code.stripe_promotion_codes.aggregate(last=Max("generation"))["last"] or 0
    generation = waiting or StripePromotionCode(promo_code=code, generation=last + 1)
    if not generation.creation:
        generation.stripe_coupon = coupon
        generation.used_before = code.used_count
        generation.save()
    return generation


def _create_promotion_code(
    generation: StripePromotionCode, wanted: terms.Terms, now: datetime
) -> StripeObject:
    params = terms.promotion_code_params(wanted) | {
        "metadata": marks.of_generation(generation.promo_code_id, generation.generation)
    }
    key = f"{generation.stripe_coupon.offer.uid}-{generation.promo_code_id}-{generation.generation}"
    try:
        return creation.send(generation, stripe_gateway.create_promotion_code, params, key=key, now=now)
    except stripe_gateway.Rejected as error:
        # Stripe says that a text is taken in prose only.
        if _is_text_taken(generation.promo_code):
            raise ForeignCode("Stripe has an active code with this text that was not made here.") from error
        raise


def _find_promotion_code(generation: StripePromotionCode, wanted: terms.Terms) -> StripeObject | None:
    """Return the promotion code that a lost try made: ours by its metadata and its coupon."""
    found = stripe_gateway.list_promotion_codes(code=wanted["code"], coupon=wanted["coupon"])
    ours = marks.of_generation(generation.promo_code_id, generation.generation)
    return next((each for each in found if marks.are_on(each, ours)), None)


def _is_text_taken(code: PromoCode) -> bool:
    known = set(
        code.stripe_promotion_codes.exclude(stripe_promotion_code_id=None).values_list(
            "stripe_promotion_code_id", flat=True
        )
    )
    found = stripe_gateway.list_promotion_codes(code=code.code, active=True)
    return any(each["id"] not in known for each in found)


def _agree(code: PromoCode, now: datetime) -> None:
    """Save that Stripe has what the row wants; if the row changed meanwhile it stays pending."""
    with transaction.atomic():
        row = PromoCode.objects.select_for_update().get(pk=code.pk)
        if terms.is_agreed(row, now=now) or (terms.current(row) is None and not _is_wanted(row, now)):
            outcome = {"sync_status": SyncStatus.SYNCED, "next_try_at": terms.next_change_at(row, now)}
            _finish(code, sync_error="", synced_at=now, sync_attempts=0, **outcome)
        else:
            _try_later(code, "The code was changed while it was pushed.", now)


def _try_later(code: PromoCode, reason: str, now: datetime) -> None:
    attempts = code.sync_attempts + 1
    logger.warning("Code %s could not be pushed yet: %s", code.pk, reason)
    _finish(
        code,
        sync_status=SyncStatus.PENDING,
        sync_error=reason,
        sync_attempts=attempts,
        next_try_at=now + leases.wait(attempts),
    )


def _finish(code: PromoCode, **fields: object) -> None:
    """Save how a push went and end the lease, unless it ran out and another worker has the code."""
    held = PromoCode.objects.filter(pk=code.pk, lease_token=code.lease_token)
    held.update(lease_until=None, lease_token="", **fields)
