"""Actions on one row, on a page and on many rows: one operation, three ways to reach it.

Unfold runs row and page actions by GET, without CSRF protection and without a
permission check. ``action`` is the only way this project declares one: it asks
for the permission, answers GET with a dialog, acts on POST only, and counts
what was done, skipped and failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin, helpers
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.text import get_text_list
from django_htmx.http import HttpResponseClientRedirect
from unfold.dataclasses import ActionDialog
from unfold.decorators import action as unfold_action
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm

#: What an action does to one row at a moment; raises Skipped or ValidationError.
Operation = Callable[[Any, Any, datetime], None]

#: Named in a message; the rest are only counted.
NAMED_AT_MOST = 3
BLOCK_SIZE = 500


class Skipped(Exception):
    """The row needs nothing done; the text says why."""


@dataclass
class Tally:
    """What became of each row."""

    done: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def report(self, past: str) -> str:
        """Return one sentence for each outcome that occurred: "Paused LAUNCH50. 2 skipped: …"."""
        sentences = []
        if self.done:
            sentences.append(f"{past} {_names(self.done)}.")
        if self.skipped:
            sentences.append(f"{len(self.skipped)} skipped: {_names(self.skipped)}.")
        if self.failed:
            sentences.append(f"{len(self.failed)} failed: {_names(self.failed)}.")
        return " ".join(sentences) or "Nothing was selected."

    @property
    def level(self) -> int:
        if self.failed:
            return messages.ERROR
        return messages.SUCCESS if self.done else messages.WARNING


@dataclass(frozen=True)
class Words:
    """How an action speaks: its button, what it says before and after, and whether it can be undone."""

    title: str
    past: str
    explanation: str
    icon: str
    is_final: bool = False

    @property
    def dialog(self) -> ActionDialog:
        return ActionDialog(
            title=f"{self.title}?",
            description=self.explanation,
            form_class=BaseDialogForm,
            form_submit_text=self.title,
        )


def action(words: Words) -> Callable[[Operation], Callable[..., HttpResponse | None]]:
    """Turn an operation on one row into a row, page and bulk action that needs the right to change rows."""

    def decorate(operation: Operation) -> Callable[..., HttpResponse | None]:
        on_one = _on_one(operation, words)

        @wraps(on_one)
        def on_one_or_many(
            model_admin: ModelAdmin,
            request: HttpRequest,
            queryset: QuerySet[Model] | None = None,
            object_id: str = "",
        ) -> HttpResponse | None:
            if queryset is None:
                return on_one(model_admin, request, object_id=object_id)
            if words.is_final and "confirmed" not in request.POST:
                return _confirmation(words, operation.__name__, model_admin, request, queryset)
            _run(operation, words, model_admin, request, _in_blocks(queryset))
            return None

        return on_one_or_many

    return decorate


def _on_one(operation: Operation, words: Words) -> Callable[..., HttpResponse]:
    @unfold_action(
        description=words.title,
        permissions=("act",),
        dialog=words.dialog,
        icon=words.icon,
        variant=ActionVariant.DANGER if words.is_final else ActionVariant.DEFAULT,
    )
    @wraps(operation)
    def on_one(
        model_admin: ModelAdmin, request: HttpRequest, form: BaseDialogForm, object_id: str
    ) -> HttpResponse:
        row = model_admin.get_object(request, object_id)
        if row is None:
            raise Http404
        _run(operation, words, model_admin, request, [row])
        return _back(request, model_admin)

    return on_one


def _in_blocks(queryset: QuerySet[Model]) -> Iterator[Model]:
    """Yield the rows; keys are read first, since acting on a row may take it out of what was filtered."""
    keys = list(queryset.values_list("pk", flat=True))
    for start in range(0, len(keys), BLOCK_SIZE):
        yield from queryset.model._default_manager.filter(pk__in=keys[start : start + BLOCK_SIZE])


def _run(
    operation: Operation,
    words: Words,
    model_admin: ModelAdmin,
    request: HttpRequest,
    rows: Iterable[Model],
) -> None:
    tally, now = Tally(), timezone.now()
    for row in rows:
        try:
            operation(model_admin, row, now)
        except Skipped as reason:
            tally.skipped.append(f"{row} ({reason})")
        except ValidationError as error:
            tally.failed.append(f"{row} ({get_text_list(error.messages, 'and')})")
        else:
            tally.done.append(str(row))
    model_admin.message_user(request, tally.report(words.past), tally.level)


def _names(names: list[str]) -> str:
    named = names[:NAMED_AT_MOST]
    rest = len(names) - len(named)
    return get_text_list([*named, *([f"{rest} more"] if rest else [])], "and")


def _back(request: HttpRequest, model_admin: ModelAdmin) -> HttpResponse:
    """Return to the page on which the dialog was opened; without htmx, to the list."""
    page = request.htmx.current_url_abs_path if request.htmx else None  # type: ignore[attr-defined]
    if page:
        return HttpResponseClientRedirect(page)
    opts = model_admin.opts
    return redirect(f"{model_admin.admin_site.name}:{opts.app_label}_{opts.model_name}_changelist")


def _confirmation(
    words: Words, name: str, model_admin: ModelAdmin, request: HttpRequest, queryset: QuerySet[Model]
) -> HttpResponse:
    context = {
        **model_admin.admin_site.each_context(request),
        "title": f"{words.title}?",
        "words": words,
        "action": name,
        "opts": model_admin.opts,
        "media": model_admin.media,
        "count": queryset.count(),
        "selected": request.POST.getlist(helpers.ACTION_CHECKBOX_NAME),
        "select_across": request.POST.get("select_across", "0"),
        "action_checkbox_name": helpers.ACTION_CHECKBOX_NAME,
    }
    return TemplateResponse(request, "admin/promos/confirm_action.html", context)
