"""How far the walks through Stripe's lists have come."""

from __future__ import annotations

from datetime import datetime

from django.db import models


class SyncCursor(models.Model):
    """One walk, by name. A killed one is continued at ``reached_at``; a finished one begins anew."""

    name = models.CharField(max_length=20)
    # What the walk covers: all that was made at Stripe from then on, or ever.
    since = models.DateTimeField(null=True, blank=True)
    # All that was made at Stripe before is here.
    reached_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name"], name="promos_synccursor_name_unique")]

    def __str__(self) -> str:
        return f"{self.name} up to {self.reached_at}"

    def covers(self, since: datetime | None) -> bool:
        """Say whether an unfinished walk includes what was made since then."""
        if self.finished_at is not None:
            return False
        return self.since is None or (since is not None and self.since <= since)
