"""The life of a code: made, changed, paused, resumed, archived, tried again.

Each operation is one transaction on our own rows. None calls Stripe: what a
code should be there follows from its row, and the worker pushes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from promos import codes, offers
from promos.models import Campaign, Offer, PromoCode

#: What an owner edits on a code; the rest is written by redemptions and by the sync.
EDITABLE = (
    "code",
    "offer",
    "campaign",
    "description",
    "customer",
    "starts_at",
    "expires_at",
    "max_redemptions",
    "max_redemptions_per_customer",
    "first_time_only",
    "minimum_amount",
    "minimum_amount_currency",
)


@transaction.atomic
def create(code: PromoCode, *, offer: Offer, now: datetime) -> PromoCode:
    """Save a new code with its offer, ready to be pushed; an empty text is filled with a random one.

    Raises:
        ValidationError: by field of the code or of the offer; nothing is saved.
    """
    code.code = codes.normalise(code.code) or codes.generate()
    check(code, offer=offer)
    offer.save()
    code.offer = offer
    code.submitted_at = code.submitted_at or now
    code.approved_at = code.approved_at or now
    code.sync_status = PromoCode.SyncStatus.PENDING
    code.save()
    return code


@transaction.atomic
def create_all(drafts: Sequence[PromoCode], *, now: datetime) -> None:
    """Save many new codes that passed ``check_row``, with their completed offers, which they may share.

    Raises:
        django.db.IntegrityError: one of the texts was taken meanwhile; nothing is saved.
    """
    Offer.objects.bulk_create({id(draft.offer): draft.offer for draft in drafts}.values())
    for draft in drafts:
        draft.submitted_at = draft.approved_at = now
    PromoCode.objects.bulk_create(drafts, batch_size=1000)


@transaction.atomic
def change(code: PromoCode, *, offer: Offer) -> PromoCode:
    """Save edited terms of a code and its offer, to be pushed if they differ from what Stripe has.

    Raises:
        ValidationError: by field of the code or of the offer; nothing is saved.
    """
    check(code, offer=offer)
    # Redemptions and the worker write to the row too: what is not the owner's is neither stale nor overwritten.
    locked = PromoCode.objects.select_for_update()
    code.refresh_from_db(fields=["sync_status", "used_count", "held_count"], from_queryset=locked)
    offer.save()
    code.offer = offer
    code.save(update_fields=[*EDITABLE, "updated_at"])
    return code


def check(code: PromoCode, *, offer: Offer) -> None:
    """Complete the offer and raise ValidationError, by field, for what is wrong with it or with the code."""
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
    """Stop a code until it is resumed; return False when there was nothing to do."""
    if code.paused_at or code.archived_at:
        return False
    return _intend(code, paused_at=now)


def resume(code: PromoCode) -> bool:
    """Take back a pause; return False when the code was not paused by hand."""
    if not code.paused_at or code.archived_at:
        return False
    return _intend(code, paused_at=None)


def archive(code: PromoCode, *, now: datetime) -> bool:
    """End a code for good: its text is free again, its redemptions stay; return False when it was archived."""
    if code.archived_at:
        return False
    return _intend(code, archived_at=now)


def retry(code: PromoCode) -> bool:
    """Have the worker push the code now, whatever became of the last try."""
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


def pause_campaign(campaign: Campaign, *, now: datetime) -> None:
    """Pause a campaign and with it all its codes."""
    campaign.paused_at = now
    campaign.save(update_fields=["paused_at"])


def resume_campaign(campaign: Campaign) -> None:
    """Take back a campaign's pause."""
    campaign.paused_at = None
    campaign.save(update_fields=["paused_at"])


def _errors_of_text(code: PromoCode) -> dict[str, list[ValidationError]]:
    code.code = codes.normalise(code.code)
    if codes.is_allowed(code.code):
        return {}
    return {"code": [ValidationError("Use letters A to Z, digits and hyphens only.")]}


def _intend(code: PromoCode, **intent: datetime | None) -> bool:
    """Save one of the owner's intents and have the code pushed."""
    for name, value in intent.items():
        setattr(code, name, value)
    code.sync_status, code.next_try_at = PromoCode.SyncStatus.PENDING, None
    code.save(update_fields=[*intent, "sync_status", "next_try_at", "updated_at"])
    return True
