"""Offers: what codes give."""

from __future__ import annotations

import secrets
from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from promos import history


def new_uid() -> str:
    """Return a random name for an offer, unguessable and unique across installations sharing a Stripe account."""
    return secrets.token_hex(8)


class Offer(models.Model):
    """What a code gives: the terms, shared by one code or by a hundred thousand."""

    class Kind(models.TextChoices):
        PERCENT = "percent", "Percentage off"
        AMOUNT = "amount", "Amount off"
        FREE = "free", "Free"
        FIXED_PRICE = "fixed_price", "Fixed price"
        OTHER = "other", "Made in Stripe, read-only"

    class Duration(models.TextChoices):
        ONCE = "once", "Once"
        REPEATING = "repeating", "For a number of months"
        FOREVER = "forever", "For ever"

    uid = models.CharField(max_length=16, default=new_uid, editable=False)
    name = models.CharField(
        max_length=40, help_text="Shown to customers on the checkout; at most 40 characters."
    )
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.PERCENT)
    percent_off = models.DecimalField(
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[
            MinValueValidator(Decimal("0.01"), "The percentage must be above 0."),
            MaxValueValidator(100, "The percentage must be at most 100."),
        ],
    )
    amount_off = models.BigIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1, "The amount off must be above zero.")],
        help_text="In minor units of the currency.",
    )
    currency = models.CharField(max_length=3, blank=True)
    currency_amounts = models.JSONField(
        default=dict, blank=True, help_text='Further currencies of an amount: {"eur": 900}, minor units.'
    )
    fixed_price_amount = models.BigIntegerField(
        null=True,
        blank=True,
        help_text="What the customer pays, in minor units of the list price's currency.",
    )
    list_price_id = models.CharField(max_length=255, blank=True)
    # The list price when the amount off was derived from it; a later difference is drift.
    list_price_amount = models.BigIntegerField(null=True, blank=True, editable=False)
    duration = models.CharField(max_length=9, choices=Duration, default=Duration.ONCE)
    duration_in_months = models.PositiveSmallIntegerField(null=True, blank=True)
    product_ids = models.JSONField(default=list, blank=True, help_text="Stripe products; none means all.")
    created_at = models.DateTimeField(auto_now_add=True)

    history = history.Records()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["uid"], name="promos_offer_uid_unique"),
            models.CheckConstraint(
                condition=Q(percent_off__isnull=True) | (Q(percent_off__gt=0) & Q(percent_off__lte=100)),
                name="promos_offer_percent_range",
                violation_error_message="The percentage must be above 0 and at most 100.",
            ),
            models.CheckConstraint(
                condition=Q(amount_off__isnull=True) | (Q(amount_off__gt=0) & ~Q(currency="")),
                name="promos_offer_amount_has_currency",
                violation_error_message="The amount off must be above zero and have a currency.",
            ),
            models.CheckConstraint(
                condition=(
                    Q(kind="percent", percent_off__isnull=False, amount_off__isnull=True)
                    | Q(kind="amount", amount_off__isnull=False, percent_off__isnull=True)
                    | Q(kind="free", percent_off=100, amount_off__isnull=True)
                    | Q(
                        kind="fixed_price",
                        fixed_price_amount__gte=0,
                        amount_off__isnull=False,
                        percent_off__isnull=True,
                    )
                    | Q(kind="other")
                ),
                name="promos_offer_kind_has_its_value",
                violation_error_message="The offer's value does not fit its kind.",
            ),
            models.CheckConstraint(
                condition=(
                    Q(duration="repeating", duration_in_months__gt=0)
                    | (~Q(duration="repeating") & Q(duration_in_months__isnull=True))
                ),
                name="promos_offer_months_iff_repeating",
                violation_error_message="Give the number of months for a repeating discount, and only for that.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_fixed_price(self) -> bool:
        return self.kind == self.Kind.FIXED_PRICE
