"""Taking over what was made or changed in Stripe's dashboard, by a three-way comparison.

Ours, Stripe's and the terms of the last agreement: what changed on one side
only, the other takes over. Changed on both sides, equal changes agree, a
deactivation wins, and everything else is a conflict for the owner to settle.

Objects are fetched anew: events come late, out of order, and without a coupon's
products. What was fetched is compared only with an agreement that has not moved
since before the question was asked; else the caller asks again in a moment. So
neither a push under way nor an answer that is out of date looks like an edit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q

from promos import history, mirror, redemptions, stripe_gateway
from promos.models import Offer, PromoCode, StripeCoupon, StripePromotionCode
from promos.models.codes import PromoCodeQuerySet
from promos.stripe_gateway import StripeObject
from promos.sync import importing, marks, merge, terms, wording
from promos.sync.terms import Terms

SyncStatus = PromoCode.SyncStatus
State = StripePromotionCode.State
#: How far Stripe's clock and ours may differ when a promotion code expires.
LEEWAY = timedelta(minutes=5)

#: Why, in the history.
CHANGED = "Changed in Stripe"
COUPON_DELETED = "The coupon was deleted in Stripe, so the code no longer works there."


class InMotion(stripe_gateway.Unavailable):
    """Our side moved while Stripe was asked: ask again in a moment."""


def coupon(coupon_id: str, *, now: datetime) -> bool:
    """Fetch a coupon and take over what changed in it; a coupon of nobody becomes an offer.

    Return whether anything was different.

    Raises:
        stripe_gateway.StripeError: it could not be fetched, or is being pushed (``InMotion``).
    """
    before = _agreed_coupon(coupon_id)
    found = _fetch_coupon(coupon_id)
    with _one_at_a_time():
        is_news = coupon_deleted(coupon_id) if found.get("deleted") else _take_coupon(found, before)
    mirror.keep(found)
    return is_news


def promotion_code(promotion_code_id: str, *, now: datetime, is_coupon_dead: bool | None = None) -> bool:
    """Fetch a promotion code and take over what changed; one of nobody becomes a code, its coupon an offer.

    ``is_coupon_dead`` spares the question after the coupon, for a caller who knows. Return whether anything
    was different.

    Raises:
        stripe_gateway.StripeError: it could not be fetched, or is being pushed (``InMotion``).
    """
    before = _agreed(promotion_code_id)
    try:
        found = stripe_gateway.retrieve_promotion_code(promotion_code_id)
    except stripe_gateway.NotFound:
        return _promotion_code_gone(promotion_code_id, is_coupon_dead)
    coupon_found = None
    if is_coupon_dead is None and _is_coupon_in_question(found, before, now):
        coupon_found = _fetch_coupon(terms.coupon_id(found))
        is_coupon_dead = _is_dead(coupon_found)
    is_dead = bool(is_coupon_dead) or is_ended(found, now=now)
    with _one_at_a_time():
        is_news = _take_found(found, before, coupon=coupon_found, is_dead=is_dead, now=now)
    redemptions.link(promotion_code_id, now=now)
    for each in filter(None, (coupon_found, found)):
        mirror.keep(each)
    return is_news


@transaction.atomic
def coupon_deleted(coupon_id: str) -> bool:
    """Mark a coupon that is gone from Stripe; its codes are dead there and wait for the owner.

    Return False when that was known, or the coupon nobody's.
    """
    gone = StripeCoupon.objects.filter(stripe_coupon_id=coupon_id).exclude(state=StripeCoupon.State.DELETED)
    ours = gone.select_for_update().first()
    if ours is None:
        return False
    StripeCoupon.objects.filter(pk=ours.pk).update(state=StripeCoupon.State.DELETED)
    codes_on(ours).update(sync_status=SyncStatus.CONFLICT, sync_error=COUPON_DELETED)
    return True


def is_known(stripe_id: str) -> bool:
    """Say whether a coupon or promotion code has a row here: its creation is no news."""
    coupons = StripeCoupon.objects.filter(stripe_coupon_id=stripe_id)
    promotion_codes = StripePromotionCode.objects.filter(stripe_promotion_code_id=stripe_id)
    return coupons.exists() or promotion_codes.exists()


def is_ended(found: StripeObject, *, now: datetime) -> bool:
    """Say whether Stripe itself turned a promotion code off: it expired or is used up."""
    expires_at, cap = terms.moment(found.get("expires_at")), found.get("max_redemptions")
    is_expired = expires_at is not None and expires_at <= now + LEEWAY
    is_used_up = cap is not None and found["times_redeemed"] >= cap
    return not found["active"] and (is_expired or is_used_up)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Run a transaction; when another worker has just made the same rows, ask again and find them."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise InMotion("Another worker takes the same over right now.") from error


def _agreed_coupon(coupon_id: str) -> Terms | None:
    rows = StripeCoupon.objects.filter(stripe_coupon_id=coupon_id)
    return rows.values_list("synced_terms", flat=True).first()


def _agreed(promotion_code_id: str) -> Terms | None:
    rows = StripePromotionCode.objects.filter(stripe_promotion_code_id=promotion_code_id)
    return rows.values_list("synced_terms", flat=True).first()


def _fetch_coupon(coupon_id: str) -> StripeObject:
    try:
        return stripe_gateway.retrieve_coupon(coupon_id)
    except stripe_gateway.NotFound:
        return importing.tombstone(coupon_id)


def _is_coupon_in_question(found: StripeObject, before: Terms | None, now: datetime) -> bool:
    """Whether to ask after the coupon: nobody here knows it, or its death may be why the code is off."""
    if not StripeCoupon.objects.filter(stripe_coupon_id=terms.coupon_id(found)).exists():
        return True
    was_active = before is None or before["active"]
    return was_active and not found["active"] and not is_ended(found, now=now)


def _is_dead(coupon: StripeObject) -> bool:
    """Whether nobody can redeem a coupon any more."""
    return bool(coupon.get("deleted")) or not coupon["valid"]


def _clash(keys: frozenset[str]) -> str:
    return f"Changed here and in Stripe: {wording.names(keys)}."


def codes_on(coupon: StripeCoupon) -> PromoCodeQuerySet:
    """Return the codes whose promotion code at Stripe carries the coupon, save archived ones."""
    current = StripePromotionCode.objects.filter(stripe_coupon=coupon, state=State.CURRENT)
    return PromoCode.objects.not_archived().filter(pk__in=current.values("promo_code"))


def _take_coupon(found: StripeObject, before: Terms | None) -> bool:
    """Bring our coupon and its offer to what Stripe has."""
    ours = StripeCoupon.objects.select_for_update().filter(stripe_coupon_id=found["id"]).first()
    if ours is None:
        importing.coupon(found)
        return True
    if ours.state == StripeCoupon.State.CREATING:
        # Our own push is not done yet; it looks the coupon up itself.
        return False
    if ours.creation or ours.synced_terms != before:
        raise InMotion("The coupon is being pushed.")
    if ours.state == StripeCoupon.State.LIVE:
        return _merge_coupon(ours, found)
    StripeCoupon.objects.filter(pk=ours.pk).update(synced_terms=terms.of_coupon(found))
    return False


def _merge_coupon(ours: StripeCoupon, found: StripeObject) -> bool:
    offer = Offer.objects.select_for_update().get(pk=ours.offer_id)
    theirs, base = terms.of_coupon(found), ours.synced_terms
    outcome = merge.compare(terms.of_offer(offer), theirs, base)
    if outcome.taken:
        Offer.objects.filter(pk=offer.pk).update(**importing.taken_over(offer, found, outcome.taken))
        with history.because(CHANGED):
            history.note(Offer.objects.filter(pk=offer.pk))
    ours.synced_terms = outcome.settled(base, theirs)
    ours.save(update_fields=["synced_terms"])
    conflicting = Q(sync_status=SyncStatus.CONFLICT)
    is_news = bool(outcome.taken | outcome.agreed)
    if outcome.clashing:
        words = _clash(outcome.clashing)
        others = codes_on(ours).filter(~conflicting)
        is_news |= bool(others.update(sync_status=SyncStatus.CONFLICT, sync_error=words))
    elif ours.synced_terms != base:
        # What clashed may agree now; the push sees whether it does.
        codes_on(ours).filter(conflicting).update(
            sync_status=SyncStatus.PENDING, sync_error="", next_try_at=None
        )
    return is_news


def _promotion_code_gone(promotion_code_id: str, is_coupon_dead: bool | None) -> bool:
    """Have a code made again whose promotion code is gone, unless its coupon is gone too: that is for the owner."""
    rows = StripePromotionCode.objects.filter(stripe_promotion_code_id=promotion_code_id)
    generation = rows.select_related("stripe_coupon").first()
    if generation is not None:
        coupon_id = generation.stripe_coupon.stripe_coupon_id
        if is_coupon_dead is not False and _fetch_coupon(coupon_id).get("deleted"):
            coupon_deleted(coupon_id)
        elif generation.state == State.CURRENT:
            _retire_gone(generation)
    mirror.keep({"id": promotion_code_id, "object": "promotion_code", "deleted": True})
    return generation is not None


@transaction.atomic
def _retire_gone(generation: StripePromotionCode) -> None:
    generation.synced_terms = generation.synced_terms | {"active": False}
    generation.state, generation.retired_reason = State.RETIRED, "It was gone from Stripe"
    generation.save(update_fields=["synced_terms", "state", "retired_reason"])
    PromoCode.objects.filter(pk=generation.promo_code_id).update(
        sync_status=SyncStatus.PENDING, next_try_at=None
    )


def _take_found(
    found: StripeObject, before: Terms | None, *, coupon: StripeObject | None, is_dead: bool, now: datetime
) -> bool:
    stripe_coupon = _coupon_of(found, coupon)
    generation = marks.generation_of(found)
    if generation is None:
        importing.promotion_code(found, stripe_coupon, is_dead=is_dead, now=now)
        return True
    if generation.state == State.CURRENT:
        return _take_settled(generation.pk, found, before, is_dead=is_dead, now=now)
    same = StripePromotionCode.objects.filter(pk=generation.pk)
    same.update(times_redeemed=found["times_redeemed"], pulled_at=now)
    return before is None or generation.is_left_active


def _take_settled(
    generation_id: int, found: StripeObject, before: Terms | None, *, is_dead: bool, now: datetime
) -> bool:
    """Take over what changed in a promotion code, unless our own push changes it right now."""
    code = PromoCode.objects.select_for_update().get(stripe_promotion_codes=generation_id)
    generation = StripePromotionCode.objects.select_related("stripe_coupon").get(pk=generation_id)
    is_leased = code.lease_until is not None and code.lease_until > now
    if is_leased or generation.creation or generation.synced_terms != before:
        raise InMotion("The code is being pushed.")
    return _merge_promotion_code(code, generation, found, is_dead=is_dead, now=now)


def _coupon_of(found: StripeObject, coupon: StripeObject | None) -> StripeCoupon:
    """Return our row of a promotion code's coupon, made of what was fetched when nobody here knows it."""
    if coupon is not None and coupon.get("deleted"):
        coupon_deleted(coupon["id"])
    ours = StripeCoupon.objects.filter(stripe_coupon_id=terms.coupon_id(found)).first()
    if ours is None and coupon is None:
        raise InMotion("The coupon was forgotten meanwhile.")
    return ours or importing.coupon(coupon or {})


