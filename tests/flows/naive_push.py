"""The push that everybody writes first: create, then save. No look-up, no key that outlives a crash.

Kept to show that the tests of the real one can fail.
"""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from promos import codes, stripe_gateway
from promos.models import PromoCode, StripeCoupon, StripePromotionCode
from promos.sync import terms

SyncStatus = PromoCode.SyncStatus


def work(now: datetime) -> int:
    due = PromoCode.objects.due_for_push(now).first()
    if due is None:
        return 0
    try:
        _push(due, now)
    except stripe_gateway.StripeError as error:
        PromoCode.objects.filter(pk=due.pk).update(
            sync_status=SyncStatus.ERROR, sync_error=str(error), next_try_at=None
        )
    else:
        PromoCode.objects.filter(pk=due.pk).update(sync_status=SyncStatus.SYNCED, next_try_at=None)
    return 1


def _push(code: PromoCode, now: datetime) -> None:
    current = terms.current(code)
    if current is not None:
        stripe_gateway.update_promotion_code(current.stripe_promotion_code_id or "", {"active": False})
        current.state = StripePromotionCode.State.RETIRED
        current.save()
    if codes.status(code, now) == codes.Status.ACTIVE:
        _create(code, now)


def _create(code: PromoCode, now: datetime) -> None:
    wanted = terms.of_offer(code.offer)
    made = stripe_gateway.create_coupon(terms.coupon_params(wanted), idempotency_key=uuid4().hex)
    version = code.offer.stripe_coupons.count() + 1
    coupon = StripeCoupon.objects.create(
        offer=code.offer, version=version, stripe_coupon_id=made["id"], synced_terms=wanted, state="live"
    )
    row = StripePromotionCode(promo_code=code, stripe_coupon=coupon, state=StripePromotionCode.State.CURRENT)
    row.generation = StripePromotionCode.next_generation(code)
    wanted = terms.of_code(code, row, now=now)
    made = stripe_gateway.create_promotion_code(
        terms.promotion_code_params(wanted), idempotency_key=uuid4().hex
    )
    row.stripe_promotion_code_id, row.synced_terms = made["id"], wanted
    row.save()
