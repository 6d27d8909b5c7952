"""Kept sums of the ledger and of redemptions, moved in the very transaction that writes them.

Every column adds up: over days, codes, plans or writers, in any order, so a row is
only ever moved by a difference. A row that is missing stands for zeros. Days are
those of UTC, weeks begin on Monday. Amounts are integer minor units of ``currency``,
tax left out; a refund counts on the day it happened, not on its order's.

Codes of a batch total together under their batch: a million codes make one row a day.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from promos.models.batches import CodeBatch
from promos.models.codes import PromoCode


class LedgerSums(models.Model):
    """What ledger entries sum up to; ``net = gross − discount − refunded − disputed``."""

    #: What an entry of the ledger moves.
    COLUMNS: tuple[str, ...] = (
        "orders",
        "payments",
        "discounted_orders",
        "discounted_gross_amount",
        "gross_amount",
        "discount_amount",
        "refunded_amount",
        "disputed_amount",
        "net_amount",
    )

    currency = models.CharField(max_length=3)
    orders = models.BigIntegerField(default=0, help_text="Checkouts and renewals.")
    payments = models.BigIntegerField(
        default=0, help_text="Orders that charged something: fees are due on these."
    )
    # A code counts what it took off an order as a second one too; a plan counts the order once.
    discounted_orders = models.BigIntegerField(default=0)
    discounted_gross_amount = models.BigIntegerField(default=0, help_text="Gross of discounted orders alone.")
    gross_amount = models.BigIntegerField(default=0)
    discount_amount = models.BigIntegerField(default=0)
    refunded_amount = models.BigIntegerField(default=0, help_text="Refunds and credit notes.")
    disputed_amount = models.BigIntegerField(default=0)
    net_amount = models.BigIntegerField(default=0)

    class Meta:
        abstract = True


class CodeSums(LedgerSums):
    """The same of orders with a code, and how often it was redeemed; of one code, or of a batch."""

    #: What a redemption moves.
    OF_REDEMPTIONS = ("redemptions", "new_customer_redemptions")
    COLUMNS = (*LedgerSums.COLUMNS, *OF_REDEMPTIONS)

    # Each constraint's index begins with one of the two. What has totals has redemptions, which protect it; checked
    # here again, a total would lock its code, and a tenth of the time of filling the totals would go into it.
    promo_code = models.ForeignKey(
        PromoCode, null=True, db_constraint=False, db_index=False, on_delete=models.CASCADE, related_name="+"
    )
    batch = models.ForeignKey(
        CodeBatch, null=True, db_constraint=False, db_index=False, on_delete=models.CASCADE, related_name="+"
    )
    redemptions = models.BigIntegerField(default=0, help_text="Settled ones, refunded later or not.")
    new_customer_redemptions = models.BigIntegerField(
        default=0, help_text="By customers without an earlier order."
    )

    class Meta:
        abstract = True


def _constraints(*fields: str) -> list[models.BaseConstraint]:
    """Return what keeps one row for each code, and for each batch, and none for both or neither."""
    return [
        models.UniqueConstraint(
            fields=["promo_code", *fields],
            condition=Q(promo_code__isnull=False),
            name="promos_%(class)s_code_unique",
        ),
        models.UniqueConstraint(
            fields=["batch", *fields], condition=Q(batch__isnull=False), name="promos_%(class)s_batch_unique"
        ),
        models.CheckConstraint(
            condition=Q(promo_code__isnull=False, batch__isnull=True)
            | Q(promo_code__isnull=True, batch__isnull=False),
            name="promos_%(class)s_code_or_batch",
        ),
    ]


class CodeTotal(CodeSums):
    """What a code, or a batch, did in one currency over all time."""

    class Meta:
        constraints = _constraints("currency")

    def __str__(self) -> str:
        return f"{self.batch or self.promo_code} {self.currency}"


class CodeWeekTotal(CodeSums):
    """What a code, or a batch, did in one week; ``week`` is its Monday."""

    week = models.DateField()

    class Meta:
        constraints = _constraints("week", "currency")
        indexes = [models.Index(fields=["week"], name="promos_codeweektotal_week_idx")]

    def __str__(self) -> str:
        return f"{self.batch or self.promo_code} {self.week} {self.currency}"


class CodeDayTotal(CodeSums):
    """What a code, or a batch, did on one day."""

    day = models.DateField()

    class Meta:
        constraints = _constraints("day", "currency")
        indexes = [models.Index(fields=["day"], name="promos_codedaytotal_day_idx")]

    def __str__(self) -> str:
        return f"{self.batch or self.promo_code} {self.day} {self.currency}"


class PlanDayTotal(LedgerSums):
    """All orders of one plan on one day, with and without a code; those with a discount in columns of their own."""

    COLUMNS = (*LedgerSums.COLUMNS, "new_customer_orders")

    plan = models.CharField(max_length=255, blank=True, help_text="The Stripe price.")
    day = models.DateField()
    # Each customer has one at most, so over all days and plans this counts customers.
    new_customer_orders = models.BigIntegerField(default=0, help_text="First orders of their customers.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["day", "plan", "currency"], name="promos_plandaytotal_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.plan} {self.day} {self.currency}"
