"""The life of a code: made, changed, paused, resumed, archived, tried again.

Each operation is one transaction on our own rows. None calls Stripe: what a
code should be there follows from its row, and the worker pushes it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction

from promos import approval, budgets, codes, offers, plans
from promos.models import Campaign, Offer, PromoCode

#: What an owner edits on a code; the rest is written by redemptions and by the sync.
EDITABLE = ("offer", "description", *approval.TERMS_OF_CODE)
#: Why nothing is decided here about a code whose terms we cannot express: it is never pushed.
KEPT_IN_STRIPE = "its terms can only be changed in Stripe"
_APPROVAL = ("approved_at", "approved_by", "terms_changed_by", "needs_review")


@transaction.atomic
def create(code: PromoCode, *, offer: Offer, now: datetime, by: User | None = None) -> PromoCode:
    """Save a new code with its offer, ready to be pushed; an empty text is filled with a random one.

    Raises:
        ValidationError: by field of the code or of the offer; nothing is saved.
    """
    code.code = codes.normalise(code.code) or codes.generate()
    check(code, offer=offer, made_at=now)
    offer.save()
    code.offer = offer
    code.submitted_at = code.submitted_at or now
    _ask_for_approval(code, offer, by=by, now=now)
    code.sync_status = PromoCode.SyncStatus.PENDING
    code.save()
    return code


@transaction.atomic
def create_all(drafts: Sequence[PromoCode], *, now: datetime, by: User | None = None) -> None:
    """Save many new codes that passed ``check_row``, with their completed offers, which they may share.

    They take no record each in the history: it would say no more than the rows.

    Raises:
        django.db.IntegrityError: one of the texts was taken meanwhile; nothing is saved.
    """
    shared = {id(draft.offer): draft.offer for draft in drafts}
    waiting = {key for key, offer in shared.items() if approval.code_needs_it(offer)}
    Offer.objects.bulk_create(shared.values())
    for draft in drafts:
        draft.submitted_at = now
        draft.approved_at = None if id(draft.offer) in waiting else now
        draft.terms_changed_by = by
    PromoCode.objects.bulk_create(drafts, batch_size=1000)


@transaction.atomic
def change(code: PromoCode, *, offer: Offer, now: datetime, by: User | None = None) -> PromoCode:
    """Save edited terms of a code and its offer, to be pushed if they differ from what Stripe has.

    Changed terms need their approval anew; a code that moves to another campaign
    takes along what it gave away.

    Raises:
        ValidationError: by field of the code or of the offer, or the code is archived or Stripe's; nothing is saved.
    """
    _refuse_kept_in_stripe(code)
    if code.archived_at:
        raise ValidationError("it is archived, so make a new code with its text")
    check(code, offer=offer)
    budgets.carry([code.pk], to=code.campaign)
    # Redemptions and the worker write to the row too: what is not the owner's is neither stale nor overwritten.
    locked = PromoCode.objects.select_for_update()
    code.refresh_from_db(fields=["sync_status", "used_count", "held_count", *_APPROVAL], from_queryset=locked)
    before = PromoCode.objects.select_related("offer").get(pk=code.pk)
    if code.minimum_amount_currency != before.minimum_amount_currency:
        _refuse_minimum_in_unknown_currency(code)
    if approval.terms_of_code(code, offer) != approval.terms_of_code(before, before.offer):
        _ask_for_approval(code, offer, by=by, now=now)
    offer.save()
    code.offer = offer
    code.save(update_fields=[*EDITABLE, *_APPROVAL, "updated_at"])
    return code


@transaction.atomic
def change_offer(offer: Offer, *, now: datetime, by: User | None = None) -> Offer:
    """Save edited terms that several codes share; all its codes need their approval anew."""
    before = Offer.objects.select_for_update().get(pk=offer.pk)
    offer.save()
    if approval.terms_of_offer(offer) != approval.terms_of_offer(before):
        approved_at = None if approval.code_needs_it(offer) else now
        open_codes = offer.promo_codes.not_archived()
        open_codes.update(terms_changed_by=by, approved_by=None, needs_review=False)
        if approved_at is None:
            open_codes.update(approved_at=None)
        else:
            open_codes.filter(approved_at=None).update(approved_at=approved_at)
    return offer


@transaction.atomic
def approve(code: PromoCode, *, seen: Collection[str], by: User, now: datetime) -> bool:
    """Let a waiting code work, or note that one from Stripe was looked at; False when nothing waits.

    ``seen`` are the fingerprints of the terms that the person was shown.

    Raises:
        ValidationError: the same person changed its terms, or they are not what was shown.
    """
    code.refresh_from_db(from_queryset=PromoCode.objects.select_for_update())
    if code.archived_at or (code.approved_at and not code.needs_review):
        return False
    approval.refuse_own(code, by)
    # Read after the code is locked: whoever changes an offer waits for its codes.
    approval.refuse_unseen(approval.fingerprint_of_code(code), seen)
    code.approved_at, code.approved_by, code.needs_review = code.approved_at or now, by, False
    code.save(update_fields=[*_APPROVAL, "updated_at"])
    return True


@transaction.atomic
def move(code: PromoCode, *, to: Campaign | None) -> bool:
    """Put a code into another campaign, with what it gave away; return False when it is there already.

    Its terms stay as they were approved; a campaign whose own budget waits holds its codes back by itself.
    """
    if code.archived_at or code.campaign_id == (to.pk if to else None):
        return False
    budgets.carry([code.pk], to=to)
    return _intend(code, campaign=to)


def check(code: PromoCode, *, offer: Offer, made_at: datetime | None = None) -> None:
    """Complete the offer and raise ValidationError, by field, for what is wrong with it or with the code.

    One that is being made, at ``made_at``, must not be over already, nor name what is not at Stripe.
    """
    errors: dict[str, list[ValidationError]] = {}
    try:
        offers.complete(offer)
    except ValidationError as error:
        errors |= error.error_dict
    errors |= _errors_of_text(code)
    try:
        code.full_clean(exclude=["offer", *errors])
    except ValidationError as error:
        errors |= error.error_dict
    if made_at:
        errors = _errors_of_new(code, offer, made_at) | errors
    if errors:
        raise ValidationError(errors)


def check_row(code: PromoCode) -> None:
    """Raise ValidationError, by field, for what is wrong with a code itself, without asking the database.

    For many codes at once: whether a text is taken shows when they are looked up or saved.
    """
    errors = _errors_of_text(code)
    try:
        references = ["offer", "campaign", "batch", "customer"]
        code.full_clean(exclude=[*references, *errors], validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        errors |= error.error_dict
    if errors:
        raise ValidationError(errors)


def pause(code: PromoCode, *, now: datetime) -> bool:
    """Stop a code until it is resumed; return False when there was nothing to do.

    Raises:
        ValidationError: only Stripe's dashboard can stop it; the same for ``resume`` and ``archive``.
    """
    _refuse_kept_in_stripe(code)
    if code.paused_at or code.archived_at:
        return False
    return _intend(code, paused_at=now)


def resume(code: PromoCode) -> bool:
    """Take back a pause; return False when the code was not paused by hand."""
    _refuse_kept_in_stripe(code)
    if not code.paused_at or code.archived_at:
        return False
    return _intend(code, paused_at=None)


def archive(code: PromoCode, *, now: datetime) -> bool:
    """End a code for good: its text is free again, its redemptions stay; return False when it was archived."""
    _refuse_kept_in_stripe(code)
    if code.archived_at:
        return False
    return _intend(code, archived_at=now)


def is_kept_in_stripe(code: PromoCode) -> bool:
    """Say whether a code gives what only Stripe can express: it is mirrored to look at, and never pushed."""
    return code.offer.kind == Offer.Kind.OTHER


@transaction.atomic
def retry(code: PromoCode) -> bool:
    """Have the worker push the code now; return False for a conflict, which waits for the owner's word."""
    _lock(code)
    if code.sync_status == PromoCode.SyncStatus.CONFLICT:
        return False
    code.sync_status, code.sync_error = PromoCode.SyncStatus.PENDING, ""
    code.next_try_at = None
    code.save(update_fields=["sync_status", "sync_error", "next_try_at"])
    return True


