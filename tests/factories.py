"""Rows for tests; every default makes a valid, active code for everybody."""

from datetime import UTC, datetime

import factory
from django.contrib.auth.models import User
from djstripe.models import Account, Price, Product

from promos import models
from promos.sync import terms

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def user(email: str, password: str, **fields: object) -> User:
    return User.objects.create_user(username=email, email=email, password=password, **fields)


class CampaignFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.Campaign

    name = factory.Sequence(lambda n: f"Campaign {n}")


class OfferFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.Offer

    name = "Twenty percent off"
    kind = models.Offer.Kind.PERCENT
    percent_off = 20


class CodeBatchFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.CodeBatch

    offer = factory.SubFactory(OfferFactory)
    pattern = "####-####"
    requested = 10


class PromoCodeFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.PromoCode

    code = factory.Sequence(lambda n: f"CODE{n}")
    offer = factory.SubFactory(OfferFactory)
    submitted_at = LONG_AGO
    approved_at = LONG_AGO


class CustomerFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.Customer

    email = factory.Sequence(lambda n: f"buyer{n}@example.com")


class SubscriptionFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.Subscription

    customer = factory.SubFactory(CustomerFactory)
    stripe_subscription_id = factory.Sequence(lambda n: f"sub_running_{n}")
    status = "active"
    plan = "price_monthly"
    interval = "month"
    started_at = LONG_AGO


class UsageFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.PromoCodeUsage

    redemption_key = factory.Sequence(lambda n: f"sub_{n}")
    promo_code = factory.SubFactory(PromoCodeFactory)
    customer = factory.SubFactory(CustomerFactory)
    plan = "price_monthly"
    currency = "usd"
    redeemed_at = LONG_AGO


class LedgerEntryFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.LedgerEntry

    kind = models.LedgerEntry.Kind.CHECKOUT
    stripe_object_id = factory.Sequence(lambda n: f"cs_test_{n}")
    customer = factory.SubFactory(CustomerFactory)
    plan = "price_monthly"
    interval = "month"
    currency = "usd"
    gross_amount = 10_000
    discount_amount = 0
    net_amount = factory.LazyAttribute(lambda entry: entry.gross_amount - entry.discount_amount)
    occurred_at = LONG_AGO


class CodeCheckFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.CodeCheck

    text = factory.LazyAttribute(lambda check: check.promo_code.code if check.promo_code else "NOPE")
    checked_at = LONG_AGO


class WebhookEventFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.WebhookEvent

    stripe_event_id = factory.Sequence(lambda n: f"evt_{n}")
    type = "checkout.session.completed"
    payload = factory.LazyAttribute(lambda event: {"id": event.stripe_event_id, "type": event.type})
    received_at = LONG_AGO


class ApiTokenFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.ApiToken

    user = factory.LazyFunction(lambda: user("program@example.com", "x"))
    name = "Shop"
    hint = "pdk_abcd"
    digest = factory.Sequence(lambda n: f"{n:064x}")
    created_at = LONG_AGO


class AccountFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Account
        django_get_or_create = ("id",)

    id = "acct_test000000000000"
    livemode = False
    stripe_data = {"id": "acct_test000000000000", "object": "account"}


class ProductFactory(factory.django.DjangoModelFactory):
    """A mirrored Stripe product."""

    class Meta:
        model = Product

    class Params:
        title = "Team"

    id = factory.Sequence(lambda n: f"prod_{n}")
    name = factory.SelfAttribute("title")
    active = True
    livemode = False
    stripe_data = factory.LazyAttribute(
        lambda product: {
            "id": product.id,
            "object": "product",
            "active": product.active,
            "name": product.title,
        }
    )


class PriceFactory(factory.django.DjangoModelFactory):
    """A mirrored Stripe price; ``interval=None`` makes a one-time price."""

    class Meta:
        model = Price

    class Params:
        amount = 9950
        interval = "month"
        metadata = {}

    id = factory.Sequence(lambda n: f"price_{n}")
    product = factory.SubFactory(ProductFactory)
    active = True
    currency = "usd"
    livemode = False
    stripe_data = factory.LazyAttribute(
        lambda price: {
            "id": price.id,
            "object": "price",
            "active": price.active,
            "currency": price.currency,
            "product": price.product.id,
            "unit_amount": price.amount,
            "recurring": {"interval": price.interval, "interval_count": 1} if price.interval else None,
            "metadata": price.metadata,
        }
    )


class SyncedPromoCodeFactory(PromoCodeFactory):
    """A code that Stripe has, as after a push (no call is made)."""

    class Meta:
        model = models.PromoCode
        skip_postgeneration_save = True

    @factory.post_generation
    def agreed(code, create: bool, extracted: object, **kwargs: object) -> None:
        now = datetime.now(UTC)
        coupon, _ = models.StripeCoupon.objects.get_or_create(
            offer=code.offer,
            defaults={
                "stripe_coupon_id": f"pd_{code.offer.uid}_v1",
                "synced_terms": terms.of_offer(code.offer),
                "state": models.StripeCoupon.State.LIVE,
            },
        )
        generation = models.StripePromotionCode(
            promo_code=code,
            stripe_coupon=coupon,
            stripe_promotion_code_id=f"promo_{code.pk}",
            state=models.StripePromotionCode.State.CURRENT,
        )
        generation.synced_terms = terms.of_code(code, generation, now=now)
        generation.save()
        models.PromoCode.objects.filter(pk=code.pk).update(
            sync_status="synced", synced_at=now, next_try_at=None
        )
        code.refresh_from_db()
