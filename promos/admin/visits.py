"""Where visitors of links with codes came from, and what they followed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import display

from promos.admin.base import ReadOnlyAdmin
from promos.models import CodeView, Journey


@admin.register(Journey)
class JourneyAdmin(ReadOnlyAdmin):
    """One visitor; nobody's until the visitor signs in."""

    list_display = ("started_at", "customer", "first", "last", "seen_at")
    list_select_related = ("customer",)
    list_filter = (("customer", admin.EmptyFieldListFilter), ("seen_at", RangeDateTimeFilter))
    search_fields = ("customer__email",)
    ordering = ("-seen_at", "-pk")
    fields = ("uid", "customer", "started_at", "first", "seen_at", "last")

    @display(description="Came first from")
    def first(self, obj: Journey) -> str:
        return _in_words(obj.first_touch)

    @display(description="Came last from")
    def last(self, obj: Journey) -> str:
        return _in_words(obj.last_touch)


@admin.register(CodeView)
class CodeViewAdmin(ReadOnlyAdmin):
    """A link that somebody followed."""

    list_display = ("viewed_at", "text", "promo_code", "journey")
    list_select_related = ("promo_code", "journey")
    list_filter = (("promo_code", admin.EmptyFieldListFilter), ("viewed_at", RangeDateTimeFilter))
    search_fields = ("text",)
    ordering = ("-viewed_at", "-pk")
    fields = ("viewed_at", "text", "promo_code", "journey")


def _in_words(touch: dict[str, Any]) -> str:
    """Return "source: news, campaign: spring"; empty when nothing was told."""
    return ", ".join(f"{name.removeprefix('utm_')}: {value}" for name, value in touch.items())
