"""The owner's list of codes, the page of one code, and what can be done with it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter, RelatedDropdownFilter
from unfold.dataclasses import UnfoldAction
from unfold.decorators import action as unfold_action
from unfold.decorators import display
from unfold.views import ChangeList

from promos import codes, history, offers, promo_codes
from promos.admin import approving, choices, code_chart, code_words, site
from promos.admin.actions import Deed, Skipped, action
from promos.admin.base import ProjectAdmin, admin_link, by_label, in_money
from promos.admin.code_filters import ProductFilter, StatusFilter, UsesFilter
from promos.admin.code_form import PromoCodeForm, initial_of
from promos.admin.code_pages import CodePages
from promos.admin.conflicts import ANSWERS, CONFLICT, ConflictMixin
from promos.admin.lists import CodeList
from promos.admin.sharing import SHARING, Sharing
from promos.admin.stripe_side import STRIPE, StripeSide
from promos.admin.terms_form import CONDITIONS, TERMS
from promos.models import PromoCode
from promos.models.codes import PromoCodeQuerySet
from promos.models.limits import LIMITS

STATUS_COLOURS = by_label(
    {
        codes.Status.ACTIVE: "success",
        codes.Status.SCHEDULED: "info",
        codes.Status.PAUSED: "warning",
        codes.Status.WAITING: "warning",
        codes.Status.USED_UP: "info",
        codes.Status.EXPIRED: "info",
    }
)
SYNC_COLOURS = by_label(
    {
        PromoCode.SyncStatus.SYNCED: "success",
        PromoCode.SyncStatus.PENDING: "info",
        PromoCode.SyncStatus.ERROR: "danger",
        PromoCode.SyncStatus.CONFLICT: "danger",
    }
)
#: Names the code whose terms a new one begins with.
COPY_OF = "copy"
#: What an action says of a code that was archived before.
ARCHIVED = "it is archived"

CODE_AND_CAMPAIGN = '<span class="two-lines"><strong>{}</strong><span>{}</span></span>'

ABOUT = ("Code", {"fields": ("code", "campaign", "description")})
TERMS_TO_EDIT = ("What it gives", {"fields": TERMS})
TERMS_TO_READ = ("What it gives", {"fields": ("value", "products", "offer_link")})
LIMITS_TO_EDIT = ("Who may use it, and when", {"fields": (*LIMITS, "customer")})
LIMITS_TO_READ = (
    "Who may use it, and when",
    {
        "fields": (
            "starts_at",
            "expires_at",
            "max_redemptions",
            "max_redemptions_per_customer",
            "first_time_only",
            "minimum",
            "customer",
        )
    },
)
STANDING = ("Now", {"fields": ("status_in_words", "redemptions", "lately", "sync_in_words")})
WHY = ("Why this change?", {"fields": ("why",)})


@admin.register(PromoCode)
class PromoCodeAdmin(Sharing, StripeSide, ConflictMixin, CodePages, ProjectAdmin):
    form = PromoCodeForm
    list_before_template = "admin/promos/code_tools.html"
    change_form_after_template = "admin/promos/code_preview.html"
    list_display = (
        "code_and_campaign",
        "value",
        "status_badge",
        "sync_badge",
        "uses_bar",
        "savings",
        "last_used",
        "ends",
        "created_at",
    )
    list_select_related = ("offer", "campaign")
    list_filter = (
        StatusFilter,
        ("sync_status", ChoicesDropdownFilter),
        ("offer__kind", ChoicesDropdownFilter),
        ("campaign", RelatedDropdownFilter),
        ProductFilter,
        UsesFilter,
        ("expires_at", RangeDateFilter),
        ("created_at", RangeDateFilter),
    )
    search_fields = ("code", "description")
    autocomplete_fields = ("campaign", "customer")
    conditional_fields = CONDITIONS
    warn_unsaved_form = True
    actions = ("push_now", "pull", "retry", "approve", "pause", "resume", "move", "archive", *ANSWERS)
    actions_row = ("push_now", "pull", "approve", "pause", "resume", "duplicate", "archive")
    actions_detail = (
        *ANSWERS,
        "push_now",
        "approve",
        "duplicate",
        {
            "title": "More",
            "icon": "more_vert",
            "items": ["pull", "retry", "pause", "resume", "move", "archive"],
        },
    )

    def get_queryset(self, request: HttpRequest) -> PromoCodeQuerySet:
        queryset: PromoCodeQuerySet = super().get_queryset(request)
        return queryset.with_status(timezone.now()).select_related("offer", "campaign")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CodeList

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        # As a setting of Unfold's they would be compared with every entry of the menu, on every page.
        return super().changelist_view(request, {"tab_list": site.tabs(request), **(extra_context or {})})

    def get_fieldsets(self, request: HttpRequest, obj: PromoCode | None = None) -> Any:
        if obj is None:
            return (ABOUT, TERMS_TO_EDIT, LIMITS_TO_EDIT)
        first = (CONFLICT, STANDING) if obj.sync_status == PromoCode.SyncStatus.CONFLICT else (STANDING,)
        if not self.has_change_permission(request, obj):
            return (*first, ABOUT, TERMS_TO_READ, LIMITS_TO_READ, SHARING, STRIPE)
        terms = TERMS_TO_READ if _has_shared_terms(obj) else TERMS_TO_EDIT
        return (*first, ABOUT, terms, LIMITS_TO_EDIT, SHARING, STRIPE, WHY)

    def get_readonly_fields(self, request: HttpRequest, obj: PromoCode | None = None) -> tuple[str, ...]:
        if obj is None:
            return ()
        readable = (CONFLICT, STANDING, TERMS_TO_READ, SHARING, STRIPE)
        return (*(name for _, options in readable for name in options["fields"]), "minimum")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        copied = request.GET.get(COPY_OF, "")
        original = self.get_queryset(request).filter(pk=copied).first() if copied.isdecimal() else None
        return (
            initial_of(original, timezone.now()) if original else super().get_changeform_initial_data(request)
        )

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        found: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        code = PromoCode.objects.filter(pk=object_id).first()
        hidden = _of_no_use(code) if code else {*ANSWERS, "approve"}
        return [each for each in found if each.method.__name__ not in hidden]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if isinstance(obj, PromoCode) and (obj.archived_at is not None or promo_codes.is_kept_in_stripe(obj)):
            return False
        return bool(super().has_change_permission(request, obj))

    def has_duplicate_permission(self, request: HttpRequest, obj: object = None) -> bool:
        # By the permission's own name Unfold's check would look it up in a database that may not be there yet.
        return bool(self.has_add_permission(request))

    def has_approve_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return request.user.has_perm("promos.approve_promocode")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # A code is archived, never deleted: its redemptions stay.
        return False

    def with_history(self, obj: PromoCode) -> tuple[Model, ...]:
        # What the code gives is half of what was decided about it.
        return (obj, obj.offer)

    def save_model(self, request: HttpRequest, obj: PromoCode, form: PromoCodeForm, change: bool) -> None:
        save = promo_codes.change if change else promo_codes.create
        with history.because(form.cleaned_data.get("why", "")):
            save(obj, offer=form.offer, now=timezone.now(), by=cast("User", request.user))

    @display(description="Code", ordering="code")
    def code_and_campaign(self, obj: PromoCode) -> SafeString:
        campaign = obj.campaign.name if obj.campaign else ""
        return format_html(CODE_AND_CAMPAIGN, obj.code, campaign)

    @display(description="Gives")
    def value(self, obj: PromoCode) -> str:
        return offers.value_in_words(obj.offer)

    @display(description="Status", label=STATUS_COLOURS)
    def status_badge(self, obj: Any) -> str:
        return str(codes.Status(obj.status_now).label)

    @display(description="Stripe", ordering="sync_status", label=SYNC_COLOURS)
    def sync_badge(self, obj: PromoCode) -> str:
        return obj.get_sync_status_display()

    def uses(self, obj: PromoCode) -> str:
        return (
            str(obj.used_count)
            if obj.max_redemptions is None
            else f"{obj.used_count} / {obj.max_redemptions}"
        )

    @display(description="Uses", ordering="used_count")
    def uses_bar(self, obj: PromoCode) -> SafeString | str:
        if obj.max_redemptions is None:
            return self.uses(obj)
        # The text says it; the bar only shows it.
        bar = '{}<progress class="promos-uses" value="{}" max="{}" aria-hidden="true"></progress>'
        return format_html(bar, self.uses(obj), min(obj.used_count, obj.max_redemptions), obj.max_redemptions)

    @display(description="Savings")
    def savings(self, obj: Any) -> str | None:
        return obj.figures.savings_in_words or None

    @display(description="Last used")
    def last_used(self, obj: Any) -> datetime | None:
        return obj.figures.last_used_at

    @display(description="Ends", ordering="expires_at")
    def ends(self, obj: PromoCode) -> datetime | None:
        return codes.ends_at(obj)

    @display(description="Status")
    def status_in_words(self, obj: PromoCode) -> str:
        status = codes.status(obj, timezone.now())
        if status != codes.Status.PAUSED or obj.paused_at is not None:
            return str(status.label)
        return f"{status.label}: {codes.pause_reason(obj)}"

    @display(description="Redemptions")
    def redemptions(self, obj: PromoCode) -> SafeString:
        url = reverse("admin:promos_promocodeusage_changelist")
        return format_html(
            '<a href="{}?promo_code__id__exact={}" class="text-link">{}</a>', url, obj.pk, self.uses(obj)
        )

    @display(description="Lately")
    def lately(self, obj: PromoCode) -> SafeString | str:
        return code_chart.render(obj, now=timezone.now())

    @display(description="Products")
    def products(self, obj: PromoCode) -> str:
        return ", ".join(choices.product_names(obj.offer.product_ids)) or "Every product"

    @display(description="Terms")
    def offer_link(self, obj: PromoCode) -> SafeString | str:
        return admin_link(obj.offer)

    @display(description="Smallest order")
    def minimum(self, obj: PromoCode) -> str:
        return in_money(obj.minimum_amount, obj.minimum_amount_currency)

    @action(approving.CODE)
    def approve(self, code: PromoCode, deed: Deed) -> None:
        if not promo_codes.approve(code, seen=deed.seen, by=deed.by, now=deed.now):
            raise Skipped(ARCHIVED if code.archived_at else "it does not wait for approval")

    @action(code_words.MOVE)
    def move(self, code: PromoCode, deed: Deed) -> None:
        if not promo_codes.move(code, to=deed.answers["campaign"]):
            raise Skipped(ARCHIVED if code.archived_at else "it is there already")

    @unfold_action(description="Duplicate", permissions=("duplicate",), icon="content_copy")
    def duplicate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Open the form for a new code with the terms of this one; nothing is saved by looking."""
        return redirect(f"{reverse('admin:promos_promocode_add')}?{urlencode({COPY_OF: object_id})}")

    @action(code_words.PAUSE)
    def pause(self, code: PromoCode, deed: Deed) -> None:
        _skip_if_kept_in_stripe(code)
        if not promo_codes.pause(code, now=deed.now):
            raise Skipped(ARCHIVED if code.archived_at else "it is paused")

    @action(code_words.RESUME)
    def resume(self, code: PromoCode, deed: Deed) -> None:
        _skip_if_kept_in_stripe(code)
        if not promo_codes.resume(code):
            raise Skipped(ARCHIVED if code.archived_at else "it is not paused by hand")

    @action(code_words.ARCHIVE)
    def archive(self, code: PromoCode, deed: Deed) -> None:
        _skip_if_kept_in_stripe(code)
        if not promo_codes.archive(code, now=deed.now):
            raise Skipped(ARCHIVED)


def _of_no_use(code: PromoCode) -> set[str]:
    """Return the actions that would only say that there is nothing to do."""
    hidden = {"resume" if code.paused_at is None else "pause"}
    if code.sync_status != PromoCode.SyncStatus.CONFLICT:
        hidden.update(ANSWERS)
    if code.sync_status == PromoCode.SyncStatus.SYNCED:
        hidden.add("retry")
    if code.approved_at and not code.needs_review:
        hidden.add("approve")
    if code.archived_at:
        hidden.update(("approve", "pause", "resume", "move", "archive"))
    return hidden


def _skip_if_kept_in_stripe(code: PromoCode) -> None:
    if promo_codes.is_kept_in_stripe(code):
        raise Skipped(promo_codes.KEPT_IN_STRIPE)


def _has_shared_terms(code: PromoCode) -> bool:
    """Say whether editing the terms here would change other codes too."""
    if code.batch_id is not None:
        return True
    return PromoCode.objects.filter(offer=code.offer).exclude(pk=code.pk).exists()
