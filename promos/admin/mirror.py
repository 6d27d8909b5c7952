"""dj-stripe's mirror of Stripe, read-only.

Its own admin pages edit the mirror without telling Stripe, answer 500 to a
search on several models and show secrets: all of them are taken away, and the
models that are mirrored here get pages of ours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import djstripe.admin  # noqa: F401  (registers its pages, so that they can be taken away)
from django.apps import apps
from django.contrib import admin
from django.db.models import Model
from django.utils.html import format_html
from django.utils.safestring import SafeString
from djstripe.models import Account, APIKey, Coupon, Event, Price, Product, PromotionCode, WebhookEndpoint
from unfold.decorators import display

from promos.admin.base import ReadOnlyAdmin, dashboard_link, in_money

apps.get_app_config("djstripe").verbose_name = "Stripe mirror"
for _model in [model for model in admin.site._registry if model._meta.app_label == "djstripe"]:
    admin.site.unregister(_model)


class MirrorAdmin(ReadOnlyAdmin):
    """One mirrored object: its columns of interest and the whole of what Stripe sent."""

    #: The object's path in the Stripe dashboard.
    dashboard_path = ""
    ordering = ("-created", "-djstripe_id")
    details: tuple[str, ...] = ()

    def get_fieldsets(self, request: Any, obj: Any = None) -> Any:
        return (
            (None, {"fields": ("stripe_link", *self.details, "livemode", "created", "djstripe_updated")}),
            ("As Stripe sent it", {"fields": ("pretty_data",)}),
        )

    @display(description="Stripe id", ordering="id")
    def stripe_link(self, obj: Any) -> SafeString | str:
        return dashboard_link(self.dashboard_path, obj.id)

    @display(description="Data")
    def pretty_data(self, obj: Any) -> SafeString:
        return pretty(obj.stripe_data)


class SecretAdmin(MirrorAdmin):
    """An object whose row holds a secret: only the named fields are shown and searched."""

    def get_fieldsets(self, request: Any, obj: Any = None) -> Any:
        return ((None, {"fields": ("id", *self.details, "livemode", "created")}),)


def pretty(data: Any) -> SafeString:
    """Return JSON laid out for reading, escaped: it may hold text that customers typed."""
    text = json.dumps(without_secrets(data), indent=2, sort_keys=True, ensure_ascii=False)
    return format_html('<pre class="promos-json" tabindex="0">{}</pre>', text)


def without_secrets(data: Any) -> Any:
    """Return JSON data with the value of every ``secret`` and ``client_secret`` blanked."""
    if isinstance(data, Mapping):
        return {
            key: "(hidden)" if key in {"secret", "client_secret"} and value else without_secrets(value)
            for key, value in data.items()
        }
    return [without_secrets(item) for item in data] if isinstance(data, list) else data


def _data(obj: Model, key: str) -> str:
    return str(getattr(obj, "stripe_data", {}).get(key) or "")


@admin.register(Product)
class ProductAdmin(MirrorAdmin):
    dashboard_path = "products"
    list_display = ("name", "id", "active", "created")
    list_filter = ("active",)
    search_fields = ("id", "name")
    details = ("name", "active")


@admin.register(Price)
class PriceAdmin(MirrorAdmin):
    dashboard_path = "prices"
    list_display = ("id", "product", "amount", "interval", "active", "created")
    list_select_related = ("product",)
    list_filter = ("active",)
    search_fields = ("id", "nickname", "product__name")
    details = ("product", "amount", "interval", "nickname", "active")

    @display(description="Amount")
    def amount(self, obj: Price) -> str:
        return in_money(obj.stripe_data.get("unit_amount"), obj.currency)

    @display(description="Every")
    def interval(self, obj: Price) -> str:
        recurring = obj.stripe_data.get("recurring")
        if not recurring:
            return "one-time"
        count = recurring.get("interval_count", 1)
        return recurring["interval"] if count == 1 else f"{count} {recurring['interval']}s"


@admin.register(Coupon)
class CouponAdmin(MirrorAdmin):
    dashboard_path = "coupons"
    list_display = ("id", "coupon_name", "created")
    search_fields = ("id", "stripe_data__name")
    details = ("coupon_name",)

    @display(description="Name")
    def coupon_name(self, obj: Coupon) -> str:
        return _data(obj, "name")


@admin.register(PromotionCode)
class PromotionCodeAdmin(MirrorAdmin):
    dashboard_path = "promotion_codes"
    list_display = ("id", "text", "is_active", "created")
    search_fields = ("id", "stripe_data__code")
    details = ("text", "is_active")

    @display(description="Code")
    def text(self, obj: PromotionCode) -> str:
        return _data(obj, "code")

    @display(description="Active", boolean=True)
    def is_active(self, obj: PromotionCode) -> bool:
        return bool(obj.stripe_data.get("active"))


@admin.register(Event)
class EventAdmin(MirrorAdmin):
    dashboard_path = "events"
    list_display = ("type", "id", "livemode", "created")
    search_fields = ("id", "type", "request_id")
    details = ("type", "api_version", "request_id", "idempotency_key")

    @display(description="Data")
    def pretty_data(self, obj: Event) -> SafeString:
        return pretty(obj.data)


@admin.register(Account)
class AccountAdmin(MirrorAdmin):
    dashboard_path = "settings/account"
    list_display = ("id", "email", "country", "livemode", "created")
    search_fields = ("id", "stripe_data__email", "stripe_data__business_profile__name")
    details = ("email", "country")

    @display(description="Email")
    def email(self, obj: Account) -> str:
        return _data(obj, "email")

    @display(description="Country")
    def country(self, obj: Account) -> str:
        return _data(obj, "country")

    @display(description="Stripe id", ordering="id")
    def stripe_link(self, obj: Any) -> str:
        return str(obj.id)


@admin.register(APIKey)
class APIKeyAdmin(SecretAdmin):
    # A key without a name is shown as Stripe's dashboard shows it: its ends only.
    list_display = ("__str__", "type", "livemode", "created")
    search_fields = ("id", "name")
    details = ("name", "type")


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(SecretAdmin):
    dashboard_path = "webhooks"
    list_display = ("url", "id", "status", "api_version", "created")
    search_fields = ("id", "url")
    details = ("url", "status", "api_version", "enabled_events")
