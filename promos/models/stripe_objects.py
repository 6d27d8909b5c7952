"""What Stripe has of us, and our inbox of its events.

Stripe ids are plain columns: dj-stripe's rows come and go with its mirror, ours stay.

``creation`` is the request that makes the object, kept from before it is first
sent until Stripe has answered: its parameters, the terms they carry, the number
of its idempotency key and when that was first used (see promos.sync.creation).
Of an object that exists it is the change under way, empty once Stripe has answered.
"""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q

from promos.models.codes import PromoCode
from promos.models.offers import Offer


class StripeCoupon(models.Model):
    """One coupon at Stripe that carries an offer's terms; edited terms make the next version."""

    class State(models.TextChoices):
        CREATING = "creating", "Being created"
        LIVE = "live", "Live"
        RETIRED = "retired", "Retired"
        DELETED = "deleted", "Deleted in Stripe"

    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="stripe_coupons")
    version = models.PositiveIntegerField(default=1)
    stripe_coupon_id = models.CharField(max_length=255)
    synced_terms = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=8, choices=State, default=State.CREATING)
    creation = models.JSONField(default=dict, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "Stripe coupon"
        constraints = [
            models.UniqueConstraint(fields=["stripe_coupon_id"], name="promos_stripecoupon_stripe_id_unique"),
            models.UniqueConstraint(fields=["offer", "version"], name="promos_stripecoupon_version_unique"),
        ]

    def __str__(self) -> str:
        return self.stripe_coupon_id


class StripePromotionCode(models.Model):
    """One promotion code at Stripe; a code that was edited has had several, one after the other.

    The row is written before the request that creates the object, so that a
    crash in between leaves something to look up.
    """

    class State(models.TextChoices):
        CREATING = "creating", "Being created"
        CURRENT = "current", "Current"
        RETIRED = "retired", "Retired"

    promo_code = models.ForeignKey(PromoCode, on_delete=models.PROTECT, related_name="stripe_promotion_codes")
    generation = models.PositiveIntegerField(default=1)
    stripe_coupon = models.ForeignKey(StripeCoupon, on_delete=models.PROTECT, related_name="promotion_codes")
    # NULL until Stripe has answered with it.
    stripe_promotion_code_id = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    stripe_customer_id = models.CharField(max_length=255, blank=True)
    synced_terms = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=8, choices=State, default=State.CREATING)
    creation = models.JSONField(default=dict, blank=True, editable=False)
    retired_reason = models.CharField(max_length=200, blank=True)
    # Uses of earlier generations: Stripe counts each generation from zero, so its cap is what was left.
    used_before = models.PositiveIntegerField(default=0)
    # Stripe's own count, shown beside ours and never the source of ours.
    times_redeemed = models.PositiveIntegerField(default=0)
    # When the worker is to ask Stripe, because an owner wants it to, and when it last did for whatever reason.
    pull_at = models.DateTimeField(null=True, blank=True, editable=False)
    pulled_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "Stripe promotion code"
        indexes = [
            models.Index(
                fields=["pull_at"],
                condition=Q(pull_at__isnull=False),
                name="promos_promotioncode_pull_idx",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["stripe_promotion_code_id"], name="promos_stripepromotioncode_stripe_id_unique"
            ),
            models.UniqueConstraint(
                fields=["promo_code", "generation"], name="promos_stripepromotioncode_generation_unique"
            ),
            models.UniqueConstraint(
                fields=["promo_code"],
                condition=Q(state="current"),
                name="promos_stripepromotioncode_one_current",
            ),
        ]

    def __str__(self) -> str:
        return self.stripe_promotion_code_id or f"{self.promo_code} (generation {self.generation})"

    @property
    def is_left_active(self) -> bool:
        """Whether it is retired here and still active at Stripe: the next push switches it off."""
        return self.state == self.State.RETIRED and bool(self.synced_terms.get("active"))

    @classmethod
    def next_generation(cls, promo_code: PromoCode) -> int:
        """Return the number of the code's next generation, from 1."""
        last = cls.objects.filter(promo_code=promo_code).aggregate(last=models.Max("generation"))["last"]
        return (last or 0) + 1


class WebhookEventQuerySet(models.QuerySet["WebhookEvent"]):
    def due(self, now: datetime) -> WebhookEventQuerySet:
        """Events that still need a receiver or the mirror, whose next try has come and that nobody holds."""
        return self.filter(
            Q(processed_at__isnull=True) | Q(mirrored_at__isnull=True),
            Q(next_try_at__isnull=True) | Q(next_try_at__lte=now),
            Q(lease_until__isnull=True) | Q(lease_until__lte=now),
        ).order_by("received_at", "pk")

    def failed(self) -> WebhookEventQuerySet:
        return self.filter(processed_at__isnull=True).exclude(error="")


class WebhookEvent(models.Model):
    """An event as Stripe sent it, stored once, and what became of it here."""

    stripe_event_id = models.CharField(max_length=255)
    type = models.CharField(max_length=100, db_index=True)
    api_version = models.CharField(max_length=40, blank=True)
    livemode = models.BooleanField(default=False)
    object_id = models.CharField(max_length=255, blank=True, db_index=True)
    payload = models.JSONField()
    received_at = models.DateTimeField(db_index=True)
    processed_at = models.DateTimeField(null=True, blank=True)
    mirrored_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_token = models.CharField(max_length=32, blank=True)
    error = models.TextField(blank=True)

    objects = WebhookEventQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["stripe_event_id"], name="promos_webhookevent_stripe_id_unique"),
        ]
        indexes = [
            models.Index(
                fields=["next_try_at"],
                condition=Q(processed_at__isnull=True) | Q(mirrored_at__isnull=True),
                name="promos_webhookevent_due_idx",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.stripe_event_id}"
