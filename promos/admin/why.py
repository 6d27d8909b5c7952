"""The desk that answers "why was it refused?", and the goodwill code for the trouble."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from promos import desk, plans
from promos.admin import choices
from promos.admin.pages import page
from promos.models import Customer


class WhyForm(forms.Form):
    email = forms.EmailField(
        required=False, label="Customer's email", widget=UnfoldAdminTextInputWidget({"type": "email"})
    )
    code = forms.CharField(max_length=255, widget=UnfoldAdminTextInputWidget({"class": "promos-code"}))
    plan = forms.ChoiceField(widget=UnfoldAdminSelectWidget)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["plan"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices.list_prices()


class WhyPages:
    """Mixed into the page of code checks."""

    @page("why/", permission="promos.view_codecheck")
    def why(self: Any, request: HttpRequest) -> HttpResponse:
        """Show every rule for an email address, a code and a plan."""
        # Who comes from a customer's page has still to say which code.
        form, case = WhyForm(request.GET if "code" in request.GET else None, initial=request.GET.dict()), None
        if form.is_valid() and (plan := plans.get(form.cleaned_data["plan"])):
            asked = form.cleaned_data
            case = desk.look_into(asked["code"], email=asked["email"], plan=plan, now=timezone.now())
        may_give = request.user.has_perm("promos.give_goodwill")
        context = self.page_context(
            request, title="Why was it refused?", form=form, case=case, may_give=may_give
        )
        return TemplateResponse(request, "admin/promos/why.html", context)

    @page("goodwill/", permission="promos.give_goodwill")
    def goodwill(self: Any, request: HttpRequest) -> HttpResponse:
        """Make a customer a code and say what it is, beside the answer that it was given for."""
        asked = {name: request.POST[name] for name in WhyForm.base_fields if name in request.POST}
        back = redirect(f"{reverse('admin:promos_codecheck_why')}?{urlencode(asked)}")
        if request.method != "POST":
            return back
        key, percent = request.POST.get("customer", ""), request.POST.get("percent_off", "")
        customer = get_object_or_404(Customer, pk=key if key.isdecimal() else 0)
        by, now = cast("User", request.user), timezone.now()
        try:
            percent_off = int(percent) if percent.isdecimal() else 0
            code = desk.give_goodwill(customer, percent_off=percent_off, now=now, by=by)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        else:
            messages.success(request, f"Made {code} for {customer}: {percent_off}% off, once.")
        return back
