"""What only the owner can settle between us and Stripe: both sides in words, and what either choice does.

Three things are left to the owner: an active code with our text that was not
made here, terms that were edited on both sides, and a coupon that was deleted
in Stripe. Either choice asks and tells Stripe first and then saves, outside of
any transaction; stopped in between, it can be made again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from django.core.exceptions import ValidationError
from django.db import transaction
from djstripe.models import Coupon

from promos import history, stripe_gateway
from promos.models import Offer, PromoCode, StripeCoupon, StripePromotionCode
from promos.sync import adoption, importing, merge, pull, refusals, terms, wording
from promos.sync.terms import Terms

SyncStatus = PromoCode.SyncStatus
State = StripePromotionCode.State


class Kind(Enum):
    """What conflicts, what "keep ours" does, and what "take Stripe's" does."""

    TEXT = (
        "Stripe has an active code with this text that was not made here.",
        "Stripe's code is switched off, and ours takes its place.",
        "Our code takes over the terms of the one in Stripe, which stays as it is.",
    )
    TWIN = (
        "Another code here has this text in Stripe, which allows it only once for the same customers.",
        "The other code is paused, and this one takes its place in Stripe.",
        "This code is archived; the other one stays.",
    )
    EDITED = (
        "These terms were changed both here and in Stripe.",
        "What is set here replaces Stripe's, for every code with these terms.",
        "What is set in Stripe replaces ours, for every code with these terms.",
    )
    DELETED = (
        "The coupon was deleted in Stripe, so the code no longer works there.",
        "A new coupon and a new promotion code with our terms are made in Stripe.",
        "This code is archived. Subscriptions that run with it keep their discount.",
    )


@dataclass(frozen=True)
class Row:
    """One term on both sides, in words; a side that is not there differs in nothing."""

    label: str
    ours: str
    theirs: str
    differs: bool


@dataclass(frozen=True)
class Conflict:
    """``rival`` is Stripe's side of a text that two claim, as far as we know it."""

    kind: Kind
    code: PromoCode
    rival: StripePromotionCode | None = None
    rows: list[Row] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        return self.kind.value[0]

    @property
    def if_kept(self) -> str:
        return self.kind.value[1]

    @property
    def if_taken(self) -> str:
        return self.kind.value[2]


def of(code: PromoCode) -> Conflict | None:
    """Return what a code and Stripe disagree about, from our rows and the mirror; None when they do not."""
    if code.sync_status != SyncStatus.CONFLICT:
        return None
    current = terms.current(code)
    if code.archived_at is not None:
        return _about_text(adoption.twin_of(code), current)
    if current is not None and current.stripe_coupon.state == StripeCoupon.State.DELETED:
        return Conflict(Kind.DELETED, code, rows=_rows(_ours(code), None))
    if current is not None and (rows := _edits(current.stripe_coupon)):
        return Conflict(Kind.EDITED, code, rows=rows)
    return _about_text(code, adoption.rival_of(code))


def keep_ours(code: PromoCode, *, now: datetime) -> bool:
    """Settle a conflict for our side; return False when there is none.

    Raises:
        stripe_gateway.StripeError: Stripe could not be asked or told; nothing is settled.
        ValidationError: Stripe alone can make such terms.
    """
    return _settle(_KEEP, code, now)


def take_stripes(code: PromoCode, *, now: datetime) -> bool:
    """Settle a conflict for Stripe's side; return False when there is none.

    Raises:
        stripe_gateway.StripeError: Stripe could not be asked; nothing is settled.
    """
    return _settle(_TAKE, code, now)


Settlement = Callable[[Conflict, datetime], None]


def _settle(settlements: dict[Kind, Settlement], code: PromoCode, now: datetime) -> bool:
    conflict = of(code)
    if conflict is None:
        return False
    settlements[conflict.kind](conflict, now)
    return True


def _about_text(ours: PromoCode | None, rival: StripePromotionCode | None) -> Conflict:
    """Return the conflict of a text; ``ours`` is None when the code that had it here was archived."""
    code = ours or (rival.promo_code if rival else None)
    assert code is not None, "one of the two is what was asked about"
    is_twin = rival is not None and rival.promo_code.archived_at is None
    rows = _rows(_ours(ours) if ours else None, _theirs(rival) if rival else None)
    return Conflict(Kind.TWIN if is_twin else Kind.TEXT, code, rival, rows)


def _ours(code: PromoCode) -> Terms:
    generation = terms.current(code) or StripePromotionCode(promo_code=code, stripe_coupon=StripeCoupon())
    wanted = terms.of_code(code, generation, now=code.updated_at)
    return terms.of_offer(code.offer) | wanted | {"max_redemptions": code.max_redemptions}


def _theirs(generation: StripePromotionCode) -> Terms:
    both: Terms = generation.stripe_coupon.synced_terms | generation.synced_terms
    return both


