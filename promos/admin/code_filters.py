"""Filters of the list of codes."""

from __future__ import annotations

from typing import Any

from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import DropdownFilter

from promos import codes
from promos.admin import choices
from promos.models import PromoCodeUsage
from promos.models.codes import PromoCodeQuerySet


class StatusFilter(DropdownFilter):
    """Filter by the status that the list shows."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(status.value, str(status.label)) for status in codes.Status]

    def queryset(self, request: HttpRequest, queryset: PromoCodeQuerySet) -> PromoCodeQuerySet:
        status = self.value()
        return queryset.in_status(status, timezone.now()) if status else queryset


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
            ("ever", "Ever used, given back or not"),
            ("nearly", "At least 80% used up, not all"),
            ("over", "Over the limit"),
        ]

    def queryset(self, request: HttpRequest, queryset: PromoCodeQuerySet) -> QuerySet[Any]:
        match self.value():
            case "unused":
                return queryset.filter(used_count=0)
            case "used":
                return queryset.filter(used_count__gt=0)
            case "ever":
                return queryset.filter(PromoCodeUsage.objects.codes_ever_redeemed())
            case "nearly":
                return queryset.running_out()
            case "over":
                return queryset.filter(used_count__gt=F("max_redemptions"))
        return queryset
