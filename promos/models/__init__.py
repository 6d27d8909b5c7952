"""The promo codes' data, one file per subject."""

from promos.models.codes import Campaign, CodeBatch, Offer, PromoCode
from promos.models.customers import Customer, Subscription
from promos.models.pace import StripePace
from promos.models.stripe_objects import StripeCoupon, StripePromotionCode, WebhookEvent
from promos.models.usage import CheckoutAttempt, CodeCheck, LedgerEntry, PromoCodeUsage

__all__ = [
    "Campaign",
    "CheckoutAttempt",
    "CodeBatch",
    "CodeCheck",
    "Customer",
    "LedgerEntry",
    "Offer",
    "PromoCode",
    "PromoCodeUsage",
    "StripeCoupon",
    "StripePace",
    "StripePromotionCode",
    "Subscription",
    "WebhookEvent",
]
