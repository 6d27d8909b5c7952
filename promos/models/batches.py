"""Batches: many unique codes of one offer."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from promos.models.campaigns import Campaign
from promos.models.limits import Limits
from promos.models.offers import Offer


class CodeBatch(Limits):
    """A run of unique codes made from one pattern; may be interrupted and continued."""

    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="batches")
    campaign = models.ForeignKey(
        Campaign, null=True, blank=True, on_delete=models.PROTECT, related_name="batches"
    )
    prefix = models.CharField(max_length=20, blank=True)
    pattern = models.CharField(max_length=60)
    requested = models.PositiveIntegerField()
    generated = models.PositiveIntegerField(default=0)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        editable=False,
        db_index=False,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    stopped_at = models.DateTimeField(null=True, blank=True, editable=False)
    error = models.TextField(blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "code batches"
        constraints = [
            models.CheckConstraint(condition=Q(requested__gt=0), name="promos_codebatch_requested_positive"),
            models.CheckConstraint(
                condition=Q(generated__lte=F("requested")), name="promos_codebatch_generated_within_requested"
            ),
        ]

    @property
    def is_complete(self) -> bool:
        return self.generated >= self.requested

    def __str__(self) -> str:
        return f"{self.prefix}{self.pattern} × {self.requested}"
