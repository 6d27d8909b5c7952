"""The one question that every crash, kill and storm test ends with: do we and Stripe have the same, once?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import datetime

from django.db.models import Q

from promos import codes, stripe_gateway
from promos.models import PromoCode, StripeCoupon, StripePromotionCode
from promos.stripe_gateway import StripeObject
from promos.sync import terms
from tests.standin.keys import KeyBook

SyncStatus = PromoCode.SyncStatus


def problems(book: KeyBook | None = None, *, now: datetime, may_conflict: Collection[int] = ()) -> list[str]:
    """Return what is wrong after healing, in sentences; nothing when all is well.

    Every active code has exactly one active promotion code at Stripe, of the same
    terms, and the reverse; no row is pending, leased or unlinked; no idempotency
    key was used for two requests. Codes of the keys ``may_conflict`` may wait for
    their owner instead.
    """
    at_stripe = {each["id"]: each for each in stripe_gateway.list_promotion_codes()}
    return [
        *_unfinished_rows(may_conflict),
        *_active_here(at_stripe, now),
        *_active_there(at_stripe, now),
        *_same_text_twice(at_stripe),
        *(f"The key {key} was used for two requests." for key in (book.used_twice if book else ())),
    ]


def _unfinished_rows(may_conflict: Collection[int]) -> Iterator[str]:
    conflicts = PromoCode.objects.filter(sync_status=SyncStatus.CONFLICT, pk__in=may_conflict)
    for code in PromoCode.objects.exclude(sync_status=SyncStatus.SYNCED).exclude(pk__in=conflicts):
        yield f"{code} is {code.sync_status}: {code.sync_error}"
    for code in PromoCode.objects.exclude(lease_token="", lease_until=None):
        yield f"{code} is leased."
    unfinished = Q(state="creating") | Q(state="current", stripe_promotion_code_id=None)
    rows = StripePromotionCode.objects.filter(unfinished | (Q(state="current") & ~Q(creation={})))
    for row in rows.exclude(promo_code__in=conflicts):
        yield f"{row.promo_code}, generation {row.generation}, is not linked."
    # The name of a coupon whose codes are all over is settled when one comes back to life.
    living = PromoCode.objects.not_archived().filter(stripe_promotion_codes__state="current")
    hanging = StripeCoupon.objects.filter(promotion_codes__promo_code__in=living)
    for row in hanging.filter(promotion_codes__state="current").exclude(creation={}).distinct():
        yield f"{row} has a change under way."


def _active_here(at_stripe: dict[str, StripeObject], now: datetime) -> Iterator[str]:
    coupons = {each["id"]: each for each in stripe_gateway.list_coupons()}
    for code in PromoCode.objects.filter(sync_status=SyncStatus.SYNCED).select_related("offer", "campaign"):
        generation = terms.current(code)
        if generation is None:
            if codes.status(code, now) == codes.Status.ACTIVE and not code.is_fully_held:
                yield f"{code} is active and has nothing at Stripe."
            continue
        found = at_stripe.get(generation.stripe_promotion_code_id or "")
        if found is None:
            yield f"{code} is linked to {generation}, which Stripe does not have."
        elif codes.status(code, now) == codes.Status.ACTIVE:
            coupon = coupons.get(terms.coupon_id(found))
            yield from _differences(code, generation, found, coupon, now)


def _differences(
    code: PromoCode,
    generation: StripePromotionCode,
    found: StripeObject,
    coupon: StripeObject | None,
    now: datetime,
) -> Iterator[str]:
    changed = terms.differences(terms.of_code(code, generation, now=now), terms.of_promotion_code(found))
    if coupon is None:
        yield f"{code} has a coupon that Stripe does not have."
    else:
        changed |= terms.differences(terms.of_offer(code.offer), terms.of_coupon(coupon))
    if changed:
        yield f"{code} differs from Stripe in {', '.join(sorted(changed))}."
    if code.max_redemptions is not None:
        left = found["max_redemptions"] - found["times_redeemed"]
        room = code.max_redemptions - code.used_count
        if left > room or (left <= 0 and room > code.held_count):
            yield f"{code} has {room} uses left, and {left} at Stripe."


def _active_there(at_stripe: dict[str, StripeObject], now: datetime) -> Iterator[str]:
    owners = {
        row.stripe_promotion_code_id: row
        for row in StripePromotionCode.objects.select_related("promo_code__campaign")
    }
    for found in at_stripe.values():
        row = owners.get(found["id"])
        if not found["active"]:
            continue
        if row is None:
            yield f"{found['code']} ({found['id']}) is active at Stripe and nobody's here."
        elif row.promo_code.sync_status == SyncStatus.SYNCED and (
            row.state != StripePromotionCode.State.CURRENT
            or codes.status(row.promo_code, now) != codes.Status.ACTIVE
        ):
            status = codes.status(row.promo_code, now)
            yield f"{row.promo_code} is {status} ({row.state}) and active at Stripe as {found['id']}."


def _same_text_twice(at_stripe: dict[str, StripeObject]) -> Iterator[str]:
    active = (each for each in at_stripe.values() if each["active"])
    texts = Counter((each["code"].upper(), each["customer"]) for each in active)
    yield from (
        f"{text} is active {count} times at Stripe." for (text, _), count in texts.items() if count > 1
    )
