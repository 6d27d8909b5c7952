"""Campaigns: codes with one schedule and one budget."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from promos import history


class Campaign(models.Model):
    """A group of codes with a schedule, a money budget and a fixed cost."""

    name = models.CharField(max_length=100)
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    budget_amount = models.BigIntegerField(
        null=True, blank=True, help_text="The most these codes may give away, in minor units of the currency."
    )
    fixed_cost_amount = models.BigIntegerField(default=0, help_text="In minor units of the currency.")
    # Kept by redemptions, in minor units: discount given, promised to renewals, and held by open checkouts.
    spent_amount = models.BigIntegerField(default=0, editable=False)
    promised_amount = models.BigIntegerField(default=0, editable=False)
    held_amount = models.BigIntegerField(default=0, editable=False)
    gives_back_on_refund = models.BooleanField(
        default=True, help_text="A full refund gives the use of the code back."
    )
    # Whether its budget is one that a second person approves; its codes wait until somebody has.
    needs_approval = models.BooleanField(default=False, editable=False)
    approved_at = models.DateTimeField(null=True, blank=True, editable=False)
    terms_changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        editable=False,
        db_index=False,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        editable=False,
        db_index=False,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    history = history.Records(
        excluded_fields=("spent_amount", "promised_amount", "held_amount", "terms_changed_by", "approved_by")
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name"], name="promos_campaign_name_unique"),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(starts_at__isnull=True) | Q(ends_at__gt=F("starts_at")),
                name="promos_campaign_ends_after_start",
                violation_error_message="The campaign must end after it starts.",
            ),
            models.CheckConstraint(
                condition=Q(budget_amount__isnull=True) | (Q(budget_amount__gt=0) & ~Q(currency="")),
                name="promos_campaign_budget_has_currency",
                violation_error_message="A budget must be above zero and have a currency.",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True)
                | Q(terms_changed_by__isnull=True)
                | ~Q(approved_by=F("terms_changed_by")),
                name="promos_campaign_approved_by_another",
                violation_error_message="Somebody else must approve the campaign.",
            ),
        ]
        permissions = [("approve_campaign", "Can approve campaigns of others")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_waiting(self) -> bool:
        """Whether a second person must approve its budget before its codes work."""
        return self.needs_approval and self.approved_at is None

    @property
    def is_budget_spent(self) -> bool:
        return (
            self.budget_amount is not None and self.spent_amount + self.promised_amount >= self.budget_amount
        )
