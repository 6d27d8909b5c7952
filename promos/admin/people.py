"""Customers, and the people who may enter the admin."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

# These register pages that are replaced here.
import allauth.account.admin
import allauth.mfa.admin  # noqa: F401
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from promos import roles
from promos.admin.base import ProjectAdmin, ReadOnlyAdmin, dashboard_link
from promos.admin.links import counted_rows
from promos.models import CodeCheck, Customer, LedgerEntry, PromoCode, PromoCodeUsage

for _model in (User, Group, EmailAddress, Authenticator):
    admin.site.unregister(_model)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("email", "username", "is_staff", "is_active", "last_login")
    search_fields = ("email", "username", "first_name", "last_name")
    list_per_page = 50
    show_full_result_count = False
    ordering = ("-pk",)
    # Of the few groups all are seen at once.
    filter_horizontal = ("user_permissions",)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "groups":
            kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget
            kwargs["help_text"] = f"What somebody on the staff may do. {roles.TOLD}"
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # Who may change people must not be able to make themselves more than they are.
        fixed = () if request.user.is_superuser else ("is_superuser", "user_permissions")
        return (*super().get_readonly_fields(request, obj), *fixed)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if isinstance(obj, User) and obj.is_superuser and not request.user.is_superuser:
            return False
        return bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if isinstance(obj, User) and obj.is_superuser and not request.user.is_superuser:
            return False
        return bool(super().has_delete_permission(request, obj))


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    pass


@admin.register(EmailAddress)
class EmailAddressAdmin(ProjectAdmin):
    list_display = ("email", "user", "primary", "verified")
    list_select_related = ("user",)
    list_filter = ("primary", "verified")
    search_fields = ("email",)
    autocomplete_fields = ("user",)


@admin.register(Authenticator)
class AuthenticatorAdmin(ReadOnlyAdmin):
    """A second factor: may be taken away from somebody who lost it, never looked into."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_select_related = ("user",)
    list_filter = ("type",)
    search_fields = ("user__email",)
    fields = ("user", "type", "created_at", "last_used_at")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(ModelAdmin.has_delete_permission(self, request, obj))


@admin.register(Customer)
class CustomerAdmin(ProjectAdmin):
    """People who buy. Made by checkouts; an owner adds one to give a personal code before the first."""

    list_display = ("name", "user", "country", "stripe_link", "created_at")
    list_select_related = ("user",)
    search_fields = ("email", "stripe_customer_id")
    autocomplete_fields = ("user",)
    fieldsets: tuple[Any, ...] = (
        (None, {"fields": ("email", "user", "country", "stripe_link", "created_at")}),
        ("What they did", {"fields": ("redemptions", "payments", "checks", "refusals", "own_codes")}),
    )
    readonly_fields = (
        "country",
        "stripe_link",
        "created_at",
        "redemptions",
        "payments",
        "checks",
        "refusals",
        "own_codes",
    )

    def get_fieldsets(self, request: HttpRequest, obj: Customer | None = None) -> Any:
        return self.fieldsets if obj else self.fieldsets[:1]

    @display(description="Customer", ordering="email")
    def name(self, obj: Customer) -> str:
        return str(obj)

    @display(description="Redemptions")
    def redemptions(self, obj: Customer) -> SafeString | str:
        return counted_rows(PromoCodeUsage, "customer", obj)

    @display(description="Payments and refunds")
    def payments(self, obj: Customer) -> SafeString | str:
        return counted_rows(LedgerEntry, "customer", obj)

    @display(description="Codes they entered")
    def checks(self, obj: Customer) -> SafeString | str:
        return counted_rows(CodeCheck, "customer", obj)

    @display(description="Trouble with a code")
    def refusals(self, obj: Customer) -> SafeString | str:
        url = f"{reverse('admin:promos_codecheck_why')}?{urlencode({'email': obj.email})}"
        return format_html('<a href="{}" class="text-link">Why was it refused?</a>', url) if obj.email else ""

    @display(description="Codes for them alone")
    def own_codes(self, obj: Customer) -> SafeString | str:
        return counted_rows(PromoCode, "customer", obj)

    @display(description="Stripe customer")
    def stripe_link(self, obj: Customer) -> SafeString | str:
        return dashboard_link("customers", obj.stripe_customer_id)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
