"""Pages of a model's own beside its list and form: each has a permission, which nothing else checks for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any

from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path

View = Callable[..., HttpResponseBase]


@dataclass(frozen=True)
class Page:
    """Where a page is, under the model's own address, and the permission it needs."""

    route: str
    name: str
    permission: str


def page(route: str, *, permission: str) -> Callable[[View], View]:
    """Make a method of a ModelAdmin a page; it is called with the request and the route's arguments."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(model_admin: ModelAdmin, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
            if not request.user.has_perm(permission):
                raise PermissionDenied
            return view(model_admin, request, **kwargs)

        guarded.own_page = Page(route, view.__name__, permission)  # type: ignore[attr-defined]
        return guarded

    return decorate


def of(model_admin: ModelAdmin) -> list[Page]:
    """Return a model's own pages."""
    return [method.own_page for method in _methods(model_admin)]  # type: ignore[attr-defined]


def urls(model_admin: ModelAdmin) -> list[URLPattern]:
    """Return the addresses of a model's own pages; ``admin:<app>_<model>_<method>``."""
    opts = model_admin.opts
    return [
        path(
            method.own_page.route,  # type: ignore[attr-defined]
            model_admin.admin_site.admin_view(partial(method, model_admin)),
            name=f"{opts.app_label}_{opts.model_name}_{method.own_page.name}",  # type: ignore[attr-defined]
        )
        for method in _methods(model_admin)
    ]


def _methods(model_admin: ModelAdmin) -> list[View]:
    found = (getattr(type(model_admin), name, None) for name in dir(type(model_admin)))
    return [method for method in found if callable(method) and hasattr(method, "own_page")]