def _edits(coupon: StripeCoupon) -> list[Row]:
    """Return the terms of a coupon that were changed on both sides; Stripe's are in the mirror."""
    mirrored = Coupon.objects.filter(id=coupon.stripe_coupon_id).first()
    if mirrored is None:
        return []
    theirs, wanted = terms.of_coupon(mirrored.stripe_data), terms.of_offer(coupon.offer)
    clashing = merge.compare(wanted, theirs, coupon.synced_terms).clashing
    return [row for row in _rows(wanted, theirs) if row.label in {wording.LABELS[key] for key in clashing}]


def _rows(ours: Terms | None, theirs: Terms | None) -> list[Row]:
    """Return both sides of every term that either has; a side that is None does not exist (any more)."""
    rows = []
    for key in (key for key in wording.LABELS if key in (ours or theirs or {}) and key != "coupon"):
        ours_shown, theirs_shown = _shown(key, ours), _shown(key, theirs)
        differs = ours is not None and theirs is not None and ours_shown != theirs_shown
        if {ours_shown, theirs_shown} != {wording.NOTHING}:
            rows.append(Row(wording.LABELS[key], ours_shown, theirs_shown, differs))
    return rows


def _shown(key: str, side: Terms | None) -> str:
    return wording.NOTHING if side is None else wording.value(key, side)


def _keep_text(conflict: Conflict, now: datetime) -> None:
    code = conflict.code
    own = code.stripe_promotion_codes.values_list("stripe_promotion_code_id", flat=True)
    # The text of an imported code is free here: then it is its own that has to go.
    kept = set(own) if code.archived_at is None else set()
    for found in refusals.holders_of_text(code):
        if found["id"] not in kept:
            stripe_gateway.update_promotion_code(found["id"], {"active": False})
    with transaction.atomic():
        adoption.note_rivals_off(code, now=now)
        if code.archived_at is None:
            _mark_pending(code)


def _take_text(conflict: Conflict, now: datetime) -> None:
    code = conflict.code
    for found in refusals.holders_of_text(code):
        pull.promotion_code(found["id"], now=now)
    with transaction.atomic():
        rival = adoption.rival_of(code) if code.archived_at is None else terms.current(code)
        if rival is not None:
            adoption.adopt(code, rival, now=now)
        # Without a rival, Stripe's dashboard gave the text up: the push goes on.
        _mark_pending(code)


def _give_way(conflict: Conflict, now: datetime) -> None:
    with transaction.atomic():
        PromoCode.objects.filter(pk=conflict.code.pk).update(archived_at=now)
        with history.because(adoption.GAVE_WAY):
            history.note(PromoCode.objects.filter(pk=conflict.code.pk))
        _mark_pending(conflict.code)


def _keep_terms(conflict: Conflict, now: datetime) -> None:
    _settle_terms(conflict.code, is_ours=True)


def _take_terms(conflict: Conflict, now: datetime) -> None:
    _settle_terms(conflict.code, is_ours=False)


def _settle_terms(code: PromoCode, *, is_ours: bool) -> None:
    """Agree on what Stripe has now: the push then brings it what we want, which may be just that."""
    current = terms.current(code)
    assert current is not None, "terms clash only with a coupon that a promotion code carries"
    try:
        found = stripe_gateway.retrieve_coupon(current.stripe_coupon.stripe_coupon_id)
    except stripe_gateway.NotFound:
        pull.coupon_deleted(current.stripe_coupon.stripe_coupon_id)
        return
    theirs = terms.of_coupon(found)
    with transaction.atomic():
        coupon = StripeCoupon.objects.select_for_update().get(pk=current.stripe_coupon_id)
        offer = Offer.objects.select_for_update().get(pk=coupon.offer_id)
        if not is_ours:
            changed = terms.differences(terms.of_offer(offer), theirs)
            Offer.objects.filter(pk=offer.pk).update(**importing.taken_over(offer, found, changed))
            with history.because(adoption.STRIPES_SIDE_TAKEN):
                history.note(Offer.objects.filter(pk=offer.pk))
        coupon.synced_terms = theirs
        coupon.save(update_fields=["synced_terms"])
        on_coupon = pull.codes_on(coupon).filter(sync_status=SyncStatus.CONFLICT)
        on_coupon.update(sync_status=SyncStatus.PENDING, sync_error="", next_try_at=None)


def _make_anew(conflict: Conflict, now: datetime) -> None:
    if conflict.code.offer.kind == Offer.Kind.OTHER:
        raise ValidationError("Only Stripe's dashboard can make such terms: make a new code there.")
    _mark_pending(conflict.code)


def _mark_pending(code: PromoCode) -> None:
    PromoCode.objects.filter(pk=code.pk).update(
        sync_status=SyncStatus.PENDING, sync_error="", next_try_at=None, sync_attempts=0
    )


_KEEP: dict[Kind, Settlement] = {
    Kind.TEXT: _keep_text,
    Kind.TWIN: _keep_text,
    Kind.EDITED: _keep_terms,
    Kind.DELETED: _make_anew,
}
_TAKE: dict[Kind, Settlement] = {
    Kind.TEXT: _take_text,
    Kind.TWIN: _give_way,
    Kind.EDITED: _take_terms,
    Kind.DELETED: _give_way,
}
