"""Actions on one row, on a page and on many rows: one operation, three ways to reach it.

Unfold runs row and page actions by GET, without CSRF protection and without a
permission check. ``action`` is the only way this project declares one: it asks
for the permission, answers GET with a dialog, acts on POST only, and counts
what was done, skipped and failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from typing import Any, cast

from django.contrib import messages
from django.contrib.admin import ModelAdmin, helpers
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.text import Truncator, get_text_list
from django_htmx.http import HttpResponseClientRedirect
from unfold.dataclasses import ActionDialog
from unfold.decorators import action as unfold_action
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm

from promos import history
from promos.admin.fields import WhyField

#: Named in a message; the rest are only counted.
NAMED_AT_MOST = 3
#: Of a row's name in a question.
NAME_LENGTH = 60
BLOCK_SIZE = 500
#: More would outlast the request; a batch or a campaign is paused as a whole.
ROWS_AT_MOST = 10_000


@dataclass(frozen=True)
class Deed:
    """One run of an action: when, by whom, and what the dialog's form was told."""

    now: datetime
    by: User
    answers: Mapping[str, Any]
    # Fingerprints of the terms that were shown before.
    seen: frozenset[str] = frozenset()

    @property
    def why(self) -> str:
        return str(self.answers.get("why", ""))


#: What an action does to one row; raises Skipped or ValidationError.
Operation = Callable[[Any, Any, Deed], None]


class WhyForm(BaseDialogForm):
    """Asks for the reason, which the history keeps."""

    why = WhyField()


@dataclass(frozen=True)
class Terms:
    """What is agreed to: the terms of one row, or of several that have the same."""

    names: list[str]
    in_words: str
    fingerprint: str

    @property
    def whose(self) -> str:
        return _names(self.names)


class AgreeForm(WhyForm):
    """Shows the terms that are agreed to; their fingerprints come back, and no other terms are agreed to."""

    form_before_template = "admin/promos/seen_terms.html"

    def get_before_template_context(
        self, request: HttpRequest, object_id: int | str | None = None
    ) -> dict[str, Any]:
        return {"seen": self.terms_of([object_id] if str(object_id).isdecimal() else [])}

    def terms_of(self, keys: Sequence[Any]) -> list[Terms]:
        """Return the different terms of the rows that wait for somebody to agree."""
        shown: dict[str, Terms] = {}
        for row in self.waiting(keys):
            fingerprint = self.fingerprint(row)
            if fingerprint not in shown:
                shown[fingerprint] = Terms([], self.in_words(row), fingerprint)
            shown[fingerprint].names.append(str(row))
        return list(shown.values())

    def waiting(self, keys: Sequence[Any]) -> Iterable[Any]:
        """Return those of the rows that wait."""
        raise NotImplementedError

    def fingerprint(self, row: Any) -> str:
        raise NotImplementedError

    def in_words(self, row: Any) -> str:
        raise NotImplementedError


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
    """How an action speaks: its button, what it says before and after, what it asks, and who may."""

    title: str
    past: str
    explanation: str
    icon: str
    is_final: bool = False
    form: type[BaseDialogForm] = BaseDialogForm
    # Of several rows too its form must be filled in first.
    asks: bool = False
    permission: str = "act"

    def dialog(self, row: Model | None = None) -> ActionDialog:
        """Return what is asked before acting on a row, which the question names."""
        named = f": {Truncator(row).chars(NAME_LENGTH)}" if row else ""
        return ActionDialog(
            title=f"{self.title}{named}?",
            description=self.explanation,
            form_class=self.form,
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
            return _on_many(operation, words, model_admin, request, queryset)

        return on_one_or_many

    return decorate


def _on_one(operation: Operation, words: Words) -> Callable[..., HttpResponse]:
    @wraps(operation)
    def act(
        model_admin: ModelAdmin, request: HttpRequest, form: BaseDialogForm, object_id: str
    ) -> HttpResponse:
        row = model_admin.get_object(request, object_id)
        if row is None:
            raise Http404
        _run(operation, words, model_admin, request, [row], form.cleaned_data)
        return _back(request, model_admin)

    def asking_of(row: Model | None) -> Callable[..., HttpResponse]:
        decorated: Callable[..., HttpResponse] = unfold_action(
            description=words.title,
            permissions=(words.permission,),
            dialog=words.dialog(row),
            icon=words.icon,
            variant=ActionVariant.DANGER if words.is_final else ActionVariant.DEFAULT,
        )(act)
        return decorated

    # Unfold has one dialog for all rows; this asks of the row at hand.
    @wraps(asking_of(None))
    def on_one(model_admin: ModelAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
        row = model_admin.get_object(request, object_id)
        return asking_of(row)(model_admin, request, object_id=object_id)

    return on_one


def _on_many(
    operation: Operation,
    words: Words,
    model_admin: ModelAdmin,
    request: HttpRequest,
    queryset: QuerySet[Model],
) -> HttpResponse | None:
    keys = list(queryset.values_list("pk", flat=True)[: ROWS_AT_MOST + 1])
    if len(keys) > ROWS_AT_MOST:
        model_admin.message_user(
            request, f"Select at most {ROWS_AT_MOST:,} rows; filter the list first.", messages.ERROR
        )
        return None
    is_confirmed = "confirmed" in request.POST
    form = words.form(request=request, data=request.POST if is_confirmed else None)
    if (words.is_final or words.asks) and not (is_confirmed and form.is_valid()):
        return _confirmation(words, operation.__name__, model_admin, request, keys, form)
    answers = form.cleaned_data if is_confirmed else {}
    _run(operation, words, model_admin, request, _in_blocks(model_admin, keys), answers)
    return None


def _in_blocks(model_admin: ModelAdmin, keys: Sequence[Any]) -> Iterator[Model]:
    """Yield the rows; their keys were read first, since acting on a row may take it out of what was filtered."""
    for start in range(0, len(keys), BLOCK_SIZE):
        yield from model_admin.model._default_manager.filter(pk__in=keys[start : start + BLOCK_SIZE])


def _run(
    operation: Operation,
    words: Words,
    model_admin: ModelAdmin,
    request: HttpRequest,
    rows: Iterable[Model],
    answers: Mapping[str, Any],
) -> None:
    seen = frozenset(request.POST.getlist("seen"))
    tally, deed = Tally(), Deed(timezone.now(), cast("User", request.user), answers, seen)
    for row in rows:
        try:
            with history.because(deed.why):
                operation(model_admin, row, deed)
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
    words: Words,
    name: str,
    model_admin: ModelAdmin,
    request: HttpRequest,
    keys: Sequence[Any],
    form: BaseDialogForm,
) -> HttpResponse:
    context = {
        **model_admin.admin_site.each_context(request),
        "title": f"{words.title}?",
        "words": words,
        "action": name,
        "opts": model_admin.opts,
        "media": model_admin.media,
        "form": form,
        "seen": form.terms_of(keys) if isinstance(form, AgreeForm) else [],
        "count": len(keys),
        "selected": request.POST.getlist(helpers.ACTION_CHECKBOX_NAME),
        "select_across": request.POST.get("select_across", "0"),
        "action_checkbox_name": helpers.ACTION_CHECKBOX_NAME,
    }
    return TemplateResponse(request, "admin/promos/confirm_action.html", context)
