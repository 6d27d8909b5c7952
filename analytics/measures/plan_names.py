"""What people call a plan: the name of its price or product, and how often it is charged."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import F, QuerySet, TextField, Value
from django.db.models.functions import Coalesce, NullIf
from djstripe.models import Price

_OFTEN = {"day": "daily", "week": "weekly", "month": "monthly", "year": "yearly"}
#: How a name may tell by itself how often it is charged.
_TOLD_BY = {"day": ("day", "daily"), "week": ("week",), "month": ("month",), "year": ("year", "annual")}
NO_PLAN = "No plan"


def of(price_ids: Iterable[str]) -> dict[str, str]:
    """Return the names of plans, sold or retired; the id itself where the mirror does not know it."""
    asked = set(price_ids)
    known = _named(Price.objects.filter(id__in=asked))
    return {price_id: known.get(price_id) or price_id or NO_PLAN for price_id in asked}


def recurring(*, limit: int) -> dict[str, str]:
    """Return the names of the recurring prices that the mirror knows, by name."""
    return _named(Price.objects.exclude(stripe_data__recurring=None).order_by("product__name", "id")[:limit])


def _named(prices: QuerySet[Price]) -> dict[str, str]:
    name = Coalesce(NullIf("nickname", Value("")), "product__name", output_field=TextField())
    rows = prices.annotate(named=name, interval=F("stripe_data__recurring__interval"))
    return {
        price_id: _with_interval(named, interval)
        for price_id, named, interval in rows.values_list("id", "named", "interval")
    }


def _with_interval(named: str, interval: str | None) -> str:
    """Say how often a plan is charged, unless its name does."""
    told = any(word in (named or "").casefold() for word in _TOLD_BY.get(interval or "", ()))
    return named if told or not interval else f"{named}, {_OFTEN.get(interval, interval)}"
