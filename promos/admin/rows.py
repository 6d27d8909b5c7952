"""The table of a list, its rows drawn in plain Python: the template tag ``rows``.

Unfold renders a template for every box, badge and menu of every row, and all
headings again for each row: three quarters of the time of a page of codes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from typing import Any

from django.contrib.admin import helpers
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.utils import lookup_field
from django.db.models import ForeignKey, Model
from django.template import Context, Library
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from unfold.admin import checkbox
from unfold.templatetags import unfold_list
from unfold.utils import display_for_field, display_for_label, display_for_value
from unfold.views import ChangeList

register = Library()

#: Draws what a column has of a row.
Column = Callable[[Model], SafeString]

LINK = '<a href="{}" class="{}">{}</a>'
#: Opens the one menu of admin/promos/row_menu.html for its row.
MENU = (
    '<button type="button" class="material-symbols-outlined" data-row="{}" aria-label="{}" '
    'aria-haspopup="true">more_horiz</button>'
)


@register.inclusion_tag("admin/change_list_results.html", takes_context=True)
def rows(context: Context, cl: ChangeList) -> dict[str, Any]:
    """Return what Unfold's template of a list's table takes; menus are columns here."""
    headers = list(unfold_list.result_headers(cl))
    columns = list(_columns(cl, headers))
    if context.get("actions_row"):
        columns.append(_menus())
    return {
        "cl": cl,
        "result_headers": headers,
        "num_sorted_fields": sum(header["sortable"] and header["sorted"] for header in headers),
        "results": [unfold_list.UnfoldResultList(row, None, [_row(columns, row)]) for row in cl.result_list],
        "has_add_permission": cl.model_admin.has_add_permission(context["request"]),
    }


def _row(columns: list[Column], row: Model) -> SafeString:
    return format_html_join("", "{}", ((column(row),) for column in columns))


def _columns(cl: ChangeList, headers: list[dict[str, Any]]) -> Iterator[Column]:
    links = cl.list_display_links or ()
    for name, header in zip(cl.list_display, headers, strict=True):
        if name == "action_checkbox":
            yield _boxes()
        else:
            content = partial(_linked if name in links else _shown, cl, name)
            classes = (f"field-{name}", *unfold_list.ROW_CLASSES)
            yield _column(header["text"], classes, content, tag="th" if name in links[:1] else "td")


def _boxes() -> Column:
    # Drawn once, for every row to put its key in.
    box = checkbox.render(helpers.ACTION_CHECKBOX_NAME, "{}")
    label = gettext("Select record")
    return _column(label, unfold_list.CHECKBOX_CLASSES, lambda row: format_html(box, row.pk))


def _menus() -> Column:
    label = gettext("More actions")
    classes = ("row-actions", *unfold_list.ROW_CLASSES)
    return _column(label, classes, lambda row: format_html(MENU, row.pk, label))


def _column(
    label: str, classes: Iterable[str], content: Callable[[Model], str], *, tag: str = "td"
) -> Column:
    opening = format_html('<{} class="{}" data-label="{}">', tag, " ".join(classes), label)
    closing = format_html("</{}>", tag)
    return lambda row: opening + conditional_escape(content(row)) + closing


def _linked(cl: ChangeList, name: str, row: Model) -> SafeString:
    """Return a link to the page of a row, from which one comes back to the list as it is filtered."""
    kept = {"preserved_filters": cl.preserved_filters, "opts": cl.opts}
    address = add_preserved_filters(kept, cl.url_for_result(row))
    return format_html(LINK, address, " ".join(unfold_list.LINK_CLASSES), _shown(cl, name, row))


def _shown(cl: ChangeList, name: str, row: Model) -> str:
    """Return what a list shows of a row in a column."""
    field, method, value = lookup_field(name, row, cl.model_admin)
    empty = getattr(method, "empty_value_display", cl.model_admin.get_empty_value_display())
    if isinstance(field, ForeignKey):
        return empty if value is None else str(value)
    if field is not None:
        return display_for_field(value, field, empty)
    if colours := getattr(method, "label", None):
        return _badge(value, colours.get(value))
    return display_for_value(value, empty, getattr(method, "boolean", False))


@lru_cache(maxsize=1000)
def _badge(text: str, colour: str | None) -> SafeString:
    return display_for_label(text, "", {text: colour})
