"""The most that open codes may still cost: uses left × the highest lifetime discount, by currency.

By offer and campaign, so that a million codes of one batch are one row. Each
currency's maximum is what it would be if every use were in that currency.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum

from analytics.selection import Selection
from promos import codes, discounts, plans
from promos.billing import renewals
from promos.discounts import Terms
from promos.models import Offer, PromoCode
from promos.plans import Plan

HARD_MAXIMUM = (
    "Uses left × the highest lifetime discount on any plan on sale, at most what is left of the campaign's budget; "
    "no limit where uses or the discount's duration have none. As if every use were in this currency."
)
#: The uses left of a group of codes, and how many of them have a limit at all.
LEFT = {
    "left": Sum(F("max_redemptions") - F("used_count") - F("held_count"), default=0),
    "open_codes": Count("pk"),
    "limited_codes": Count("max_redemptions"),
}

_Row = Mapping[str, Any]


def open_codes(chosen: Selection, *, now: datetime) -> QuerySet[PromoCode]:
    """Return the codes that can be redeemed now."""
    rows = PromoCode.objects.with_status(now).filter(Q(status_now=codes.Status.ACTIVE))
    return rows.filter(campaign=chosen.campaign_id) if chosen.campaign_id else rows


def maxima(chosen: Selection, *, now: datetime) -> dict[str, int | None]:
    """Return the most that open codes may cost, by currency of the plans on sale; None: no limit."""
    on_sale: dict[str, list[Plan]] = defaultdict(list)
    for plan in plans.active():
        if chosen.currency in ("", plan.currency) and chosen.plan in ("", plan.price_id):
            on_sale[plan.currency].append(plan)
    rows: Any = open_codes(chosen, now=now).values("offer_id", **_CAMPAIGN).annotate(**LEFT)
    found = list(rows.order_by("offer_id"))
    offers = Offer.objects.in_bulk({row["offer_id"] for row in found})
    return {currency: _maximum(found, offers, currency, sold) for currency, sold in on_sale.items()}


_CAMPAIGN = {
    "campaign_key": F("campaign_id"),
    "kept_in": F("campaign__currency"),
    "budget": F("campaign__budget_amount"),
    "gone": F("campaign__spent_amount") + F("campaign__promised_amount") + F("campaign__held_amount"),
}


def _maximum(
    rows: Iterable[_Row], offers: Mapping[int, Offer], currency: str, sold: Sequence[Plan]
) -> int | None:
    by_campaign: dict[int | None, list[_Row]] = defaultdict(list)
    for row in rows:
        by_campaign[row["campaign_key"]].append(row)
    each = [_of_campaign(members, offers, currency, sold) for members in by_campaign.values()]
    known = [maximum for maximum in each if maximum is not None]
    return sum(known) if len(known) == len(each) else None


def _of_campaign(
    rows: Sequence[_Row], offers: Mapping[int, Offer], currency: str, sold: Sequence[Plan]
) -> int | None:
    """Return the most that the open codes of one campaign, or of none, may cost: never more than its budget has."""
    amounts = [_of_offer(row, lifetime_discount(offers[row["offer_id"]], sold)) for row in rows]
    known = [amount for amount in amounts if amount is not None]
    total = sum(known) if len(known) == len(amounts) else None
    budget, kept_in = rows[0]["budget"], rows[0]["kept_in"]
    if budget is None or kept_in != currency:
        return total
    left: int = max(0, budget - rows[0]["gone"])
    return left if total is None else min(total, left)


def _of_offer(row: _Row, lifetime_amount: int | None) -> int | None:
    if lifetime_amount == 0:
        return 0
    if lifetime_amount is None or row["limited_codes"] < row["open_codes"]:
        return None
    return int(row["left"]) * lifetime_amount


def lifetime_discount(offer: Offer, sold: Iterable[Plan]) -> int | None:
    """Return the most that one use can take off the plans on sale, renewals included; None: no limit."""
    amounts = [0]
    for plan in sold:
        first = discounts.quote(Terms.of(offer), plan.lines, plan.currency).discount_amount
        each = plan.amount - renewals.reduced_amount(plan, offer)
        count = renewals.reduced_count(plan, offer)
        if count is None and each:
            return None
        amounts.append(first + (count or 0) * each)
    return max(amounts)
