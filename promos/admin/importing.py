"""Taking codes over from a CSV file: first what would become of each row, then the import itself."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime

from django import forms
from django.contrib.auth.models import User
from django.core.cache import cache
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldBooleanSwitchWidget

from promos.imports import columns, importer, tables
from promos.imports.importer import Outcome, Report, Request

#: For how long a checked file waits to be imported.
KEPT_SECONDS = 3600
#: Rows with trouble that the page names.
SHOWN_AT_MOST = 200
TROUBLE = (Outcome.REFUSED, Outcome.SKIPPED)


class ImportForm(forms.Form):
    file = forms.FileField(
        label="CSV file",
        widget=UnfoldAdminFileFieldWidget({"accept": ".csv,text/csv"}),
        help_text=(
            "UTF-8; the first line names the columns, of which code and a value (percent_off, or amount_off with "
            f"currency) are needed. Understood are {', '.join(columns.ALIASES)}, and what other systems call them."
        ),
    )
    skip_bad = forms.BooleanField(
        required=False,
        label="Leave bad rows out",
        widget=UnfoldBooleanSwitchWidget,
        help_text="Otherwise one bad row keeps the whole file out.",
    )

    def clean_file(self) -> bytes:
        upload = self.cleaned_data["file"]
        if upload.size > tables.MAX_BYTES:
            raise forms.ValidationError(f"The file is larger than {tables.MAX_BYTES // 2**20} MiB; split it.")
        return bytes(upload.read())


class Checked:
    """A file that was checked, kept for whoever sent it until it is imported."""

    def __init__(self, request: Request, report: Report, token: str) -> None:
        self.request, self.report, self.token = request, report, token

    @property
    def counts(self) -> list[tuple[str, int]]:
        names = {
            Outcome.READY: "would be imported",
            Outcome.IMPORTED: "imported",
            Outcome.SKIPPED: "passed over",
            Outcome.REFUSED: "refused",
        }
        return [(name, count) for outcome, name in names.items() if (count := self.report.count(outcome))]

    @property
    def trouble(self) -> list[importer.Row]:
        return [row for row in self.report.rows if row.outcome in TROUBLE][:SHOWN_AT_MOST]

    @property
    def may_be_imported(self) -> bool:
        return not self.report.refusal and self.report.count(Outcome.READY) > 0


def check(form: ImportForm, *, by: User, now: datetime) -> Checked | None:
    """Say what would become of a form's file, and keep it; None, with an error on the form, when it is no table."""
    request = Request(form.cleaned_data["file"], skip_bad=form.cleaned_data["skip_bad"], dry_run=True)
    try:
        report = importer.run(request, now=now, by=by)
    except (importer.Unreadable, importer.Mismatch) as error:
        form.add_error("file", str(error))
        return None
    token = secrets.token_urlsafe()
    cache.set(_key(token, by), request, KEPT_SECONDS)
    return Checked(request, report, token)


def carry_out(token: str, *, by: User, now: datetime) -> Checked | None:
    """Import a file that was checked; None when it is not kept any more."""
    request: Request | None = cache.get(_key(token, by))
    if request is None:
        return None
    request = replace(request, dry_run=False)
    return Checked(request, importer.run(request, now=now, by=by), token="")


def _key(token: str, by: User) -> str:
    return f"promos-import-{by.pk}-{token}"
