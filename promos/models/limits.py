"""Who may use a code, when and how often: shared by a code and by a batch that is to make codes."""

from django.core.validators import MinValueValidator
from django.db import models

#: The fields that bound the use of a code, in the order in which forms and answers show them.
LIMITS = (
    "starts_at",
    "expires_at",
    "max_redemptions",
    "max_redemptions_per_customer",
    "first_time_only",
    "minimum_amount",
    "minimum_amount_currency",
)


class Limits(models.Model):
    """What bounds the use of a code, and the team's note on it."""

    description = models.CharField(
        max_length=200, blank=True, help_text="For your team; customers never see it."
    )
    starts_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    max_redemptions = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1, "Allow at least one use, or leave the limit empty.")],
        help_text="Empty means no limit.",
    )
    max_redemptions_per_customer = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1, "Allow at least one use, or leave the limit empty.")],
        help_text="Empty means no limit.",
    )
    first_time_only = models.BooleanField(
        default=False, help_text="Only for customers who have never paid before."
    )
    minimum_amount = models.BigIntegerField(
        null=True, blank=True, help_text="Smallest order, in minor units of the currency."
    )
    minimum_amount_currency = models.CharField(max_length=3, blank=True)

    class Meta:
        abstract = True
