"""What every page of the owner's admin shares: paging, rights, and how money and Stripe ids are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth import get_permission_codename
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.db.models import DateTimeField, Field, Model
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from promos import money
from promos.admin import decisions, fields, lists, pages

#: Times at which something ends.
ENDS = frozenset(["expires_at", "ends_at"])


class ProjectAdmin(ModelAdmin):
    """A page of 50 rows, newest first, without counting the whole table."""

    change_list_template = "admin/promos/change_list.html"
    list_per_page = 50
    show_full_result_count = False
    paginator = lists.CappedPaginator
    list_filter_submit = True
    list_fullwidth = True
    ordering: tuple[str, ...] = ("-pk",)
    empty_value_display = "–"

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except IntegrityError:
            # The same was saved at the same moment, by a double click say: now the form sees it and says so.
            return super().changeform_view(request, *args, **kwargs)

    def formfield_for_dbfield(self, db_field: Field, request: HttpRequest, **kwargs: Any) -> Any:
        if isinstance(db_field, DateTimeField):
            form_class = fields.EndField if db_field.name in ENDS else fields.StartField
            kwargs["form_class"] = form_class
            kwargs.setdefault("help_text", form_class.told.format(zone=timezone.get_current_timezone_name()))
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return lists.SteadyChangeList

    def get_urls(self) -> list[URLPattern]:
        return [*pages.urls(self), *super().get_urls()]

    def page_context(self, request: HttpRequest, **context: Any) -> dict[str, Any]:
        """Return what every page of this model shows around its content, with the page's own.

        A page about no row is headed by its title; by ``opts`` Unfold would head it by the name of the model.
        """
        heading = {"opts": self.opts} if "original" in context else {"content_title": context.get("title")}
        return {**self.admin_site.each_context(request), "media": self.media, **heading, **context}

    def with_history(self, obj: Any) -> tuple[Model, ...]:
        """Return the rows whose histories make up this row's."""
        return (obj,)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not hasattr(self.model, "history"):
            return super().history_view(request, object_id, extra_context)
        obj = self.get_object(request, object_id)
        if obj is None:
            raise Http404
        if not self.has_view_or_change_permission(request, obj):
            raise PermissionDenied
        context = self.page_context(
            request,
            title=f"History of {obj}",
            object=obj,
            original=obj,
            headers=("When", "Who", "What", "Why"),
            decisions=decisions.of(*self.with_history(obj)),
            empty="Nothing was changed since it was made with others.",
        )
        return TemplateResponse(request, "admin/promos/history.html", context)

    def has_act_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Say whether the person may run actions: the right to change rows, even where the form is read-only."""
        codename = get_permission_codename("change", self.opts)
        return request.user.has_perm(f"{self.opts.app_label}.{codename}")


class ReadOnlyAdmin(ProjectAdmin):
    """Rows that other parts write: to look at, never to add, change or delete."""

    #: Lookups over relations, beyond its filters, by which pages of figures link to their rows.
    linked_lookups: frozenset[str] = frozenset()

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return lookup in self.linked_lookups or super().lookup_allowed(lookup, value, request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def by_label(colours: Mapping[Any, str]) -> dict[str, str]:
    """Return badge colours by what the badge says, for Unfold's ``label``: read-only pages show the same text."""
    return {str(choice.label): colour for choice, colour in colours.items()}


def in_money(amount: int | None, currency: str) -> str:
    """Return minor units as people read them; empty when there is no amount."""
    return "" if amount is None or not currency else money.display(amount, currency)


def dashboard_link(kind: str, stripe_id: str | None) -> SafeString | str:
    """Return a Stripe id linked to its page in the Stripe dashboard; ``kind`` is the path, e.g. ``coupons``."""
    if not stripe_id:
        return ""
    mode = "" if settings.STRIPE_LIVE_MODE else "test/"
    url = f"https://dashboard.stripe.com/{mode}{kind}/{stripe_id}"
    return format_html('<a href="{}" class="text-link" target="_blank" rel="noopener">{}</a>', url, stripe_id)


def admin_link(row: Model | None) -> SafeString | str:
    """Return a row's name linked to its page in the admin."""
    if row is None:
        return ""
    url = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    return format_html('<a href="{}" class="text-link">{}</a>', url, row)
