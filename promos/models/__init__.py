"""The promo codes' data, one file per subject."""

from promos.models.codes import Campaign, CodeBatch, Offer, PromoCode
from promos.models.customers import Customer, Subscription
from promos.models.drift import DriftFinding, ReconcileRun
from promos.models.pace import StripePace
from promos.models.stripe_objects import StripeCoupon, StripePromotionCode, WebhookEvent
from promos.models.usage import CheckoutAttempt, CodeCheck, LedgerEntry, PromoCodeUsage

__all__ = [
    "Campaign",
    "CheckoutAttempt",
    "CodeBatch",
    "CodeCheck",
    "Customer",
    "DriftFinding",
    "LedgerEntry",
    "Offer",
    "PromoCode",
    "PromoCodeUsage",
    "ReconcileRun",
    "StripeCoupon",
    "StripePace",
    "StripePromotionCode",
    "Subscription",
    "WebhookEvent",
]
