"""Lists that stay quick at a million rows: no full count, an index for every order, figures by the page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Max, QuerySet, Sum
from django.http import HttpRequest
from unfold.views import ChangeList

from promos import money
from promos.models import PromoCode, PromoCodeUsage

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
        return rows.order_by()[: COUNTED_AT_MOST + 1].count()

    @cached_property
    def count(self) -> int:
        return min(self._found, COUNTED_AT_MOST)

    @property
    def shown_count(self) -> str:
        return f"{self.count:,}+" if self._found > COUNTED_AT_MOST else f"{self.count:,}"


class SteadyChangeList(ChangeList):
    """Orders ties in the direction of the column, so that one index gives the whole order."""

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
    """The codes of a page with their figures: one query for all of them, over the redemptions' kept totals."""

    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        codes: list[Any] = list(self.result_list)
        figures = use_figures(codes)
        for code in codes:
            code.figures = figures.get(code.pk, UseFigures())
        self.result_list = codes


def use_figures(codes: Iterable[PromoCode]) -> dict[int, UseFigures]:
    """Return the figures of those codes that were redeemed."""
    # A code without a use is not asked after: most codes of a batch have none.
    keys = [code.pk for code in codes if code.used_count]
    usages = PromoCodeUsage.objects.filter(promo_code__in=keys, status__in=REDEEMED)
    rows = usages.values("promo_code", "currency").annotate(
        savings=Sum("discount_amount"), last_used_at=Max("redeemed_at")
    )
    found: dict[int, UseFigures] = {}
    for row in rows:
        figures = found.setdefault(row["promo_code"], UseFigures())
        figures.savings[row["currency"]] = row["savings"]
        figures.last_used_at = max(filter(None, (figures.last_used_at, row["last_used_at"])))
    return found
