"""Discounts that still run: redemptions whose subscription goes on and whose discount has not ended.

They are counted in groups that share their terms, their plan and their days, so
that what is still owed is reckoned for a group and not for a customer: at most
one group for each offer, plan and day on which a subscription began. A price
that the mirror does not know, or in another currency, is told as such.
"""

from __future__ import annotations

import calendar
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache, cached_property
from typing import Any

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import TruncDate

from analytics.measures import cohort_rows, month_numbers
from analytics.selection import Selection
from promos import discounts, plans
from promos.discounts import Terms
from promos.models import Offer, PromoCodeUsage, StripeCoupon, StripePromotionCode
from promos.plans import Plan

_DAYS = {"day": 1, "week": 7}


@dataclass(frozen=True)
class Running:
    """Subscribers who share all that decides what their discount still costs.

    ``amount`` is the discount of one renewal, None where the plan's price is not
    known; ``ends`` the first day without the discount, None: for ever.
    """

    currency: str
    plan: str
    interval: str
    offer_id: int
    began: date
    renews: date
    ends: date | None
    months: int
    customers: int
    amount: int | None
    #: Between two renewals of a plan that is charged by days or weeks; else 0.
    days: int = 0

    def renewals(self, until: date) -> Iterator[date]:
        """Return the days of the renewals that are still discounted, before a day."""
        end = min(until, self.ends) if self.ends else until
        number, renewal = 0, self.renews
        while renewal < end:
            yield renewal
            number += 1
            renewal = self._renewal(number)

    def _renewal(self, number: int) -> date:
        if self.days:
            return self.renews + timedelta(days=self.days * number)
        month = month_numbers.first_day(month_numbers.of_day(self.renews) + number * self.months)
        return month.replace(day=min(self._anchor, _last_day(month)))

    @cached_property
    def _anchor(self) -> int:
        """The day of the month that renewals keep to, where a month has it."""
        is_cut = self.renews.day == _last_day(self.renews) and self.began.day > self.renews.day
        return self.began.day if is_cut else self.renews.day


def usages(chosen: Selection, *conditions: Q, now: datetime) -> QuerySet[PromoCodeUsage]:
    """Return the redemptions whose discount still runs, each joined to its subscription."""
    wanted = {
        "currency": chosen.currency,
        "customer__subscriptions__plan": chosen.plan,
        "promo_code__campaign": chosen.campaign_id,
    }
    lookups = {name: value for name, value in wanted.items() if value}
    return PromoCodeUsage.objects.running(now, *conditions, **lookups)


def groups(chosen: Selection, *, now: datetime) -> list[Running]:
    """Return the running discounts in groups. Five queries."""
    zone = chosen.period.zone
    subscription = "customer__subscriptions__"
    columns = {
        "plan_now": F(f"{subscription}plan"),
        "interval_now": F(f"{subscription}interval"),
        "offer_id": F("promo_code__offer_id"),
        "coupon_id": coupon_id(),
        "began": TruncDate(f"{subscription}started_at", tzinfo=zone),
        "renews": TruncDate(f"{subscription}current_period_ends_at", tzinfo=zone),
        "ends": TruncDate("discount_ends_at", tzinfo=zone),
        "cancels": TruncDate(f"{subscription}cancel_at", tzinfo=zone),
    }
    rows = usages(chosen, now=now).values("currency", **columns).annotate(customers=Count("pk"))
    found: list[dict[str, Any]] = [dict(row) for row in rows.order_by()]
    prices = Prices(found)
    lengths = cohort_rows.unusual_lengths()
    return [
        Running(
            currency=row["currency"],
            plan=row["plan_now"],
            interval=row["interval_now"],
            offer_id=row["offer_id"],
            began=row["began"],
            renews=row["renews"],
            ends=min((day for day in (row["ends"], row["cancels"]) if day), default=None),
            months=lengths.get(row["plan_now"]) or cohort_rows.months_covered(row["interval_now"]),
            customers=row["customers"],
            amount=prices.discount(row),
            days=_DAYS.get(row["interval_now"], 0) * prices.interval_count(row),
        )
        for row in found
    ]


def coupon_id() -> Subquery:
    """Return the coupon that a redemption runs under: an edited offer has several, one after the other."""
    generation = StripePromotionCode.objects.filter(
        stripe_promotion_code_id=OuterRef("stripe_promotion_code_id")
    )
    return Subquery(generation.values("stripe_coupon_id")[:1])


class Prices:
    """What renewals cost before and after their discount, for rows with plan_now, coupon_id, offer_id, currency."""

    def __init__(self, rows: Collection[dict[str, Any]]) -> None:
        self._plans = plans.find_all({row["plan_now"] for row in rows})
        coupons = StripeCoupon.objects.in_bulk({row["coupon_id"] for row in rows if row["coupon_id"]})
        offers = Offer.objects.in_bulk({row["offer_id"] for row in rows})
        self._of_coupon = {pk: _terms(coupon) for pk, coupon in coupons.items() if coupon.synced_terms}
        self._of_offer = {pk: Terms.of(offer) for pk, offer in offers.items()}

    def plan(self, row: dict[str, Any]) -> Plan | None:
        """Return the plan of a row if its price is in the row's currency."""
        plan = self._plans.get(row["plan_now"])
        return plan if plan and plan.currency == row["currency"] else None

    def interval_count(self, row: dict[str, Any]) -> int:
        """Return every how many intervals the plan of a row is charged; 1 where the price is not known."""
        plan = self._plans.get(row["plan_now"])
        return plan.interval_count if plan else 1

    def discount(self, row: dict[str, Any]) -> int | None:
        """Return what the terms take off one renewal, quantity one; None where the price is not known."""
        plan = self.plan(row)
        if plan is None:
            return None
        terms = self._of_coupon.get(row["coupon_id"]) or self._of_offer[row["offer_id"]]
        line = discounts.Line(plan.product_id, plan.amount)
        return discounts.quote(terms, [line], plan.currency).discount_amount


def _terms(coupon: StripeCoupon) -> Terms:
    agreed = coupon.synced_terms
    percent = agreed["percent_off"]
    return Terms(Decimal(percent) if percent else None, agreed["amounts"], frozenset(agreed["products"]))


def _last_day(day: date) -> int:
    return _length(day.year, day.month)


@cache
def _length(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]
