"""Lists that stay quick at a million rows: no full count, an index for every order, figures by the page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Max, OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest
from django.utils import timezone
from unfold.views import ChangeList

from promos import campaigns, money
from promos.models import CodeTotal, PromoCode, PromoCodeUsage

#: Beyond this a list says "10,000+": who looks for more filters or searches.
COUNTED_AT_MOST = 10_000
REDEEMED = (PromoCodeUsage.Status.SETTLED, PromoCodeUsage.Status.REFUNDED)


class CappedPaginator(Paginator):
    """Counts up to a limit; pages beyond it are not reached by number."""

    template_name = "admin/promos/pagination.html"

    @cached_property
    def _found(self) -> int:
        rows: Any = self.object_list
        if not isinstance(rows, QuerySet):
            return len(rows)
        return rows.order_by().values("pk")[: COUNTED_AT_MOST + 1].count()

    @cached_property
    def count(self) -> int:
        return min(self._found, COUNTED_AT_MOST)

    @property
    def shown_count(self) -> str:
        return f"{self.count:,}+" if self._found > COUNTED_AT_MOST else f"{self.count:,}"


class SteadyChangeList(ChangeList):
    """Orders ties in the direction of the column, so that one index gives the whole order, and joins late."""

    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        # What is passed over or sorted is only keys; what a row shows is read for the rows of the page.
        keys = list(self.result_list.values_list("pk", flat=True))
        found = self.apply_select_related(self.root_queryset).in_bulk(keys)
        self.result_list = [found[key] for key in keys if key in found]

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        ordering: list[Any] = super().get_ordering(request, queryset)
        if str(ordering[0]).startswith("-"):
            return ordering
        return [*(name for name in ordering if name != "-pk"), "pk"]


@dataclass
class UseFigures:
    """What a code gave away, by currency in minor units, and when it was last redeemed."""

    savings: dict[str, int] = field(default_factory=dict)
    last_used_at: datetime | None = None

    @property
    def savings_in_words(self) -> str:
        return ", ".join(money.display(amount, currency) for currency, amount in sorted(self.savings.items()))


class CodeList(SteadyChangeList):
    """The codes of a page with their figures, by a few queries for all of them."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        figures = use_figures(self.result_list)
        for code in self.result_list:
            code.figures = figures.get(code.pk, UseFigures())


class CampaignList(SteadyChangeList):
    """The campaigns of a page with their pace, by two queries for all of them."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        paces = campaigns.paces(self.result_list, now=timezone.now())
        for campaign in self.result_list:
            campaign.known_pace = paces.get(campaign.pk)


def use_figures(codes: Iterable[PromoCode]) -> dict[int, UseFigures]:
    """Return the figures of those codes that were redeemed, however often that was: three queries at most."""
    # A code without a use is not asked after: most codes of a batch have none.
    used = [code for code in codes if code.used_count]
    alone = [code.pk for code in used if code.batch_id is None]
    in_batches = [code.pk for code in used if code.batch_id is not None]
    return _by_totals(alone) | _by_redemptions(in_batches)


def _by_totals(keys: list[int]) -> dict[int, UseFigures]:
    """Return the figures of codes that have totals of their own."""
    if not keys:
        return {}
    redeemed = PromoCodeUsage.objects.filter(promo_code=OuterRef("pk"), status__in=REDEEMED)
    last = Subquery(redeemed.order_by("-redeemed_at").values("redeemed_at")[:1])
    codes = PromoCode.objects.filter(pk__in=keys).values_list("pk", last)
    found = {pk: UseFigures(last_used_at=last_used_at) for pk, last_used_at in codes}
    totals = CodeTotal.objects.filter(promo_code__in=keys, redemptions__gt=0)
    for pk, currency, amount in totals.values_list("promo_code", "currency", "discount_amount"):
        found[pk].savings[currency] = amount
    return found


def _by_redemptions(keys: list[int]) -> dict[int, UseFigures]:
    """Return the figures of codes that total under their batch, each of few redemptions."""
    found: dict[int, UseFigures] = {}
    usages = PromoCodeUsage.objects.filter(promo_code__in=keys, status__in=REDEEMED)
    rows = usages.values_list("promo_code", "currency").annotate(Sum("discount_amount"), Max("redeemed_at"))
    for pk, currency, amount, last_used_at in rows if keys else ():
        figures = found.setdefault(pk, UseFigures())
        figures.savings[currency] = amount
        figures.last_used_at = max(filter(None, (figures.last_used_at, last_used_at)))
    return found
