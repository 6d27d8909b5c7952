"""What a campaign gave, cost and brought over its whole life: attributed, for nobody proved what it caused.

A campaign's fixed cost is one sum for all of it, so its results are of its whole
life too; the period only chooses the campaigns: those with an order in it. What
it brought are the orders under its redemptions, renewals at full price included.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from django.db.models import Count, F, IntegerField, QuerySet, Sum
from django.db.models.functions import Cast, ExtractMonth, ExtractYear

from analytics import economics
from analytics.economics import Assumptions, Earnings
from analytics.formulas import Ratio
from analytics.measures import earned
from analytics.queries import DISCOUNTED, SETTLED
from analytics.selection import Selection
from promos.models import LedgerEntry, PromoCodeUsage

#: A currency and a campaign.
_Key = tuple[str, int]

_CAMPAIGN = {
    "campaign_id": F("usage__promo_code__campaign_id"),
    "name": F("usage__promo_code__campaign__name"),
    "kept_in": F("usage__promo_code__campaign__currency"),
    "cost": F("usage__promo_code__campaign__fixed_cost_amount"),
}
_COUNTS = {
    "discounted_gross_amount": Sum("gross_amount", filter=DISCOUNTED, default=0),
    "discounted_orders": Count("pk", filter=DISCOUNTED),
}
_USES = {"redemptions": Count("pk"), "customers": Count("customer", distinct=True)}


@dataclass(frozen=True)
class Result:
    """One campaign in one currency, over its whole life; its fixed cost counts in its own currency only.

    ``gross_by_month``: by how many calendar months after the redemption the order was.
    """

    currency: str
    campaign_id: int
    name: str
    fixed_cost_amount: int
    redemptions: int
    customers: int
    discounted_orders: int
    discounted_gross_amount: int
    earned: Earnings
    gross_by_month: Mapping[int, int] = field(default_factory=dict)

    @property
    def promotion_cost_amount(self) -> int:
        """Discount given + fixed cost."""
        return self.earned.discount_amount + self.fixed_cost_amount

    def profit(self, assumed: Assumptions) -> int:
        """Return the NGP of the redeemers, before the fixed cost."""
        return economics.net_gross_profit(self.earned, self.currency, assumed)

    def roi(self, assumed: Assumptions) -> Ratio:
        """Return the attributed ROI."""
        return economics.attributed_roi(
            self.profit(assumed),
            discount_amount=self.earned.discount_amount,
            fixed_cost_amount=self.fixed_cost_amount,
            cases=self.redemptions,
        )

    def break_even_lift(self, assumed: Assumptions) -> Ratio | None:
        """Return how many more sales its discount needs; None: no lift is enough."""
        return economics.break_even_lift(
            self.earned.discount_amount, self.discounted_gross_amount, assumed, cases=self.discounted_orders
        )

    def payback_month(self, assumed: Assumptions) -> int | None:
        """Return the first month after redemption in which its cost was back; None: not yet."""
        months = sorted(self.gross_by_month)
        sums = accumulate(self.gross_by_month[month] for month in months)
        for month, gross_amount in zip(months, sums, strict=True):
            if economics.margin_amount(gross_amount, assumed) >= self.promotion_cost_amount:
                return month
        return None


def results(chosen: Selection) -> list[Result]:
    """Return each campaign with an order in the period, by currency, the costliest discount first. Three queries."""
    by_month, uses = _gross_by_month(chosen), _uses(chosen)
    rows: Any = _orders(chosen).values("currency", **_CAMPAIGN).annotate(**_COUNTS, **earned.sums())
    return [
        _result({**_NO_USES, **row, **uses.get((row["currency"], row["campaign_id"]), {})}, by_month)
        for row in rows.order_by("currency", F("discount_amount").desc(), F("campaign_id"))
    ]


def _result(row: Mapping[str, Any], by_month: Mapping[_Key, Mapping[int, int]]) -> Result:
    return Result(
        currency=row["currency"],
        campaign_id=row["campaign_id"],
        name=row["name"],
        fixed_cost_amount=row["cost"] if row["kept_in"] == row["currency"] else 0,
        **{name: row[name] for name in (*_COUNTS, *_USES)},
        earned=earned.of(row),
        gross_by_month=by_month[row["currency"], row["campaign_id"]],
    )


_NO_USES = dict.fromkeys(_USES, 0)


def _campaigns(chosen: Selection) -> QuerySet[Any, Any]:
    """Return the campaigns with an order in the period."""
    active = chosen.entries().filter(usage__promo_code__campaign__isnull=False)
    return active.values("usage__promo_code__campaign")


def _uses(chosen: Selection) -> dict[_Key, dict[str, int]]:
    """Count redemptions and redeemers; of the usages, since an entry's would have to be told apart first."""
    settled = PromoCodeUsage.objects.filter(promo_code__campaign__in=_campaigns(chosen), status__in=SETTLED)
    rows: Any = settled.values("currency", campaign=F("promo_code__campaign_id")).annotate(**_USES).order_by()
    return {(row["currency"], row["campaign"]): {name: row[name] for name in _USES} for row in rows}


def _orders(chosen: Selection) -> QuerySet[LedgerEntry]:
    """Return every entry under a redemption of the chosen campaigns, whenever it was."""
    entries = LedgerEntry.objects.filter(usage__promo_code__campaign__in=_campaigns(chosen))
    return entries.filter(currency=chosen.currency) if chosen.currency else entries


def _gross_by_month(chosen: Selection) -> dict[_Key, dict[int, int]]:
    zone = chosen.period.zone
    since = Cast(
        ExtractYear("occurred_at", tzinfo=zone) * 12
        + ExtractMonth("occurred_at", tzinfo=zone)
        - ExtractYear("usage__redeemed_at", tzinfo=zone) * 12
        - ExtractMonth("usage__redeemed_at", tzinfo=zone),
        IntegerField(),
    )
    campaign = F("usage__promo_code__campaign_id")
    rows = _orders(chosen).values("currency", campaign=campaign, month=since)
    found: dict[_Key, dict[int, int]] = defaultdict(dict)
    for row in rows.annotate(gross=Sum("gross_amount")).order_by("currency", "campaign", "month"):
        found[row["currency"], row["campaign"]][row["month"]] = row["gross"]
    return found
