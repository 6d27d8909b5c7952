"""Alerts and the messages about them, to look at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import display

from analytics.models import Alert, AlertMessage
from promos.admin.base import ReadOnlyAdmin


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    list_display = ("opened_at", "sentence", "kind", "state", "closed_at")
    list_filter = ("kind", ("closed_at", admin.EmptyFieldListFilter), ("opened_at", RangeDateTimeFilter))
    search_fields = ("sentence", "subject")
    fields = ("sentence", "fix", "what", "kind", "opened_at", "seen_at", "closed_at")

    @display(description="State", ordering="closed_at", label={"Open": "warning", "Over": "success"})
    def state(self, obj: Alert) -> str:
        return "Over" if obj.closed_at else "Open"

    @display(description="What it is about")
    def what(self, obj: Alert) -> SafeString:
        return format_html('<a href="{}" class="text-link">Look</a>', obj.link)


@admin.register(AlertMessage)
class AlertMessageAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "alert", "event", "channel", "sent_at", "attempts", "error")
    list_select_related = ("alert",)
    list_filter: tuple[Any, ...] = ("channel", "event", ("sent_at", admin.EmptyFieldListFilter))
    search_fields = ("alert__sentence",)
    fields = (
        "alert",
        "event",
        "channel",
        "created_at",
        "sent_at",
        "attempts",
        "next_try_at",
        "given_up_at",
        "error",
    )
