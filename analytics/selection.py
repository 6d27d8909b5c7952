"""Which rows a page is about: what its filters chose, as querysets. Every page starts from one ``Selection``.

Money and redemptions of a selection are settled ones, in the mode of the key
(test and live never share a database), without tax.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, TextChoices
from djstripe.models import Price

from analytics import kept
from analytics.periods import ALWAYS, Period
from analytics.queries import ORDERS, SETTLED, SOLD
from promos.models import CheckoutAttempt, CodeCheck, LedgerEntry, PromoCodeUsage


class Segment(TextChoices):
    """Customers by what they had bought before; the redemption's own mark, renewals and refunds go with it."""

    NEW = "new", "New customers"
    RETURNING = "returning", "Returning customers"


@dataclass(frozen=True)
class Selection:
    """What the filters chose; an empty one chooses everything."""

    period: Period = ALWAYS
    currency: str = ""
    campaign_id: int | None = None
    plan: str = ""
    segment: str = ""
    #: Of the customers, as Stripe's two letters.
    country: str = ""

    @property
    def previous(self) -> Selection:
        """The same filters over as many days just before."""
        return replace(self, period=self.period.previous)

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but the period and the currency is chosen."""
        return bool(self.campaign_id or self.plan or self.segment or self.country)

    @property
    def has_totals(self) -> bool:
        """Whether the kept totals of codes have the selection's very sums."""
        return not self.is_narrowed and kept.is_exact(self.period)

    @property
    def has_totals_by_day(self) -> bool:
        return not self.is_narrowed and kept.has_same_days(self.period)

    @property
    def has_totals_of_orders(self) -> bool:
        """Whether the kept totals of plans have the very sums of ``orders``."""
        return not (self.segment or self.country) and kept.is_exact(self.period)

    def usages(self) -> QuerySet[PromoCodeUsage]:
        """Settled redemptions."""
        return PromoCodeUsage.objects.filter(
            self._within("redeemed_at"),
            self._is("currency", self.currency),
            self._is("plan", self.plan),
            self._is("customer__country", self.country),
            self._is("promo_code__campaign", self.campaign_id),
            self._segment("is_new_customer"),
            status__in=SETTLED,
        )

    def entries(self) -> QuerySet[LedgerEntry]:
        """Ledger entries of orders with a code: checkouts, renewals, and what was paid back."""
        return LedgerEntry.objects.filter(
            self._within("occurred_at"),
            self._is("currency", self.currency),
            self._is("plan", self.plan),
            self._is("customer__country", self.country),
            self._is("usage__promo_code__campaign", self.campaign_id),
            self._segment("usage__is_new_customer"),
            usage__isnull=False,
        )

    def orders(self) -> QuerySet[LedgerEntry]:
        """Paid orders, checkouts and renewals, with or without a code; a campaign does not narrow them.

        New are first paid orders only: who buys without a code has no redemption that could be marked.
        """
        return self.sales().filter(ORDERS)

    def sales(self) -> QuerySet[LedgerEntry]:
        """The same, and beside each order what further codes took off it: the money of orders is theirs together."""
        return LedgerEntry.objects.filter(
            SOLD,
            self._within("occurred_at"),
            self._is("currency", self.currency),
            self._is("plan", self.plan),
            self._is("customer__country", self.country),
            self._segment("is_new_customer"),
        )

    def checks(self) -> QuerySet[CodeCheck]:
        """Entries of a code, accepted and refused; the currency is the plan's for which it was entered."""
        return CodeCheck.objects.filter(
            self._within("checked_at"),
            self._is("plan", self.plan),
            self._is("customer__country", self.country),
            self._is("promo_code__campaign", self.campaign_id),
            self._in_currency(),
            self._had_bought("checked_at"),
        )

    def attempts(self) -> QuerySet[CheckoutAttempt]:
        """Checkouts with a code that we opened, whatever became of them."""
        return CheckoutAttempt.objects.filter(
            self._within("created_at"),
            self._is("plan", self.plan),
            self._is("customer__country", self.country),
            self._is("promo_code__campaign", self.campaign_id),
            self._in_currency(),
            self._had_bought("created_at"),
            promo_code__isnull=False,
            # Codes given to running subscriptions went through no checkout.
            stripe_subscription_id="",
        )

    def _within(self, name: str) -> Q:
        return Q(**{f"{name}__gte": self.period.start, f"{name}__lt": self.period.end})

    def _is(self, name: str, chosen: Any) -> Q:
        return Q(**{name: chosen}) if chosen else Q()

    def _segment(self, name: str) -> Q:
        return Q(**{name: self.segment == Segment.NEW}) if self.segment else Q()

    def _in_currency(self) -> Q:
        if not self.currency:
            return Q()
        return Q(plan__in=Price.objects.filter(currency=self.currency).values("id"))

    def _had_bought(self, moment: str) -> Q:
        """Narrow rows that bear no mark by whether the customer had a paid order at that moment."""
        if not self.segment:
            return Q()
        earlier = LedgerEntry.objects.filter(
            ORDERS, customer=OuterRef("customer"), occurred_at__lt=OuterRef(moment)
        )
        has_bought = Q(Exists(earlier))
        return ~has_bought if self.segment == Segment.NEW else has_bought
