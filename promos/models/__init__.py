"""The promo codes' data, one file per subject."""

from promos.models.batches import CodeBatch
from promos.models.campaigns import Campaign
from promos.models.changes import HistoryChange
from promos.models.codes import PromoCode
from promos.models.cursors import SyncCursor
from promos.models.customers import Customer, Subscription
from promos.models.drift import DriftFinding, ReconcileRun
from promos.models.offers import Offer
from promos.models.pace import StripePace
from promos.models.stripe_objects import StripeCoupon, StripePromotionCode, WebhookEvent
from promos.models.tokens import ApiToken
from promos.models.totals import CodeDayTotal, CodeTotal, CodeWeekTotal, PlanDayTotal
from promos.models.usage import CheckoutAttempt, CodeCheck, LedgerEntry, PromoCodeUsage
from promos.models.visits import BrakeCounter, CodeView, Journey

__all__ = [
    "ApiToken",
    "BrakeCounter",
    "Campaign",
    "CheckoutAttempt",
    "CodeBatch",
    "CodeCheck",
    "CodeDayTotal",
    "CodeTotal",
    "CodeView",
    "CodeWeekTotal",
    "Customer",
    "DriftFinding",
    "HistoryChange",
    "Journey",
    "LedgerEntry",
    "Offer",
    "PlanDayTotal",
    "PromoCode",
    "PromoCodeUsage",
    "ReconcileRun",
    "StripeCoupon",
    "StripePace",
    "StripePromotionCode",
    "Subscription",
    "SyncCursor",
    "WebhookEvent",
]
