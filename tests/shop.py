"""A small shop that exists on both sides: at the running stand-in and in our tables, as after a sync."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings

from promos import mirror, models, redemptions, stripe_gateway
from promos.sync import terms
from tests import factories
from tests.standin.dashboard import Dashboard

State = models.StripePromotionCode.State


@dataclass(frozen=True)
class Shop:
    monthly: str
    monthly_product: str
    setup_product: str
    yearly: str
    yearly_product: str


def open_shop() -> Shop:
    """Put a monthly plan of $99.50 with a setup fee of $200.00 on sale, and a yearly one of $990.00."""
    setup_product, setup = _price("Setup", amount=20000)
    monthly_product, monthly = _price("Team", amount=9950, interval="month", setup_fee=setup)
    yearly_product, yearly = _price("Team, paid yearly", amount=99000, interval="year")
    return Shop(monthly, monthly_product, setup_product, yearly, yearly_product)


def give_code(text: str, *, offer: dict[str, object] | None = None, **fields: object) -> models.PromoCode:
    """Return an active code that Stripe has too; by default 20 % off, once, on everything."""
    code = factories.PromoCodeFactory(code=text, offer=factories.OfferFactory(**(offer or {})))
    at_stripe = put_at_stripe(code)
    if fields:
        models.PromoCode.objects.filter(pk=code.pk).update(**fields)
    models.PromoCode.objects.filter(pk=code.pk).update(
        sync_status="synced", synced_at=code.created_at, next_try_at=None
    )
    code.refresh_from_db()
    assert at_stripe["active"]
    return code


def subscribe(customer: models.Customer, team: Shop, now: datetime) -> models.Subscription:
    """Have a customer subscribe to the monthly plan, at Stripe and here."""
    made = stripe_gateway.create_customer({"email": customer.email}, idempotency_key=customer.email)
    models.Customer.objects.filter(pk=customer.pk).update(stripe_customer_id=made["id"])
    terms = {"customer": made["id"], "items": [{"price": team.monthly}]}
    subscribed = Dashboard(settings.STRIPE_HOST).v1.subscriptions.create(terms)
    told = stripe_gateway.retrieve_subscription(subscribed.id)
    return redemptions.note_subscription(told, now=now)


def put_at_stripe(code: models.PromoCode) -> stripe_gateway.StripeObject:
    """Create a code's coupon and promotion code at the stand-in, and our rows of them."""
    wanted = terms.of_offer(code.offer)
    made = stripe_gateway.create_coupon(terms.coupon_params(wanted), idempotency_key=f"coupon-{code.pk}")
    coupon = models.StripeCoupon.objects.create(
        offer=code.offer, stripe_coupon_id=made["id"], synced_terms=wanted, state="live"
    )
    generation = models.StripePromotionCode(promo_code=code, stripe_coupon=coupon, state=State.CURRENT)
    wanted = terms.of_code(code, generation, now=datetime.now(UTC))
    made = stripe_gateway.create_promotion_code(
        terms.promotion_code_params(wanted), idempotency_key=f"code-{code.pk}"
    )
    generation.stripe_promotion_code_id, generation.synced_terms = made["id"], wanted
    generation.save()
    return made


def _price(name: str, *, amount: int, interval: str = "", setup_fee: str = "") -> tuple[str, str]:
    product = stripe_gateway.create_product({"name": name}, idempotency_key=f"product-{name}")
    recurring = {"recurring": {"interval": interval}} if interval else {}
    metadata = {"metadata": {"setup_fee_price": setup_fee}} if setup_fee else {}
    price = stripe_gateway.create_price(
        {"product": product["id"], "currency": "usd", "unit_amount": amount, **recurring, **metadata},
        idempotency_key=f"price-{name}",
    )
    mirror.copy(product)
    mirror.copy(price)
    return product["id"], price["id"]
