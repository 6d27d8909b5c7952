"""What the drift doctor found when it last compared everything here with everything at Stripe."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q

from promos.models.codes import PromoCode
from promos.models.offers import Offer


class ReconcileRun(models.Model):
    """One comparison of all we have with all that Stripe has."""

    # The hour for which the worker made it; NULL for one that somebody asked for.
    hour = models.DateTimeField(null=True, blank=True, editable=False)
    is_repairing = models.BooleanField(default=False)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    objects_seen = models.PositiveIntegerField(default=0, help_text="Coupons and promotion codes at Stripe.")
    error = models.TextField(blank=True)

    class Meta:
        constraints = [
            # Two workers never make the same hour's run.
            models.UniqueConstraint(fields=["hour"], name="promos_reconcilerun_hour_unique"),
        ]
        indexes = [models.Index(fields=["-started_at"], name="promos_reconcilerun_recent_idx")]

    def __str__(self) -> str:
        return f"Comparison of {self.started_at:%Y-%m-%d %H:%M}"

    @property
    def took(self) -> timedelta | None:
        return self.finished_at - self.started_at if self.finished_at else None


class DriftFindingQuerySet(models.QuerySet["DriftFinding"]):
    def left(self) -> "DriftFindingQuerySet":
        """Findings that nobody has repaired."""
        return self.exclude(outcome=DriftFinding.Outcome.REPAIRED)

    def since(self, moment: datetime) -> "DriftFindingQuerySet":
        return self.filter(found_at__gte=moment)


class DriftFinding(models.Model):
    """One difference between Stripe and us, in a sentence, and what became of it."""

    class Kind(models.TextChoices):
        MISSING_THERE = "missing_there", "Missing in Stripe"
        MISSING_HERE = "missing_here", "Missing here"
        EDITED_THERE = "edited_there", "Edited in Stripe"
        DEACTIVATED_THERE = "deactivated_there", "Switched off in Stripe"
        REACTIVATED_THERE = "reactivated_there", "Switched on in Stripe"
        COUPON_DELETED = "coupon_deleted", "Coupon deleted in Stripe"
        SILENTLY_EXPIRED = "silently_expired", "Expired in Stripe"
        USED_UP = "used_up", "Used up in Stripe"
        COUNTER_GAP = "counter_gap", "Stripe counts more uses"
        GHOST_COUPON = "ghost_coupon", "Coupon of ours without a row"
        DUPLICATE = "duplicate", "Made twice"
        PRODUCTS_CHANGED = "products_changed", "Products changed in Stripe"
        CURRENCIES_CHANGED = "currencies_changed", "Amounts changed in Stripe"
        LIST_PRICE_MOVED = "list_price_moved", "List price moved"
        REDEMPTION_MISSING = "redemption_missing", "Redemption missing here"
        NOT_PUSHED = "not_pushed", "Not pushed"
        CONFLICT = "conflict", "Waits for your word"

    class Outcome(models.TextChoices):
        FOUND = "found", "Found"
        REPAIRED = "repaired", "Repaired"
        FOR_OWNER = "for_owner", "Needs you"

    # NULL when an event showed it, between two runs.
    run = models.ForeignKey(
        ReconcileRun, null=True, blank=True, on_delete=models.CASCADE, related_name="findings"
    )
    found_at = models.DateTimeField(db_index=True)
    kind = models.CharField(max_length=18, choices=Kind)
    sentence = models.TextField()
    outcome = models.CharField(max_length=9, choices=Outcome, default=Outcome.FOUND)
    promo_code = models.ForeignKey(
        PromoCode, null=True, blank=True, on_delete=models.CASCADE, related_name="drift_findings"
    )
    offer = models.ForeignKey(
        Offer, null=True, blank=True, on_delete=models.CASCADE, related_name="drift_findings"
    )
    stripe_id = models.CharField(max_length=255, blank=True)

    objects = DriftFindingQuerySet.as_manager()

    class Meta:
        verbose_name = "difference from Stripe"
        verbose_name_plural = "differences from Stripe"
        indexes = [
            models.Index(
                fields=["run"], condition=~Q(outcome="repaired"), name="promos_driftfinding_left_idx"
            ),
        ]

    def __str__(self) -> str:
        return self.sentence
