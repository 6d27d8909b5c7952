"""Links from one list of the admin to another."""

from typing import Any

from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString


def codes_link(field: str, row: Any) -> SafeString:
    """Return a link to the list of a row's codes."""
    url = reverse("admin:promos_promocode_changelist")
    return format_html('<a href="{}?{}__id__exact={}" class="text-link">Show codes</a>', url, field, row.pk)


def counted_rows(model: type[Model], field: str, row: Model) -> SafeString | str:
    """Return how many rows of a model are a row's by ``field``, linked to their list: "3 redemptions"."""
    opts, count = model._meta, model._default_manager.filter(**{field: row}).count()
    if not count:
        return f"No {opts.verbose_name_plural}"
    url = reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
    name = opts.verbose_name if count == 1 else opts.verbose_name_plural
    link = '<a href="{}?{}__id__exact={}" class="text-link">{} {}</a>'
    return format_html(link, url, field, row.pk, f"{count:,}", name)
