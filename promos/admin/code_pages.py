"""Pages beside the list of codes: export, import, and the preview on the form."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone

from promos.admin import export, importing, preview
from promos.admin.pages import page
from promos.models import PromoCode


class CodePages:
    """Mixed into the page of codes."""

    @page("export/", permission="promos.view_promocode")
    def export(self: Any, request: HttpRequest) -> HttpResponseBase:
        """Answer with what the list is filtered to, as CSV."""
        rows = self.get_changelist_instance(request).get_queryset(request)
        return export.answer(rows, now=timezone.now())

    @page("import/", permission="promos.add_promocode")
    def import_file(self: Any, request: HttpRequest) -> HttpResponse:
        """Check a file; import it when it has been checked."""
        by, now = cast("User", request.user), timezone.now()
        checked, note = None, ""
        form = importing.ImportForm(request.POST or None, request.FILES or None)
        if token := request.POST.get("token"):
            form = importing.ImportForm()
            checked = importing.carry_out(token, by=by, now=now)
            note = "" if checked else "The file was checked too long ago; choose it again."
        elif request.method == "POST" and form.is_valid():
            checked = importing.check(form, by=by, now=now)
        context = self.page_context(
            request, title="Import codes", form=form, checked=checked, note=note, is_wide=True
        )
        return TemplateResponse(request, "admin/promos/import.html", context)

    @page("preview/", permission="promos.view_promocode")
    def preview(self: Any, request: HttpRequest) -> HttpResponse:
        """Answer what a form as typed would cost on each plan and do at Stripe; nothing is saved."""
        pk = request.GET.get("code", "")
        code = PromoCode.objects.select_related("offer").filter(pk=pk).first() if pk.isdecimal() else None
        form = self.get_form(request, code, change=code is not None)(request.POST, instance=code)
        form.is_valid()
        context = {"preview": preview.of(form.offer, form.instance, now=timezone.now())}
        return TemplateResponse(request, "admin/promos/preview.html", context)
