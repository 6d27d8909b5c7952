"""Keys to the JSON API: made here, shown once, revoked. A key may do what its user may, so only owners make one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import ForeignKey
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from unfold.decorators import display

from promos import api_tokens
from promos.admin.actions import Deed, Skipped, Words, action
from promos.admin.base import ReadOnlyAdmin
from promos.models import ApiToken

REVOKE = Words(
    title="Revoke",
    past="Revoked",
    explanation="Programs that use it are shut out at once, for good.",
    icon="key_off",
    is_final=True,
)


class ApiTokenForm(forms.ModelForm):
    class Meta:
        model = ApiToken
        fields = ("user", "name", "expires_at")
        help_texts = {"expires_at": "Empty: until it is revoked."}

    def clean_expires_at(self) -> Any:
        expires_at = self.cleaned_data["expires_at"]
        if expires_at and expires_at <= timezone.now():
            raise ValidationError("Choose a time to come.", "past")
        return expires_at


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    form = ApiTokenForm
    list_display = ("name", "hint", "user", "state", "created_at", "expires_at", "used_at")
    list_select_related = ("user",)
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    search_fields = ("name", "hint", "user__email")
    autocomplete_fields = ("user",)
    fields = ("user", "name", "hint", "state", "created_at", "expires_at", "revoked_at", "used_at")
    actions = ("revoke",)
    actions_row = ("revoke",)
    actions_detail = ("revoke",)

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        return super().get_fields(request, obj) if obj else ApiTokenForm.Meta.fields

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("promos.add_apitoken"))

    def formfield_for_foreignkey(self, db_field: ForeignKey, request: HttpRequest, **kwargs: Any) -> Any:
        # With a superuser's key somebody would be more than they are.
        people = User.objects.filter(is_active=True)
        kwargs["queryset"] = people if request.user.is_superuser else people.exclude(is_superuser=True)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @sensitive_variables("key")
    def save_model(self, request: HttpRequest, obj: Any, form: ApiTokenForm, change: bool) -> None:
        token, key = api_tokens.issue(obj.user, name=obj.name, now=timezone.now(), expires_at=obj.expires_at)
        obj.pk, obj.hint, obj.key = token.pk, token.hint, key

    def response_add(self, request: HttpRequest, obj: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the key in this answer only: it is in no message, session, cache or log."""
        context = self.page_context(request, title=f"The key “{obj.name}”", token=obj, key=obj.key)
        return TemplateResponse(request, "admin/promos/new_token.html", context)

    @action(REVOKE)
    def revoke(self, token: ApiToken, deed: Deed) -> None:
        if not api_tokens.revoke(token, now=deed.now):
            raise Skipped("revoked before")

    @display(description="State", label={"Good": "success", "Revoked": "danger", "Over": "warning"})
    def state(self, obj: ApiToken) -> str:
        return api_tokens.state(obj, now=timezone.now())
