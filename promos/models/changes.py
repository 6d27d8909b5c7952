"""Whose orders changed lately, for whoever keeps figures of customers' whole lives."""

from __future__ import annotations

from django.db import models

from promos.models.customers import Customer


class HistoryChange(models.Model):
    """A customer whose orders or redemptions changed, noted in the very transaction that changed them.

    Rows are only added, so that no two orders wait for each other; whoever has
    made the customer's figures anew takes the row away.
    """

    # Rows live for a minute and are read all together, so nothing is checked and nothing looked up.
    customer = models.ForeignKey(
        Customer, db_constraint=False, db_index=False, on_delete=models.CASCADE, related_name="+"
    )
    began_at = models.DateTimeField(
        null=True, help_text="When the customer began, before the change or after it, where it says so."
    )

    def __str__(self) -> str:
        return f"{self.customer_id}, {self.began_at or 'began before'}"
