"""Our marks on Stripe's objects: metadata that names the row each was made for.

They tell our own objects from the dashboard's when an answer was lost. Anybody
may edit metadata, so a mark counts only together with a coupon that is ours.
"""

from __future__ import annotations

from django.db import transaction

from promos.models import Offer, PromoCode, StripePromotionCode
from promos.stripe_gateway import StripeObject
from promos.sync import terms

CODE_KEY = "promodesk_code"
GENERATION_KEY = "promodesk_generation"
OFFER_KEY = "promodesk_offer"

State = StripePromotionCode.State


def of_offer(offer: Offer) -> dict[str, str]:
    """Return the metadata of an offer's coupons."""
    return {OFFER_KEY: offer.uid}


def of_generation(promo_code_id: int, generation: int) -> dict[str, str]:
    """Return the metadata of one generation of a code."""
    return {CODE_KEY: str(promo_code_id), GENERATION_KEY: str(generation)}


def are_on(found: StripeObject, marks: dict[str, str]) -> bool:
    """Say whether a Stripe object carries these marks."""
    return bool((found["metadata"] or {}).items() >= marks.items())


@transaction.atomic
def generation_of(found: StripeObject) -> StripePromotionCode | None:
    """Return our row of a promotion code at Stripe; None for one that was not made here.

    One that a lost try made belongs to the row that the push is about to finish.
    A second one of the same generation, or one that was given up, is kept as
    retired, and its code is pushed so that it does not stay active there.
    """
    rows = StripePromotionCode.objects.select_related("promo_code", "stripe_coupon")
    known = rows.filter(stripe_promotion_code_id=found["id"]).first()
    if known is None:
        known = marked(found)
        if known is None or known.state == State.CREATING:
            return known
        known = _kept_as_retired(known, found)
    if known.state == State.RETIRED and found["active"] and not known.synced_terms.get("active"):
        known.synced_terms = terms.of_promotion_code(found)
        known.save(update_fields=["synced_terms"])
    if known.is_left_active:
        settled = PromoCode.objects.exclude(sync_status=PromoCode.SyncStatus.CONFLICT)
        settled.filter(pk=known.promo_code_id).update(
            sync_status=PromoCode.SyncStatus.PENDING, next_try_at=None
        )
    return known


def marked(found: StripeObject) -> StripePromotionCode | None:
    """Return the row whose generation a promotion code names.

    Its text must be the row's, too: after a restore the number of a lost row goes to another.
    """
    metadata = found["metadata"] or {}
    row = (
        StripePromotionCode.objects.select_related("promo_code", "stripe_coupon")
        .filter(
            promo_code_id=_number(metadata.get(CODE_KEY, "")),
            generation=_number(metadata.get(GENERATION_KEY, "")),
            stripe_coupon__stripe_coupon_id=terms.coupon_id(found),
        )
        .first()
    )
    return row if row is not None and _text(row) in {"", terms.of_promotion_code(found)["code"]} else None


def _text(row: StripePromotionCode) -> str:
    """Return the text that a row's promotion code has, or is being made with; nothing if it was never asked for."""
    text: str = (row.synced_terms or row.creation.get("terms", {})).get("code", "")
    return text


def _kept_as_retired(marked: StripePromotionCode, found: StripeObject) -> StripePromotionCode:
    """Give a promotion code that nobody waited for a row, since it may have been redeemed."""
    if marked.stripe_promotion_code_id is None:
        row = marked
    else:
        row = StripePromotionCode(
            promo_code=marked.promo_code,
            generation=StripePromotionCode.next_generation(marked.promo_code),
            stripe_coupon=marked.stripe_coupon,
            state=State.RETIRED,
            retired_reason="Made twice at Stripe",
        )
    row.stripe_promotion_code_id = found["id"]
    row.synced_terms = terms.of_promotion_code(found)
    row.save()
    return row


def _number(text: str) -> int:
    """Return the number in metadata that anybody may have edited; 0, which no row has, for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else 0
