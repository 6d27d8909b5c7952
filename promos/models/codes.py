"""The codes that customers enter.

A code's status is never stored; see promos.codes for the one definition, which
``PromoCodeQuerySet.with_status`` repeats in SQL.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from promos import codes, history
from promos.models.batches import CodeBatch
from promos.models.campaigns import Campaign
from promos.models.limits import Limits
from promos.models.offers import Offer


def _campaigns(**lookups: Any) -> list[int]:
    """Return the keys of campaigns, read first: beside OR, PostgreSQL uses no index for a subquery."""
    return list(Campaign.objects.filter(**lookups).values_list("pk", flat=True))


#: What a status that few codes have cannot do without, in terms of indexes: among a million its own rule reads all.
_NECESSARY: dict[str, Callable[[datetime], Q]] = {
    codes.Status.ARCHIVED: lambda now: Q(archived_at__isnull=False),
    codes.Status.USED_UP: lambda now: Q(used_count__gt=0),
    codes.Status.EXPIRED: lambda now: Q(expires_at__lte=now) | Q(campaign__in=_campaigns(ends_at__lte=now)),
    codes.Status.SCHEDULED: lambda now: Q(starts_at__gt=now) | Q(campaign__in=_campaigns(starts_at__gt=now)),
    codes.Status.WAITING: lambda now: (
        Q(approved_at=None, archived_at=None) | Q(campaign__in=_campaigns(needs_approval=True))
    ),
    codes.Status.PAUSED: lambda now: (
        Q(paused_at__isnull=False)
        | Q(campaign__in=_campaigns(paused_at__isnull=False))
        | Q(campaign__in=_campaigns(budget_amount__lte=F("spent_amount") + F("promised_amount")))
    ),
}


class PromoCodeQuerySet(models.QuerySet["PromoCode"]):
    def with_status(self, now: datetime) -> PromoCodeQuerySet:
        """Annotate each code with the status that ``codes.status(code, now)`` gives it."""
        return self.annotate(
            status_now=models.Case(
                models.When(archived_at__isnull=False, then=models.Value(codes.Status.ARCHIVED)),
                models.When(submitted_at__isnull=True, then=models.Value(codes.Status.DRAFT)),
                models.When(
                    Q(approved_at__isnull=True)
                    | Q(campaign__needs_approval=True, campaign__approved_at__isnull=True),
                    then=models.Value(codes.Status.WAITING),
                ),
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

    def in_status(self, status: str, now: datetime) -> PromoCodeQuerySet:
        """Codes that have a status now, annotated with it; by an index where few have it."""
        necessary = _NECESSARY.get(status)
        narrowed = self.filter(necessary(now)) if necessary else self
        return narrowed.with_status(now).filter(Q(status_now=status))

    def not_archived(self) -> PromoCodeQuerySet:
        return self.filter(archived_at__isnull=True)

    def running_out(self) -> PromoCodeQuerySet:
        """Codes in use of which at least four fifths are redeemed, not all."""
        # Four fifths rounded up, without a product that could leave the range of an integer.
        nearly_all = F("max_redemptions") - F("max_redemptions") / 5
        return self.not_archived().filter(
            used_count__gt=0, used_count__gte=nearly_all, used_count__lt=F("max_redemptions")
        )

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
            # What a schedule or a retry has put at a time comes before a long row of new codes.
        ).order_by(F("next_try_at").asc(nulls_last=True), "pk")

    def look_again(self, at: datetime) -> int:
        """Have codes that agree with Stripe compared with it by then; they are not pending meanwhile."""
        agreed = self.filter(sync_status=PromoCode.SyncStatus.SYNCED)
        return agreed.filter(Q(next_try_at=None) | Q(next_try_at__gt=at)).update(next_try_at=at)


class PromoCode(Limits):
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
    #: What redemptions and the sync write: no decision of anybody, so no history.
    _KEPT_FIELDS = (*SYNC_FIELDS, "used_count", "held_count", "updated_at", "terms_changed_by", "approved_by")

    code = models.CharField(max_length=255)
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="promo_codes")
    campaign = models.ForeignKey(
        Campaign, null=True, blank=True, on_delete=models.PROTECT, related_name="promo_codes"
    )
    batch = models.ForeignKey(
        CodeBatch, null=True, blank=True, editable=False, on_delete=models.PROTECT, related_name="promo_codes"
    )
    # The smallest order in minor units by further currency, which Stripe's dashboard can set.
    minimum_currency_amounts = models.JSONField(default=dict, db_default={}, blank=True, editable=False)
    customer = models.ForeignKey(
        "promos.Customer",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="personal_codes",
        help_text="Only this customer may use the code.",
    )
    used_count = models.PositiveIntegerField(default=0, editable=False)
    held_count = models.PositiveIntegerField(default=0, editable=False)

    submitted_at = models.DateTimeField(null=True, blank=True, editable=False)
    approved_at = models.DateTimeField(null=True, blank=True, editable=False)
    # The two of a second person's approval; NULL for commands, imports and Stripe.
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
    # Came from Stripe with terms that would need approval here; it works, and somebody should look at it.
    needs_review = models.BooleanField(default=False, editable=False)
    paused_at = models.DateTimeField(null=True, blank=True, editable=False)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    sync_status = models.CharField(
        max_length=8, choices=SyncStatus, default=SyncStatus.PENDING, editable=False
    )
    sync_error = models.TextField(blank=True, editable=False)
    synced_at = models.DateTimeField(null=True, blank=True, editable=False)
    sync_attempts = models.PositiveIntegerField(default=0, editable=False)
    next_try_at = models.DateTimeField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    lease_token = models.CharField(max_length=32, blank=True, editable=False)

    objects = PromoCodeQuerySet.as_manager()
    history = history.Records(excluded_fields=_KEPT_FIELDS)

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
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True)
                | Q(terms_changed_by__isnull=True)
                | ~Q(approved_by=F("terms_changed_by")),
                name="promos_promocode_approved_by_another",
                violation_error_message="Somebody else must approve the code.",
            ),
        ]
        permissions = [
            ("approve_promocode", "Can approve promo codes of others"),
            ("give_goodwill", "Can give a customer a goodwill code"),
        ]
        indexes = [
            # What little waits or was refused, among a million that does not.
            models.Index(
                fields=["-created_at"],
                condition=Q(approved_at__isnull=True, archived_at__isnull=True),
                name="promos_promocode_waiting_idx",
            ),
            models.Index(
                fields=["-created_at"], condition=Q(needs_review=True), name="promos_promocode_review_idx"
            ),
            models.Index(
                fields=["next_try_at"],
                condition=Q(sync_status="pending") | Q(next_try_at__isnull=False),
                name="promos_promocode_due_idx",
            ),
            models.Index(fields=["code"], name="promos_promocode_code_idx"),
            models.Index(
                fields=["-created_at"],
                condition=Q(archived_at__isnull=False),
                name="promos_promocode_archived_idx",
            ),
            models.Index(
                fields=["-created_at"],
                condition=Q(paused_at__isnull=False),
                name="promos_promocode_paused_idx",
            ),
            models.Index(
                fields=["starts_at"],
                condition=Q(starts_at__isnull=False),
                name="promos_promocode_starts_idx",
            ),
            # What the owner's list is ordered by, ties in the same direction.
            models.Index(fields=["used_count", "id"], name="promos_promocode_by_uses_idx"),
            models.Index(fields=["expires_at", "id"], name="promos_promocode_by_end_idx"),
            models.Index(fields=["created_at", "id"], name="promos_promocode_by_age_idx"),
            models.Index(fields=["sync_status", "id"], name="promos_promocode_by_sync_idx"),
        ]

    def __str__(self) -> str:
        return self.code

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.code = codes.normalise(self.code)
        super().save(*args, **kwargs)

    def clean(self) -> None:
        self.code = codes.normalise(self.code)
        if self.minimum_amount is None:
            self.minimum_amount_currency = ""
        errors = {}
        if self.starts_at and self.expires_at and self.expires_at <= self.starts_at:
            errors["expires_at"] = "The code must end after it starts."
        if self.minimum_amount is not None and not self.minimum_amount_currency:
            errors["minimum_amount_currency"] = "Choose the currency of the smallest order."
        if errors:
            raise ValidationError(errors)

    @property
    def minimums(self) -> dict[str, int]:
        """The smallest order in minor units by currency, its main one first; empty when any order will do."""
        if self.minimum_amount is None:
            return {}
        main = {self.minimum_amount_currency: self.minimum_amount}
        return main | {key: at for key, at in self.minimum_currency_amounts.items() if key not in main}

    @property
    def is_fully_held(self) -> bool:
        """Whether open checkouts hold every use that is left."""
        return self.max_redemptions is not None and self.used_count + self.held_count >= self.max_redemptions
