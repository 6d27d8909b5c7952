"""What Stripe has of us, read-only: coupons, promotion codes and the inbox of webhook events."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter, RangeDateTimeFilter
from unfold.decorators import display

from promos.admin.actions import Deed, Skipped, Words, action
from promos.admin.base import ReadOnlyAdmin, by_label, dashboard_link
from promos.admin.health import HealthPage
from promos.admin.mirror import pretty
from promos.models import StripeCoupon, StripePromotionCode, WebhookEvent
from promos.webhooks import queue, receivers

COUPON_COLOURS = by_label(
    {
        StripeCoupon.State.LIVE: "success",
        StripeCoupon.State.CREATING: "info",
        StripeCoupon.State.DELETED: "danger",
    }
)
PROMOTION_CODE_COLOURS = by_label(
    {
        StripePromotionCode.State.CURRENT: "success",
        StripePromotionCode.State.CREATING: "info",
    }
)
EVENT_COLOURS = {"Processed": "success", "Waiting": "info", "Retrying": "warning", "Left aside": "info"}


@admin.register(StripeCoupon)
class StripeCouponAdmin(ReadOnlyAdmin):
    list_display = ("stripe_coupon_id", "offer", "version", "state_badge", "created_at")
    list_select_related = ("offer",)
    list_filter = (("state", ChoicesDropdownFilter),)
    search_fields = ("stripe_coupon_id", "offer__name")
    fields = ("stripe_link", "offer", "version", "state_badge", "created_at", "terms")

    @display(description="State", ordering="state", label=COUPON_COLOURS)
    def state_badge(self, obj: StripeCoupon) -> str:
        return obj.get_state_display()

    @display(description="Stripe coupon")
    def stripe_link(self, obj: StripeCoupon) -> SafeString | str:
        return dashboard_link("coupons", obj.stripe_coupon_id)

    @display(description="Terms last agreed with Stripe")
    def terms(self, obj: StripeCoupon) -> SafeString:
        return pretty(obj.synced_terms)


@admin.register(StripePromotionCode)
class StripePromotionCodeAdmin(ReadOnlyAdmin):
    list_display = (
        "stripe_promotion_code_id",
        "promo_code",
        "generation",
        "state_badge",
        "times_redeemed",
        "created_at",
    )
    list_select_related = ("promo_code",)
    list_filter = (("state", ChoicesDropdownFilter),)
    search_fields = ("stripe_promotion_code_id", "promo_code__code")
    fields = (
        "stripe_link",
        "promo_code",
        "generation",
        "stripe_coupon",
        "state_badge",
        "retired_reason",
        "times_redeemed",
        "created_at",
        "terms",
    )

    @display(description="State", ordering="state", label=PROMOTION_CODE_COLOURS)
    def state_badge(self, obj: StripePromotionCode) -> str:
        return obj.get_state_display()

    @display(description="Stripe promotion code")
    def stripe_link(self, obj: StripePromotionCode) -> SafeString | str:
        return dashboard_link("promotion_codes", obj.stripe_promotion_code_id)

    @display(description="Terms last agreed with Stripe")
    def terms(self, obj: StripePromotionCode) -> SafeString:
        return pretty(obj.synced_terms)


class EventTypeFilter(DropdownFilter):
    """Filter events by type; the choices come from the registry, not from a walk over all events."""

    title = "type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(event_type, event_type) for event_type in sorted(receivers.REGISTRY)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[WebhookEvent]) -> QuerySet[WebhookEvent]:
        return queryset.filter(type=self.value()) if self.value() else queryset


class EventStateFilter(DropdownFilter):
    """Filter events by what became of them."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("failed", "Retrying"),
            ("waiting", "Waiting"),
            ("done", "Processed"),
            ("aside", "Left aside"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[WebhookEvent]) -> QuerySet[WebhookEvent]:
        unprocessed, processed = (queryset.filter(processed_at__isnull=is_open) for is_open in (True, False))
        was_left_aside = ~Q(error="") & Q(mirrored_at__isnull=False)
        match self.value():
            case "failed":
                return unprocessed.exclude(error="")
            case "waiting":
                return unprocessed.filter(error="")
            case "done":
                return processed.exclude(was_left_aside)
            case "aside":
                return processed.filter(was_left_aside)
        return queryset


PROCESS_AGAIN = Words(
    title="Process again",
    past="Queued",
    explanation="The worker takes the event again at once. Nothing is counted twice.",
    icon="replay",
)
LEAVE_ASIDE = Words(
    title="Leave aside",
    past="Left aside",
    explanation="It is not tried again, and what it tells is not recorded here. It can still be processed again.",
    icon="block",
)


@admin.register(WebhookEvent)
class WebhookEventAdmin(HealthPage, ReadOnlyAdmin):
    list_display = ("received_at", "type", "state_badge", "object_id", "attempts", "stripe_event_id")
    list_filter = (EventStateFilter, EventTypeFilter, ("received_at", RangeDateTimeFilter))
    search_fields = ("stripe_event_id", "object_id", "type")
    ordering = ("-received_at", "-pk")
    actions = ("process_again", "leave_aside")
    actions_row = ("process_again", "leave_aside")
    actions_detail = ("process_again", "leave_aside")
    fieldsets = (
        (None, {"fields": ("type", "state_badge", "error", "event_link", "object_id")}),
        ("When", {"fields": ("received_at", "processed_at", "mirrored_at", "attempts", "next_try_at")}),
        ("As Stripe sent it", {"fields": ("api_version", "livemode", "pretty_payload")}),
    )

    @display(description="State", label=EVENT_COLOURS)
    def state_badge(self, obj: WebhookEvent) -> str:
        if obj.processed_at is not None:
            is_left_aside = obj.error and obj.mirrored_at is not None
            return "Left aside" if is_left_aside else "Processed"
        return "Retrying" if obj.error else "Waiting"

    @display(description="Event")
    def event_link(self, obj: WebhookEvent) -> SafeString | str:
        return dashboard_link("events", obj.stripe_event_id)

    @display(description="Payload")
    def pretty_payload(self, obj: WebhookEvent) -> SafeString:
        return pretty(obj.payload)

    @action(PROCESS_AGAIN)
    def process_again(self, event: WebhookEvent, deed: Deed) -> None:
        queue.process_again(WebhookEvent.objects.filter(pk=event.pk), deed.now)

    @action(LEAVE_ASIDE)
    def leave_aside(self, event: WebhookEvent, deed: Deed) -> None:
        if not queue.leave_aside(WebhookEvent.objects.filter(pk=event.pk), deed.now):
            raise Skipped("it is not being retried")
