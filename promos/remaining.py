"""How many uses a promotion code at Stripe may still give.

Stripe counts each promotion code from zero and never back, and its cap cannot
be changed. So a successor gets what was left when it was made, open checkouts
taken off. What it could not know then, a late use of an earlier generation or a
use that was given back, makes another successor, but only when it matters.
"""

from __future__ import annotations

from datetime import timedelta

from django.db.models import F, Q
from django.utils import timezone

from promos.models import PromoCode, StripePromotionCode

#: A popular code is looked at this often, not after each of its uses.
LOOK_AFTER = timedelta(seconds=5)


def taken(code: PromoCode) -> int:
    """Return the uses that a promotion code made now must leave out: completed and in open checkouts."""
    return code.used_count + code.held_count


def is_anything_left(code: PromoCode) -> bool:
    """Say whether a promotion code made now could be used at all."""
    return code.max_redemptions is None or code.max_redemptions > taken(code)


def is_exhausted(code: PromoCode, generation: StripePromotionCode) -> bool:
    """Say whether Stripe has ended the promotion code because all its uses were redeemed."""
    cap = generation.synced_terms.get("max_redemptions")
    return cap is not None and _redeemed(code, generation) >= cap


def is_wrong(code: PromoCode, generation: StripePromotionCode) -> bool:
    """Say whether Stripe would allow more uses than are left, or none though some are left."""
    if code.max_redemptions is None:
        return False
    redeemed = _redeemed(code, generation)
    allows_too_many = code.used_count > generation.used_before + redeemed
    planned = code.max_redemptions - generation.used_before
    return allows_too_many or (redeemed >= planned and is_anything_left(code))


def look_again(code: PromoCode) -> None:
    """Have the worker compare a code with Stripe soon, after its counters moved; it is not pending meanwhile."""
    if code.max_redemptions is None:
        return
    # A hint to the worker and no rule, so the time need not be anybody's.
    soon = timezone.now() + LOOK_AFTER
    # A code that is used up has its cap to end it, unless an earlier generation was used late.
    matters = Q(max_redemptions__gt=F("used_count")) | Q(stripe_promotion_codes__used_before__gt=0)
    PromoCode.objects.filter(matters, pk=code.pk).look_again(soon)


def _redeemed(code: PromoCode, generation: StripePromotionCode) -> int:
    """Return the uses recorded on one promotion code, those given back included."""
    return code.usages.filter(stripe_promotion_code_id=generation.stripe_promotion_code_id).count()
