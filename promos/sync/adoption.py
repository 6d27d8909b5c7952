"""Codes that claim one text: which they are, and how one of ours takes the place of one made in Stripe, or gives way."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F, Q, QuerySet

from promos import budgets, history
from promos.models import CheckoutAttempt, CodeCheck, PromoCode, PromoCodeUsage, StripePromotionCode
from promos.redemptions import totals
from promos.sync import importing

SyncStatus = PromoCode.SyncStatus
State = StripePromotionCode.State
#: Why, in the history.
GAVE_WAY = "Gave way in a conflict with Stripe"
STRIPES_SIDE_TAKEN = "Stripe's side taken"


def twin_of(imported: PromoCode) -> PromoCode | None:
    """Return the living code whose text an imported one has too."""
    living = PromoCode.objects.not_archived().exclude(pk=imported.pk)
    return living.filter(code=imported.code, customer=imported.customer).select_related("offer").first()


def rival_of(code: PromoCode) -> StripePromotionCode | None:
    """Return the promotion code that is active at Stripe with a code's text, made in Stripe or by another code here."""
    return _rivals(code).order_by(F("promo_code__archived_at").desc(nulls_last=True)).first()


def note_rivals_off(code: PromoCode, *, now: datetime) -> None:
    """Save that the promotion codes with a code's text were switched off; another living code is paused."""
    rows = list(_rivals(code)) or list(_own_current(code))
    for rival in rows:
        rival.synced_terms = rival.synced_terms | {"active": False}
        rival.save(update_fields=["synced_terms"])
    others = PromoCode.objects.filter(stripe_promotion_codes__in=rows)
    living = list(others.not_archived().exclude(pk=code.pk).values_list("pk", flat=True))
    PromoCode.objects.filter(pk__in=living).update(paused_at=now)
    with history.because(GAVE_WAY):
        history.note(PromoCode.objects.filter(pk__in=living))
    conflicting = others.filter(sync_status=SyncStatus.CONFLICT).exclude(archived_at=None)
    conflicting.update(sync_status=SyncStatus.SYNCED, sync_error="")


def adopt(code: PromoCode, rival: StripePromotionCode, *, now: datetime) -> None:
    """Make a promotion code that was made in Stripe the current one of our code, which takes over its terms.

    The code that it was imported as goes: its redemptions become ours, and our campaign's. In the caller's transaction.
    """
    if rival.promo_code_id != code.pk:
        budgets.carry([rival.promo_code_id], to=code.campaign)
    code = PromoCode.objects.select_for_update().get(pk=code.pk)
    imported = PromoCode.objects.select_for_update().get(pk=rival.promo_code_id)
    if imported.pk != code.pk:
        _move_generation(code, rival)
        _move_redemptions(imported, code)
        with history.because(STRIPES_SIDE_TAKEN):
            imported.delete()
    _take_terms(code, rival, now=now)


def _rivals(code: PromoCode) -> QuerySet[StripePromotionCode]:
    others = StripePromotionCode.objects.filter(
        promo_code__code=code.code, state=State.CURRENT, synced_terms__active=True
    ).exclude(promo_code=code.pk)
    if code.customer is not None:
        # Stripe lets a text be active for several named customers, but not beside one for everybody.
        others = others.filter(Q(promo_code__customer=code.customer) | Q(promo_code__customer=None))
    return others.select_related("promo_code__offer", "stripe_coupon__offer")


def _own_current(code: PromoCode) -> QuerySet[StripePromotionCode]:
    """Return the promotion code of an imported code whose rival here is gone: itself is what Stripe has."""
    is_import = Q(promo_code__archived_at__isnull=False)
    return StripePromotionCode.objects.filter(is_import, promo_code=code.pk, state=State.CURRENT)


def _move_generation(code: PromoCode, rival: StripePromotionCode) -> None:
    unfinished = code.stripe_promotion_codes.exclude(state=State.RETIRED)
    unfinished.update(state=State.RETIRED, retired_reason="Replaced by the one made in Stripe")
    rival.generation = StripePromotionCode.next_generation(code)
    rival.promo_code, rival.used_before = code, code.used_count
    rival.save(update_fields=["promo_code", "generation", "used_before"])


def _move_redemptions(imported: PromoCode, code: PromoCode) -> None:
    for generation in imported.stripe_promotion_codes.all():
        generation.generation = StripePromotionCode.next_generation(code)
        generation.promo_code = code
        generation.save(update_fields=["promo_code", "generation"])
    for model in (PromoCodeUsage, CheckoutAttempt, CodeCheck):
        model._default_manager.filter(promo_code=imported).update(promo_code=code)
    PromoCode.objects.filter(pk=code.pk).update(
        used_count=F("used_count") + imported.used_count, held_count=F("held_count") + imported.held_count
    )
    totals.hand_over(imported, code)


def _take_terms(code: PromoCode, rival: StripePromotionCode, *, now: datetime) -> None:
    fields = importing.code_fields(rival.synced_terms, used_before=rival.used_before)
    if code.starts_at is not None and code.starts_at > now:
        fields["starts_at"] = None
    taken = PromoCode.objects.filter(pk=code.pk)
    taken.update(offer=rival.stripe_coupon.offer_id, paused_at=None, archived_at=None, **fields)
    with history.because(STRIPES_SIDE_TAKEN):
        history.note(taken)
