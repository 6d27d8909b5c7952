"""Uses of codes on both sides, without the checkout that usually makes them."""

from django.db import transaction

from promos.models import PromoCode, PromoCodeUsage, StripePromotionCode
from promos.redemptions import counters
from promos.redemptions.counters import Change
from promos.standin import promotion_codes
from promos.standin.server import Standin
from promos.sync import terms
from tests.factories import UsageFactory


def redeem(
    standin: Standin, code: PromoCode, generation: StripePromotionCode | None = None
) -> PromoCodeUsage:
    """Redeem a code's promotion code, by default the current one, at Stripe and here."""
    generation = generation or terms.current(code)
    assert generation
    with standin.core.store.transaction():
        promotion_codes.redeem(standin.core.call(), generation.stripe_promotion_code_id or "")
    usage = UsageFactory(promo_code=code, stripe_promotion_code_id=generation.stripe_promotion_code_id)
    move(code, used=1)
    return usage


def use_late(code: PromoCode, retired: StripePromotionCode) -> PromoCodeUsage:
    """Complete a checkout that was opened with a promotion code retired since; Stripe counts it there."""
    usage = UsageFactory(promo_code=code, stripe_promotion_code_id=retired.stripe_promotion_code_id)
    move(code, used=1)
    return usage


def give_back(usage: PromoCodeUsage) -> None:
    """Give a use back, as a full refund does; Stripe goes on counting it."""
    move(usage.promo_code, used=-1)


@transaction.atomic
def move(code: PromoCode, **counts: int) -> None:
    counters.apply([Change(code, **counts)])
