"""Lives of several customers as Stripe tells them, with and without codes, paid back and disputed, in two currencies."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from promos import redemptions
from promos.models import CodeBatch, PromoCode, StripeCoupon, StripePromotionCode
from tests.factories import OfferFactory, PromoCodeFactory, SyncedPromoCodeFactory
from tests.promos.stripe_orders import BEGUN, credit_note, dispute, epoch, invoice, refund, session

Object = dict[str, Any]


def codes() -> tuple[PromoCode | None, ...]:
    """A code alone, two of one batch, none, and one of which Stripe's side is not known here yet."""
    batch = CodeBatch.objects.create(offer=OfferFactory(), prefix="B-", pattern="####", requested=2)
    first, second = (SyncedPromoCodeFactory(batch=batch) for _ in range(2))
    return SyncedPromoCodeFactory(), first, second, None, PromoCodeFactory(code="LATE")


def of(number: int, code: PromoCode | None, *, customer: int) -> list[Object]:
    """One subscription: checkout, first invoice, two renewals (the second without a code), and what went back."""
    who: Object = {"customer": f"cus_{customer}", "currency": "eur" if number % 4 == 3 else "usd"}
    begun = {"id": f"cs_{number}", "subscription": f"sub_{number}", "invoice": f"in_{number}_0"}
    # Of one customer's two subscriptions the later number began first.
    told = [session(code, **who, **begun, created=epoch(0) - 86_400 * number)]
    for month, discount in enumerate((code, code, None)):
        paid = invoice(discount, month=month, **who, **_names(number, month))
        paid["parent"]["subscription_details"]["subscription"] = f"sub_{number}"
        told.append(paid)
    told += [_of_month(refund(4_000, month=month), number, month) for month in (0, 1)]
    told.append(_of_month(refund(9_000, month=2, status="failed"), number, 2))
    told.append(_of_month(dispute(month=1, status="won" if number % 2 else "lost"), number, 1))
    told.append(credit_note(month=1) | {"id": f"cn_{number}", "invoice": f"in_{number}_1"})
    return told


def link(code: PromoCode, *, now: datetime = BEGUN) -> None:
    """Let Stripe's promotion code of a code become known, as an import does."""
    coupon, _ = StripeCoupon.objects.get_or_create(offer=code.offer, stripe_coupon_id=f"co_{code.pk}")
    generation = {"promo_code": code, "stripe_coupon": coupon, "state": "current"}
    StripePromotionCode.objects.get_or_create(
        stripe_promotion_code_id=f"promo_{code.pk}", defaults=generation
    )
    redemptions.link(f"promo_{code.pk}", now=now)


def _names(number: int, month: int) -> Object:
    payment = {"type": "payment_intent", "payment_intent": f"pi_{number}_{month}"}
    return {"id": f"in_{number}_{month}", "payments": {"data": [{"payment": payment}]}}


def _of_month(moved: Object, number: int, month: int) -> Object:
    name = moved["id"].partition("_")[0]
    return moved | {"id": f"{name}_{number}_{month}", "payment_intent": f"pi_{number}_{month}"}
