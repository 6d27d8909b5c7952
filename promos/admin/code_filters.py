"""Filters of the list of codes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import DropdownFilter

from promos import codes
from promos.admin import choices
from promos.models import Campaign
from promos.models.codes import PromoCodeQuerySet


def _campaigns(**lookups: Any) -> list[int]:
    """Return the keys of campaigns, read first: beside OR, PostgreSQL uses no index for a subquery."""
    return list(Campaign.objects.filter(**lookups).values_list("pk", flat=True))


#: What a status that few codes have cannot do without, in terms of indexes: among a million its own rule reads all.
NECESSARY: dict[str, Callable[[datetime], Q]] = {
    codes.Status.ARCHIVED: lambda now: Q(archived_at__isnull=False),
    codes.Status.USED_UP: lambda now: Q(used_count__gt=0),
    codes.Status.EXPIRED: lambda now: Q(expires_at__lte=now) | Q(campaign__in=_campaigns(ends_at__lte=now)),
    codes.Status.SCHEDULED: lambda now: Q(starts_at__gt=now) | Q(campaign__in=_campaigns(starts_at__gt=now)),
    codes.Status.WAITING: lambda now: (
        Q(approved_at=None, archived_at=None) | Q(campaign__in=_campaigns(needs_approval=True))
    ),
    codes.Status.PAUSED: lambda now: (
        Q(paused_at__isnull=False)
        | Q(campaign__in=_campaigns(paused_at__isnull=False))
        | Q(campaign__in=_campaigns(budget_amount__lte=F("spent_amount") + F("promised_amount")))
    ),
}


class StatusFilter(DropdownFilter):
    """Filter by the status that the list shows, which ``with_status`` has annotated."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(status.value, str(status.label)) for status in codes.Status]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        status = self.value()
        if not status:
            return queryset
        necessary = NECESSARY.get(status)
        narrowed = queryset.filter(necessary(timezone.now())) if necessary else queryset
        return narrowed.filter(status_now=status)


class ProductFilter(DropdownFilter):
    """Filter by a product that the code covers, by name or because it covers all."""

    title = "product"
    parameter_name = "product"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return choices.products()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        product_id = self.value()
        if not product_id:
            return queryset
        # A list within JSON is searched as text: SQLite knows no other way.
        named = queryset.filter(offer__product_ids__icontains=f'"{product_id}"')
        return named | queryset.filter(offer__product_ids=[])


class UsesFilter(DropdownFilter):
    """Filter by how often a code was used."""

    title = "uses"
    parameter_name = "uses"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("unused", "Never used"),
            ("used", "Used"),
            ("nearly", "At least 80% used up, not all"),
            ("over", "Over the limit"),
        ]

    def queryset(self, request: HttpRequest, queryset: PromoCodeQuerySet) -> QuerySet[Any]:
        match self.value():
            case "unused":
                return queryset.filter(used_count=0)
            case "used":
                return queryset.filter(used_count__gt=0)
            case "nearly":
                return queryset.running_out()
            case "over":
                return queryset.filter(used_count__gt=F("max_redemptions"))
        return queryset