def retry_all() -> int:
    """Have the worker try every code again that waits or that Stripe refused; return how many."""
    waiting = PromoCode.objects.filter(
        sync_status__in=[PromoCode.SyncStatus.PENDING, PromoCode.SyncStatus.ERROR]
    )
    return waiting.update(sync_status=PromoCode.SyncStatus.PENDING, next_try_at=None)


def _refuse_kept_in_stripe(code: PromoCode) -> None:
    if is_kept_in_stripe(code):
        raise ValidationError(KEPT_IN_STRIPE)


def _errors_of_text(code: PromoCode) -> dict[str, list[ValidationError]]:
    code.code = codes.normalise(code.code)
    if codes.is_allowed(code.code):
        return {}
    return {"code": [ValidationError("Use letters A to Z, digits and hyphens only.")]}


def _errors_of_new(code: PromoCode, offer: Offer, made_at: datetime) -> dict[str, list[ValidationError]]:
    errors: dict[str, list[ValidationError]] = {}
    if code.expires_at and code.expires_at <= made_at:
        errors["expires_at"] = [ValidationError("The code would already be over.")]
    if code.campaign and code.campaign.ends_at and code.campaign.ends_at <= made_at:
        errors["campaign"] = [ValidationError("This campaign is over.")]
    try:
        offers.refuse_unknown(offer)
        _refuse_minimum_in_unknown_currency(code)
    except ValidationError as error:
        errors |= error.error_dict
    return errors


def _refuse_minimum_in_unknown_currency(code: PromoCode) -> None:
    currency = code.minimum_amount_currency
    if refusal := plans.currency_refusal(currency) if currency else "":
        raise ValidationError({"minimum_amount_currency": refusal})


def _ask_for_approval(code: PromoCode, offer: Offer, *, by: User | None, now: datetime) -> None:
    """Note who set the terms; they wait for a second person where one is needed."""
    code.terms_changed_by, code.approved_by, code.needs_review = by, None, False
    code.approved_at = None if approval.code_needs_it(offer) else code.approved_at or now


def _lock(code: PromoCode) -> None:
    """Lock a code and read anew how it stands with Stripe: the worker may have met a conflict since it was read."""
    code.refresh_from_db(fields=["sync_status"], from_queryset=PromoCode.objects.select_for_update())


@transaction.atomic
def _intend(code: PromoCode, **intent: datetime | Campaign | None) -> bool:
    """Save one of the owner's decisions and have the code pushed; a conflict goes on, unless the code has ended."""
    _lock(code)
    for name, value in intent.items():
        setattr(code, name, value)
    if code.sync_status != PromoCode.SyncStatus.CONFLICT or code.archived_at:
        code.sync_status, code.next_try_at = PromoCode.SyncStatus.PENDING, None
    code.save(update_fields=[*intent, "sync_status", "next_try_at", "updated_at"])
    return True
