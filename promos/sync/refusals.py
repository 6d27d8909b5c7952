"""Why a push cannot go on, in the owner's words, and whether time alone may change that."""

from __future__ import annotations

from django.utils import timezone

from promos import codes
from promos.models import PromoCode, StripePromotionCode
from promos.stripe_gateway import Rejected, StripeObject, list_promotion_codes


class Refused(Exception):
    """Nothing but an edit will help; ``str()`` tells the owner why."""


class ForeignCode(Exception):
    """Stripe has an active code with this text that is not this one's: the owner has to say whose it is."""


class TextTaken(Exception):
    """Another code here still has the text at Stripe, and is about to give it up."""


#: Stripe's names of what it refuses (the beginning of ``param``), in ours.
_FIELDS = {
    "percent_off": "the percentage",
    "amount_off": "the amount",
    "currency_options": "the amounts in further currencies",
    "currency": "the currency",
    "duration_in_months": "the number of months",
    "applies_to": "the products",
    "name": "the name",
    "code": "the text of the code",
    "customer": "the named customer",
    "expires_at": "the expiry",
    "redeem_by": "the expiry",
    "max_redemptions": "the limit of uses",
    "restrictions": "the smallest order",
    "promotion": "the coupon",
    "coupon": "the coupon",
}


def in_words(error: Rejected) -> str:
    """Return what Stripe refused and why: "Stripe refused the products: No such product: 'prod_1'."."""
    fits = (name for start, name in _FIELDS.items() if error.param.startswith(start))
    return f"Stripe refused {next(fits, 'this')}: {error.message.rstrip('.')}."


def of_text(code: PromoCode, error: Rejected) -> Exception:
    """Return why Stripe refused to activate a code: its text may be taken, which Stripe says in prose only.

    Raises:
        stripe_gateway.StripeError: Stripe could not be asked who has the text.
    """
    holders = holders_of_text(code)
    rows = StripePromotionCode.objects.filter(
        stripe_promotion_code_id__in=[each["id"] for each in holders]
    ).select_related("promo_code__campaign")
    others = [row.promo_code for row in rows if row.promo_code_id != code.pk]
    is_foreign = any(other.sync_status == PromoCode.SyncStatus.CONFLICT for other in others)
    if is_foreign or len(rows) < len(holders):
        return ForeignCode("Stripe has an active code with this text that was not made here.")
    if any(_keeps_text(other, code) for other in others):
        return ForeignCode(
            "Another code here has this text, and Stripe allows it only once for the same customers."
        )
    if holders:
        return TextTaken(
            "Stripe still has an earlier code with this text, which is about to be switched off."
        )
    return Refused(in_words(error))


def holders_of_text(code: PromoCode) -> list[StripeObject]:
    """Return what is active at Stripe with a code's text and cannot be beside it, the code's own included.

    Raises:
        stripe_gateway.StripeError: Stripe could not be asked.
    """
    found = list_promotion_codes(code=code.code, active=True)
    return [each for each in found if _clashes(each, code)]


def _clashes(found: StripeObject, code: PromoCode) -> bool:
    """Whether Stripe lets two codes with one text not be active together: it does for different named customers."""
    customer = code.customer.stripe_customer_id if code.customer else None
    return found["customer"] is None or customer is None or found["customer"] == customer


def _keeps_text(other: PromoCode, code: PromoCode) -> bool:
    return other.code == code.code and codes.status(other, timezone.now()) == codes.Status.ACTIVE
