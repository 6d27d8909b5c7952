"""What the drift doctor found: the differences from Stripe of the last run, each in a sentence."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter
from unfold.decorators import display

from promos.admin.base import ReadOnlyAdmin, admin_link, by_label
from promos.models import DriftFinding
from promos.sync.drift import doctor

Outcome = DriftFinding.Outcome
OUTCOME_COLOURS = by_label(
    {Outcome.FOUND: "warning", Outcome.REPAIRED: "success", Outcome.FOR_OWNER: "danger"}
)


class RunFilter(DropdownFilter):
    """Show what the last run found, and events since; or all that is kept."""

    title = "run"
    parameter_name = "runs"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("all", f"All of the last {doctor.KEEP.days} days")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[DriftFinding]) -> QuerySet[DriftFinding]:
        run = doctor.last()
        return (
            queryset
            if run is None or self.value() == "all"
            else queryset.filter(found_at__gte=run.started_at)
        )


@admin.register(DriftFinding)
class DriftFindingAdmin(ReadOnlyAdmin):
    list_display = ("sentence", "outcome_badge", "kind", "code", "found_at")
    list_select_related = ("promo_code", "offer")
    list_filter = (RunFilter, ("outcome", ChoicesDropdownFilter), ("kind", ChoicesDropdownFilter))
    search_fields = ("sentence", "stripe_id")
    fields = ("sentence", "kind", "outcome_badge", "code", "terms", "stripe_id", "found_at")
    list_before_template = "admin/promos/last_run.html"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {
            "title": "Differences from Stripe",
            "run": doctor.last(),
            "left": doctor.left().count(),
        }
        return super().changelist_view(request, (extra_context or {}) | context)

    @display(description="Outcome", ordering="outcome", label=OUTCOME_COLOURS)
    def outcome_badge(self, obj: DriftFinding) -> str:
        return obj.get_outcome_display()

    @display(description="Code")
    def code(self, obj: DriftFinding) -> SafeString | str:
        return admin_link(obj.promo_code)

    @display(description="Terms")
    def terms(self, obj: DriftFinding) -> SafeString | str:
        return admin_link(obj.offer)
