"""Links from one list of the admin to another."""

from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString


def codes_link(field: str, row: Any) -> SafeString:
    """Return a link to the list of a row's codes."""
    url = reverse("admin:promos_promocode_changelist")
    return format_html('<a href="{}?{}__id__exact={}" class="text-link">Show codes</a>', url, field, row.pk)
