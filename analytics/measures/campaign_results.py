"""What a campaign gave, cost and brought over its whole life: attributed, for nobody proved what it caused.

A campaign's fixed cost is one sum for all of it, so its results are of its whole
life too; the period only chooses the campaigns: those with an order in it. What
it brought are the orders under its redemptions, renewals at full price included.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from django.db.models import Count, F, Sum

from analytics import economics, kept
from analytics.economics import Assumptions, Earnings
from analytics.formulas import Ratio
from analytics.measures import earned, month_numbers
from analytics.queries import DISCOUNTED, SETTLED
from analytics.selection import Selection
from promos.models import Campaign, LedgerEntry, PromoCode, PromoCodeUsage

#: A currency and a campaign.
_Key = tuple[str, int]
#: What orders moved, by how many calendar months after the redemption they were.
_Months = dict[int, dict[str, Any]]

_COUNTS = {
    "discounted_gross_amount": Sum("gross_amount", filter=DISCOUNTED, default=0),
    "discounted_orders": Count("kind", filter=DISCOUNTED),
}
_USES = {"redemptions": Count("pk"), "customers": Count("customer", distinct=True)}


@dataclass(frozen=True)
class Result:
    """One campaign in one currency, over its whole life; its fixed cost counts in its own currency only.

    ``cost_elsewhere``: the currency of its fixed cost, when that is another one, so that the results go without it.
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
    cost_elsewhere: str = ""
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
    """Return each campaign with an order in the period, by currency, the costliest discount first. Four queries."""
    campaigns = Campaign.objects.in_bulk(_campaigns(chosen))
    uses = _uses(campaigns)
    found = [
        _result(currency, campaigns[campaign_id], months, uses[currency, campaign_id])
        for (currency, campaign_id), months in _months(chosen, campaigns).items()
    ]
    return sorted(found, key=lambda row: (row.currency, -row.earned.discount_amount, row.campaign_id))


def _result(currency: str, campaign: Campaign, months: _Months, uses: Mapping[str, int]) -> Result:
    is_its_own = campaign.currency == currency
    return Result(
        currency=currency,
        campaign_id=campaign.pk,
        name=campaign.name,
        fixed_cost_amount=campaign.fixed_cost_amount if is_its_own else 0,
        cost_elsewhere=campaign.currency if campaign.fixed_cost_amount and not is_its_own else "",
        **{name: uses.get(name, 0) for name in _USES},
        **{name: sum(row[name] for row in months.values()) for name in _COUNTS},
        earned=sum((earned.of(row) for row in months.values()), Earnings()),
        gross_by_month={month: row["gross_amount"] for month, row in months.items()},
    )


def _campaigns(chosen: Selection) -> set[int]:
    """Return the campaigns with an entry in the period, where that can be by the kept days of codes.

    A batch has no kept days by campaign: each of its codes may be in another.
    """
    entries = chosen.entries().filter(usage__promo_code__campaign__isnull=False)
    if not kept.is_exact(chosen.period):
        return set(entries.values_list("usage__promo_code__campaign", flat=True).distinct())
    days = kept.moved_days(chosen.period, currency=chosen.currency)
    codes = PromoCode.objects.filter(campaign__isnull=False, pk__in=days.values("promo_code"))
    if chosen.campaign_id:
        codes = codes.filter(campaign=chosen.campaign_id)
    of_batches = entries.filter(usage__promo_code__batch__in=days.values("batch"))
    found = codes.values_list("campaign").union(of_batches.values_list("usage__promo_code__campaign"))
    return {campaign_id for (campaign_id,) in found}


def _uses(campaigns: Iterable[int]) -> dict[_Key, dict[str, int]]:
    """Count redemptions and redeemers; of the usages, since an entry's would have to be told apart first."""
    settled = PromoCodeUsage.objects.filter(promo_code__campaign__in=campaigns, status__in=SETTLED)
    rows: Any = settled.values("currency", campaign=F("promo_code__campaign_id")).annotate(**_USES).order_by()
    found: dict[_Key, dict[str, int]] = defaultdict(dict)
    for row in rows:
        found[row["currency"], row["campaign"]] = {name: row[name] for name in _USES}
    return found


def _months(chosen: Selection, campaigns: Iterable[int]) -> dict[_Key, _Months]:
    """Sum every entry under a redemption of the campaigns, whenever it was, by months since the redemption."""
    zone = chosen.period.zone
    since = month_numbers.of_time("occurred_at", zone) - month_numbers.of_time("usage__redeemed_at", zone)
    # Said twice, since PostgreSQL takes the index of entries with a redemption for no less; and in no order, so
    # that it need not sort them.
    entries = LedgerEntry.objects.filter(usage__isnull=False, usage__promo_code__campaign__in=campaigns)
    if chosen.currency:
        entries = entries.filter(currency=chosen.currency)
    rows: Any = entries.values("currency", campaign=F("usage__promo_code__campaign_id"), month=since)
    found: dict[_Key, _Months] = defaultdict(dict)
    for row in rows.annotate(**_COUNTS, **earned.sums()).order_by():
        found[row["currency"], row["campaign"]][row["month"]] = row
    return found
