"""Shows any page of figures; the page itself only says what is on it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from analytics import blocks
from analytics.pages import export, filters
from analytics.pages.page import Page


def view(page: Page) -> Callable[..., HttpResponse]:
    """Return the view of a page, behind the admin's login and the page's permissions."""

    @require_safe
    @wraps(show)
    def shown(request: HttpRequest) -> HttpResponse:
        return show(request, page)

    return admin.site.admin_view(shown)


def show(request: HttpRequest, page: Page) -> HttpResponse:
    """Answer with the page, or with its figures as a file (``?export=csv``, ``?export=json``)."""
    if not request.user.has_perms(page.permissions):
        raise PermissionDenied
    asked = filters.read(page, request.GET.dict(), now=timezone.now(), zone=timezone.get_default_timezone())
    sections = page.build(asked)
    kind = request.GET.get("export", "")
    if kind in export.FORMATS:
        return export.answer(page, asked, sections, kind)
    # A customer's history is told whole.
    is_compared = page.is_compared and sections and not asked.customer
    context = {
        **admin.site.each_context(request),
        "title": page.title,
        "page": page,
        "asked": asked,
        "sections": sections,
        "fields": filters.fields(page, asked),
        "period": asked.period,
        "so_far": blocks.so_far(asked.period, asked.now) if is_compared else "",
        "presets": [
            (days, asked.link(days=str(days), **{"from": "", "to": "", "part": ""}))
            for days in page.spans.choices
        ],
        "is_custom_period": "from" in asked.parameters or "to" in asked.parameters,
        "exports": [(name.upper(), asked.link(export=name)) for name in export.FORMATS],
    }
    return TemplateResponse(request, "analytics/page.html", context)