def _merge_promotion_code(
    code: PromoCode, generation: StripePromotionCode, found: StripeObject, *, is_dead: bool, now: datetime
) -> bool:
    base, theirs = generation.synced_terms, terms.of_promotion_code(found)
    if is_dead:
        # What Stripe ended by itself nobody has changed.
        theirs["active"] = base["active"]
    generation.times_redeemed, generation.pulled_at = found["times_redeemed"], now
    outcome = merge.compare(terms.of_code(code, generation, now=now), theirs, base)
    generation.synced_terms = outcome.settled(base, theirs)
    generation.save(update_fields=["synced_terms", "times_redeemed", "pulled_at"])
    if theirs == base:
        return False
    if outcome.clashing:
        code.sync_status, code.sync_error = SyncStatus.CONFLICT, _clash(outcome.clashing)
    _take_over(code, generation, outcome.taken, now=now)
    _end_conflict_of_import(code, generation)
    code.synced_at = now
    # Past the signal: what was just taken over from Stripe need not be pushed there.
    PromoCode.objects.bulk_update([code], _WRITTEN)
    if outcome.taken:
        with history.because(CHANGED):
            history.note([code])
    return True


#: What a promotion code's terms are on a code's row.
_FIELDS = {
    "code": ("code",),
    "customer": ("customer",),
    "expires_at": ("expires_at",),
    "max_redemptions": ("max_redemptions",),
    "first_time": ("first_time_only",),
    "minimums": ("minimum_amount", "minimum_amount_currency", "minimum_currency_amounts"),
}
_WRITTEN = [
    *(name for names in _FIELDS.values() for name in names),
    *("paused_at", "archived_at", "sync_status", "sync_error", "synced_at", "next_try_at"),
]


