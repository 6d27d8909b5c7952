"""What customers did with codes: checks, checkouts, redemptions and the money of each.

Amounts are integer minor units beside a currency.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import F, Q

from promos.models.codes import PromoCode
from promos.models.customers import Customer
from promos.models.offers import Offer
from promos.models.stripe_objects import WebhookEvent

#: Stripe's words for a subscription that will ask for its next payment.
GOING_ON = ("active", "trialing", "past_due")


class CheckoutAttempt(models.Model):
    """A checkout we opened at Stripe, or a code given to a running subscription; while open it holds one use."""

    class State(models.TextChoices):
        OPENING = "opening", "Being opened"
        OPEN = "open", "Open"
        COMPLETED = "completed", "Completed"
        EXPIRED = "expired", "Expired"
        FAILED = "failed", "Failed"

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="checkout_attempts")
    promo_code = models.ForeignKey(
        PromoCode, null=True, blank=True, on_delete=models.PROTECT, related_name="checkout_attempts"
    )
    plan = models.CharField(max_length=255, help_text="The Stripe price.")
    # NULL until Stripe has opened the session.
    stripe_session_id = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    # Of a code given to a running subscription, which holds its use until the next discounted invoice.
    stripe_subscription_id = models.CharField(max_length=255, blank=True)
    state = models.CharField(max_length=9, choices=State, default=State.OPENING)
    currency = models.CharField(max_length=3, blank=True)
    held_amount = models.BigIntegerField(
        default=0, help_text="What it sets aside of the campaign's budget, renewals included."
    )
    promised_amount = models.BigIntegerField(
        default=0, help_text="The part of it that is for the discount of renewals."
    )
    created_at = models.DateTimeField(db_index=True)
    expires_at = models.DateTimeField()
    # When the worker asks Stripe what became of it, should no event have said so.
    ask_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "checkout"
        constraints = [
            models.UniqueConstraint(
                fields=["stripe_session_id"], name="promos_checkoutattempt_session_unique"
            ),
        ]
        indexes = [
            models.Index(
                fields=["ask_at"],
                condition=Q(state__in=["opening", "open"]),
                name="promos_attempt_unsettled_idx",
            ),
            models.Index(
                fields=["stripe_subscription_id"],
                condition=~Q(stripe_subscription_id=""),
                name="promos_attempt_given_idx",
            ),
        ]

    def __str__(self) -> str:
        return self.stripe_session_id or f"Checkout {self.pk}"


class PromoCodeUsageQuerySet(models.QuerySet["PromoCodeUsage"]):
    def counted(self) -> PromoCodeUsageQuerySet:
        """Redemptions that use up a code: settled ones, less those whose use a refund gave back."""
        settled = [PromoCodeUsage.Status.SETTLED, PromoCodeUsage.Status.REFUNDED]
        return self.filter(status__in=settled, is_given_back=False)

    def codes_ever_redeemed(self) -> Q:
        """Return the condition on codes that were redeemed at least once, by their counter and what was given back."""
        # IN, not EXISTS: of the few rows PostgreSQL then makes a hash, instead of looking once for each code.
        return Q(used_count__gt=0) | Q(pk__in=self.filter(is_given_back=True).values("promo_code"))

    def running(self, now: datetime, *conditions: Q, **lookups: Any) -> PromoCodeUsageQuerySet:
        """Redemptions whose subscription goes on and whose discount has not ended, each joined to its subscription.

        A discount without an end runs on only if its terms are for ever: else its end is not known yet.
        What more is asked of the subscription (``customer__subscriptions__…``) has to be asked here.
        """
        never_ends = Q(discount_ends_at=None, promo_code__offer__duration=Offer.Duration.FOREVER)
        # One filter, so that all of it is about one subscription.
        return self.filter(
            never_ends | Q(discount_ends_at__gt=now),
            *conditions,
            customer__subscriptions__stripe_subscription_id=F("redemption_key"),
            customer__subscriptions__status__in=GOING_ON,
            customer__subscriptions__ended_at=None,
            customer__subscriptions__current_period_ends_at__gt=now,
            status__in=[PromoCodeUsage.Status.SETTLED, PromoCodeUsage.Status.REFUNDED],
            **lookups,
        )


class PromoCodeUsage(models.Model):
    """One redemption: a code applied to one completed checkout or subscription start.

    The amounts are running totals of its ledger entries; what else may change
    follows from the entries and the subscription (see promos.redemptions.usages).
    """

    class Status(models.TextChoices):
        PENDING = "pending", "Payment pending"
        SETTLED = "settled", "Settled"
        REFUNDED = "refunded", "Refunded"
        FAILED = "failed", "Never paid"

    redemption_key = models.CharField(
        max_length=255, help_text="The subscription, else the checkout session, else the invoice."
    )
    promo_code = models.ForeignKey(PromoCode, on_delete=models.PROTECT, related_name="usages")
    stripe_promotion_code_id = models.CharField(max_length=255, blank=True)
    stripe_session_id = models.CharField(max_length=255, blank=True, db_index=True)
    customer = models.ForeignKey(
        Customer, null=True, blank=True, on_delete=models.PROTECT, related_name="usages"
    )
    plan = models.CharField(max_length=255, blank=True, help_text="The Stripe price.")
    is_new_customer = models.BooleanField(default=False)
    is_over_limit = models.BooleanField(default=False)
    # Fully refunded, and its use of the code is free again.
    is_given_back = models.BooleanField(default=False)
    status = models.CharField(max_length=8, choices=Status, default=Status.SETTLED)
    currency = models.CharField(max_length=3)
    gross_amount = models.BigIntegerField(default=0)
    discount_amount = models.BigIntegerField(default=0)
    net_amount = models.BigIntegerField(default=0)
    # What its checkout set aside of the budget for renewals, and what of that is still to come.
    reserved_amount = models.BigIntegerField(default=0)
    promised_amount = models.BigIntegerField(default=0)
    redeemed_at = models.DateTimeField(db_index=True)
    discount_ends_at = models.DateTimeField(
        null=True, blank=True, help_text="When renewals stop being discounted; empty: never, or not known."
    )

    objects = PromoCodeUsageQuerySet.as_manager()

    class Meta:
        db_table = "promo_code_usage"
        verbose_name = "redemption"
        constraints = [
            models.UniqueConstraint(
                fields=["redemption_key", "promo_code"], name="promos_usage_redemption_unique"
            ),
        ]
        indexes = [
            models.Index(fields=["promo_code", "customer"], name="promos_usage_code_customer_idx"),
            # Codes that were redeemed although their counter does not say so: few, among millions.
            models.Index(
                fields=["promo_code"], condition=Q(is_given_back=True), name="promos_usage_given_back_idx"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.promo_code} · {self.redemption_key}"


class LedgerEntry(models.Model):
    """One settled movement of money, with or without a code. Append-only.

    A checkout and its first invoice are one entry, named by the subscription
    (else the session, else the invoice); a renewal is named by its invoice; what
    is paid back by its own object, and by that with a suffix when it is undone.
    What a second code took off the same order is an entry beside it, named by the
    order with the promotion code as suffix, without any net.
    """

    class Kind(models.TextChoices):
        CHECKOUT = "checkout", "Checkout"
        INVOICE = "invoice", "Invoice"
        REFUND = "refund", "Refund"
        DISPUTE = "dispute", "Dispute"
        CREDIT_NOTE = "credit_note", "Credit note"
        SHARE = "share", "Share of a discount"

    kind = models.CharField(max_length=11, choices=Kind)
    stripe_object_id = models.CharField(max_length=255)
    # What a redemption of this order is known by; the same for all orders of a subscription.
    redemption_key = models.CharField(max_length=255, blank=True)
    stripe_session_id = models.CharField(max_length=255, blank=True)
    stripe_invoice_id = models.CharField(max_length=255, blank=True)
    stripe_payment_intent_id = models.CharField(max_length=255, blank=True)
    # The order of which something is paid back.
    order = models.ForeignKey(
        "self", null=True, blank=True, db_index=False, on_delete=models.PROTECT, related_name="reversals"
    )
    usage = models.ForeignKey(
        PromoCodeUsage,
        null=True,
        blank=True,
        db_index=False,
        on_delete=models.PROTECT,
        related_name="ledger_entries",
        verbose_name="redemption",
    )
    customer = models.ForeignKey(
        Customer, null=True, blank=True, on_delete=models.PROTECT, related_name="ledger_entries"
    )
    event = models.ForeignKey(
        WebhookEvent, null=True, blank=True, on_delete=models.SET_NULL, related_name="ledger_entries"
    )
    # As Stripe named it, also when we know no such code yet.
    stripe_promotion_code_id = models.CharField(max_length=255, blank=True)
    plan = models.CharField(max_length=255, blank=True, help_text="The Stripe price.")
    interval = models.CharField(max_length=10, blank=True, help_text="month, year or empty for one-time.")
    is_new_customer = models.BooleanField(default=False)
    currency = models.CharField(max_length=3)
    gross_amount = models.BigIntegerField()
    discount_amount = models.BigIntegerField(default=0)
    tax_amount = models.BigIntegerField(default=0)
    net_amount = models.BigIntegerField(help_text="Gross less discount, less what was paid back.")
    occurred_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name_plural = "ledger entries"
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "stripe_object_id"], name="promos_ledgerentry_object_unique"
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "occurred_at"], name="promos_ledger_customer_idx"),
            models.Index(
                fields=["stripe_invoice_id"],
                condition=~Q(stripe_invoice_id=""),
                name="promos_ledger_invoice_idx",
            ),
            models.Index(
                fields=["stripe_payment_intent_id"],
                condition=~Q(stripe_payment_intent_id=""),
                name="promos_ledger_payment_idx",
            ),
            models.Index(fields=["order"], condition=Q(order__isnull=False), name="promos_ledger_order_idx"),
            # With all that a campaign's results sum up of its redemptions' entries.
            models.Index(
                fields=[
                    "usage",
                    "occurred_at",
                    "kind",
                    "currency",
                    "gross_amount",
                    "discount_amount",
                    "net_amount",
                ],
                condition=Q(usage__isnull=False),
                name="promos_ledger_usage_idx",
            ),
            # When customers began: cohorts are made of these.
            models.Index(
                fields=["occurred_at", "customer", "currency", "plan", "interval", "usage"],
                condition=Q(is_new_customer=True, kind="checkout"),
                name="promos_ledger_began_idx",
            ),
            # Redemptions of codes that were unknown when they happened.
            models.Index(
                fields=["stripe_promotion_code_id"],
                condition=Q(usage__isnull=True) & ~Q(stripe_promotion_code_id=""),
                name="promos_ledger_unlinked_idx",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.stripe_object_id}"


class CodeCheck(models.Model):
    """One entry of a code and its outcome: a step of the funnel, and the brake on guessing."""

    text = models.CharField(max_length=255)
    promo_code = models.ForeignKey(
        PromoCode, null=True, blank=True, on_delete=models.SET_NULL, related_name="checks"
    )
    customer = models.ForeignKey(
        Customer, null=True, blank=True, on_delete=models.SET_NULL, related_name="checks"
    )
    plan = models.CharField(max_length=255, blank=True)
    # Empty when the code was accepted; else one of eligibility.Reason.
    reason = models.CharField(max_length=24, blank=True)
    checked_at = models.DateTimeField(db_index=True)

    class Meta:
        indexes = [
            models.Index(fields=["promo_code", "checked_at"], name="promos_codecheck_code_idx"),
            models.Index(fields=["customer", "checked_at"], name="promos_codecheck_customer_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.text}: {self.reason or 'accepted'}"
