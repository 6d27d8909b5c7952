"""The admin's menu with the pages of figures in it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from analytics.pages import registry
from promos.admin import site


def menu(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the entries that somebody may open: the home, the pages of figures, and the rest of the admin."""
    home, *rest = site.menu(request)
    pages = [
        {"title": page.title, "icon": page.icon, "link": page.address}
        for page in registry.for_person(request.user)
    ]
    return [home, {"title": "Analytics", "items": pages}, *rest]
