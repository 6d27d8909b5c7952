"""Campaigns, offers and the codes that give them.

A code's status is never stored; see promos.codes for the one definition, which
``PromoCodeQuerySet.with_status`` repeats in SQL.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from promos import codes


def new_uid() -> str:
    """Return a random name for an offer, unguessable and unique across installations sharing a Stripe account."""
    return secrets.token_hex(8)


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
    created_at = models.DateTimeField(auto_now_add=True)

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
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_budget_spent(self) -> bool:
        return (
            self.budget_amount is not None and self.spent_amount + self.promised_amount >= self.budget_amount
        )


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


class CodeBatch(models.Model):
    """A run of unique codes made from one pattern; may be interrupted and continued."""

    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="batches")
    campaign = models.ForeignKey(
        Campaign, null=True, blank=True, on_delete=models.PROTECT, related_name="batches"
    )
    prefix = models.CharField(max_length=20, blank=True)
    pattern = models.CharField(max_length=60)
    requested = models.PositiveIntegerField()
    generated = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "code batches"
        constraints = [
            models.CheckConstraint(condition=Q(requested__gt=0), name="promos_codebatch_requested_positive"),
            models.CheckConstraint(
                condition=Q(generated__lte=F("requested")), name="promos_codebatch_generated_within_requested"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}{self.pattern} × {self.requested}"


class PromoCodeQuerySet(models.QuerySet["PromoCode"]):
    def with_status(self, now: datetime) -> PromoCodeQuerySet:
        """Annotate each code with the status that ``codes.status(code, now)`` gives it."""
        return self.annotate(
            status_now=models.Case(
                models.When(archived_at__isnull=False, then=models.Value(codes.Status.ARCHIVED)),
                models.When(submitted_at__isnull=True, then=models.Value(codes.Status.DRAFT)),
                models.When(approved_at__isnull=True, then=models.Value(codes.Status.WAITING)),
                models.When(
                    Q(expires_at__lte=now) | Q(campaign__ends_at__lte=now),
                    then=models.Value(codes.Status.EXPIRED),
                ),
                models.When(used_count__gte=F("max_redemptions"), then=models.Value(codes.Status.USED_UP)),
                models.When(
                    Q(paused_at__isnull=False)
                    | Q(campaign__paused_at__isnull=False)
                    | Q(
                        campaign__budget_amount__lte=F("campaign__spent_amount")
                        + F("campaign__promised_amount")
                    ),
                    then=models.Value(codes.Status.PAUSED),
                ),
                models.When(
                    Q(starts_at__gt=now) | Q(campaign__starts_at__gt=now),
                    then=models.Value(codes.Status.SCHEDULED),
                ),
                default=models.Value(codes.Status.ACTIVE),
                output_field=models.CharField(),
            )
        )

    def not_archived(self) -> PromoCodeQuerySet:
        return self.filter(archived_at__isnull=True)

    def due_for_push(self, now: datetime) -> PromoCodeQuerySet:
        """Codes to compare with Stripe now that no running worker holds.

        Pending ones whose next try has come, and synced ones whose ``next_try_at``
        has: the moment at which time alone changes what Stripe should have.
        """
        pending, synced = PromoCode.SyncStatus.PENDING, PromoCode.SyncStatus.SYNCED
        return self.filter(
            Q(sync_status=pending, next_try_at__isnull=True)
            | Q(sync_status__in=[pending, synced], next_try_at__lte=now),
            Q(lease_until__isnull=True) | Q(lease_until__lte=now),
        ).order_by("next_try_at", "pk")


class PromoCode(models.Model):
    """One code that customers can enter, its limits, and how it stands with Stripe."""

    class SyncStatus(models.TextChoices):
        PENDING = "pending", "Pending"
        SYNCED = "synced", "Synced"
        ERROR = "error", "Error"
        CONFLICT = "conflict", "Conflict"

    #: Fields that only the sync writes; a save of these alone is never a change of terms.
    SYNC_FIELDS = (
        "sync_status",
        "sync_error",
        "synced_at",
        "sync_attempts",
        "next_try_at",
        "lease_until",
        "lease_token",
    )

    code = models.CharField(max_length=255)
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="promo_codes")
    campaign = models.ForeignKey(
        Campaign, null=True, blank=True, on_delete=models.PROTECT, related_name="promo_codes"
    )
    batch = models.ForeignKey(
        CodeBatch, null=True, blank=True, editable=False, on_delete=models.PROTECT, related_name="promo_codes"
    )
    description = models.CharField(
        max_length=200, blank=True, help_text="For your team; customers never see it."
    )
    customer = models.ForeignKey(
        "promos.Customer",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="personal_codes",
        help_text="Only this customer may use the code.",
    )
    starts_at = models.DateTimeField(null=True, blank=True, db_index=True)
    expires_at = models.DateTimeField(null=True, blank=True, db_index=True)
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
    used_count = models.PositiveIntegerField(default=0, editable=False, db_index=True)
    held_count = models.PositiveIntegerField(default=0, editable=False)

    submitted_at = models.DateTimeField(null=True, blank=True, editable=False)
    approved_at = models.DateTimeField(null=True, blank=True, editable=False)
    paused_at = models.DateTimeField(null=True, blank=True, editable=False)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    updated_at = models.DateTimeField(auto_now=True)

    sync_status = models.CharField(
        max_length=8, choices=SyncStatus, default=SyncStatus.PENDING, db_index=True, editable=False
    )
    sync_error = models.TextField(blank=True, editable=False)
    synced_at = models.DateTimeField(null=True, blank=True, editable=False)
    sync_attempts = models.PositiveIntegerField(default=0, editable=False)
    next_try_at = models.DateTimeField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    lease_token = models.CharField(max_length=32, blank=True, editable=False)

    objects = PromoCodeQuerySet.as_manager()

    class Meta:
        db_table = "promo_codes"
        constraints = [
            models.UniqueConstraint(
                fields=["code"],
                condition=Q(archived_at__isnull=True, customer__isnull=True),
                name="promos_promocode_code_unique",
                # Beside the field, not above the form.
                violation_error_code="unique",
                violation_error_message="There is already a code with this text.",
            ),
            models.UniqueConstraint(
                fields=["code", "customer"],
                condition=Q(archived_at__isnull=True),
                name="promos_promocode_code_customer_unique",
                violation_error_message="This customer already has a code with this text.",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__isnull=True)
                | Q(starts_at__isnull=True)
                | Q(expires_at__gt=F("starts_at")),
                name="promos_promocode_expires_after_start",
                violation_error_message="The code must end after it starts.",
            ),
            models.CheckConstraint(
                condition=Q(max_redemptions__isnull=True) | Q(max_redemptions__gt=0),
                name="promos_promocode_cap_positive",
                violation_error_message="Allow at least one use, or leave the limit empty.",
            ),
            models.CheckConstraint(
                condition=Q(max_redemptions_per_customer__isnull=True)
                | Q(max_redemptions_per_customer__gt=0),
                name="promos_promocode_customer_cap_positive",
                violation_error_message="Allow at least one use for each customer, or leave the limit empty.",
            ),
            models.CheckConstraint(
                condition=(
                    Q(minimum_amount__isnull=True, minimum_amount_currency="")
                    | (Q(minimum_amount__gt=0) & ~Q(minimum_amount_currency=""))
                ),
                name="promos_promocode_minimum_has_currency",
                violation_error_message="The smallest order must be above zero and have a currency.",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_try_at"],
                condition=Q(sync_status="pending") | Q(next_try_at__isnull=False),
                name="promos_promocode_due_idx",
            ),
            models.Index(fields=["code"], name="promos_promocode_code_idx"),
        ]

    def __str__(self) -> str:
        return self.code

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.code = codes.normalise(self.code)
        super().save(*args, **kwargs)

    def clean(self) -> None:
        self.code = codes.normalise(self.code)
        errors = {}
        if self.starts_at and self.expires_at and self.expires_at <= self.starts_at:
            errors["expires_at"] = "The code must end after it starts."
        if self.minimum_amount is not None and not self.minimum_amount_currency:
            errors["minimum_amount_currency"] = "Choose the currency of the smallest order."
        if errors:
            raise ValidationError(errors)

    @property
    def is_fully_held(self) -> bool:
        """Whether open checkouts hold every use that is left."""
        return self.max_redemptions is not None and self.used_count + self.held_count >= self.max_redemptions
