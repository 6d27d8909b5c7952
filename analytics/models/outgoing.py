"""What leaves this process waits as a row, so that a crash loses nothing and a failure is tried again."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q


class OutgoingQuerySet(models.QuerySet["Outgoing"]):
    def due(self, now: datetime) -> Self:
        """Rows that nobody holds and whose next try has come, the oldest first."""
        return self.filter(
            Q(next_try_at__isnull=True) | Q(next_try_at__lte=now),
            Q(lease_until__isnull=True) | Q(lease_until__lte=now),
            sent_at__isnull=True,
            given_up_at__isnull=True,
        ).order_by("pk")

    def undelivered(self) -> Self:
        """Rows whose last try failed, those that are not tried again included."""
        return self.filter(sent_at__isnull=True).exclude(error="")


class Outgoing(models.Model):
    """Something to send, until it was taken (see analytics.outbox)."""

    created_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_token = models.CharField(max_length=32, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    given_up_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    objects = OutgoingQuerySet.as_manager()

    class Meta:
        abstract = True
        indexes = [
            models.Index(
                fields=["next_try_at"],
                condition=Q(sent_at__isnull=True, given_up_at__isnull=True),
                name="%(app_label)s_%(class)s_due_idx",
            ),
        ]