def _take_over(
    code: PromoCode, generation: StripePromotionCode, taken: frozenset[str], *, now: datetime
) -> None:
    """Change the code (unsaved) to what its promotion code has now, as far as ``taken`` says."""
    theirs = generation.synced_terms
    fields = importing.code_fields(theirs, used_before=generation.used_before)
    for name in (name for key in taken for name in _FIELDS.get(key, ())):
        setattr(code, name, fields[name])
    if "active" not in taken:
        return
    if not theirs["active"]:
        code.paused_at = now
    elif code.archived_at is not None and importing.is_text_in_use(code):
        code.sync_status, code.sync_error = SyncStatus.CONFLICT, importing.TEXT_IN_USE
    else:
        code.archived_at = code.paused_at = None
        if not terms.of_code(code, generation, now=now)["active"]:
            # Our schedule, campaign or approval keeps it off: the push switches it off again.
            code.sync_status, code.next_try_at = SyncStatus.PENDING, None


def _end_conflict_of_import(code: PromoCode, generation: StripePromotionCode) -> None:
    """End the conflict of a text that Stripe's dashboard has given up by switching its code off."""
    is_import = code.sync_status == SyncStatus.CONFLICT and code.archived_at is not None
    if is_import and not generation.synced_terms["active"]:
        code.sync_status, code.sync_error = SyncStatus.SYNCED, ""
        twins = PromoCode.objects.not_archived().filter(code=code.code, sync_status=SyncStatus.CONFLICT)
        twins.update(sync_status=SyncStatus.PENDING, sync_error="", next_try_at=None)
