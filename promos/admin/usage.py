"""What customers did, read-only: redemptions, the ledger, checkouts and code checks."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Coalesce, NullIf
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from djstripe.models import Price
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter, RangeDateTimeFilter
from unfold.decorators import display

from promos import eligibility
from promos.admin.base import ReadOnlyAdmin, admin_link, by_label, dashboard_link, in_money
from promos.admin.why import WhyPages
from promos.eligibility import Reason
from promos.models import CheckoutAttempt, CodeCheck, LedgerEntry, PromoCodeUsage
from promos.models.usage import PromoCodeUsageQuerySet

USAGE_COLOURS = by_label(
    {
        PromoCodeUsage.Status.SETTLED: "success",
        PromoCodeUsage.Status.PENDING: "warning",
        PromoCodeUsage.Status.REFUNDED: "info",
        PromoCodeUsage.Status.FAILED: "danger",
    }
)
ATTEMPT_COLOURS = by_label(
    {
        CheckoutAttempt.State.COMPLETED: "success",
        CheckoutAttempt.State.OPEN: "info",
        CheckoutAttempt.State.OPENING: "info",
        CheckoutAttempt.State.FAILED: "danger",
    }
)


class RunningFilter(DropdownFilter):
    """Filter by whether the discount still runs."""

    title = "discount"
    parameter_name = "discount"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("running", "Still runs")]

    def queryset(self, request: HttpRequest, queryset: PromoCodeUsageQuerySet) -> PromoCodeUsageQuerySet:
        return queryset.running(timezone.now()) if self.value() == "running" else queryset


class PlanNamed(ReadOnlyAdmin):
    """Rows with a Stripe price in ``plan``, shown by the plan's name, fetched with the rows."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        price = Price.objects.filter(id=OuterRef("plan"))
        name = Coalesce(NullIf("nickname", Value("")), "product__name", output_field=TextField())
        return super().get_queryset(request).annotate(plan_found=Subquery(price.values(named=name)[:1]))

    @display(description="Plan", ordering="plan")
    def plan_name(self, obj: Any) -> str:
        return obj.plan_found or obj.plan or ""


class Amounts:
    """The amounts of a usage or a ledger entry, in its currency."""

    @display(description="Gross")
    def gross(self, obj: Any) -> str:
        return in_money(obj.gross_amount, obj.currency)

    @display(description="Discount")
    def discount(self, obj: Any) -> str:
        return in_money(obj.discount_amount, obj.currency)

    @display(description="Net")
    def net(self, obj: Any) -> str:
        return in_money(obj.net_amount, obj.currency)


class AtStripe:
    """What a ledger entry is of, and where Stripe shows it."""

    @display(description="Kind", ordering="kind")
    def what(self, obj: LedgerEntry) -> str:
        """Return the kind, with the word for what was undone: "Refund failed"."""
        undone = obj.stripe_object_id.partition(":")[2] if obj.kind != LedgerEntry.Kind.SHARE else ""
        return f"{obj.get_kind_display()} {undone}".strip()

    @display(description="In Stripe")
    def stripe_link(self, obj: LedgerEntry) -> SafeString | str:
        stripe_id = obj.stripe_object_id.partition(":")[0]
        return dashboard_link(_STRIPE_PAGES.get(obj.kind) or _page_of_checkout(stripe_id), stripe_id)


_STRIPE_PAGES: dict[str, str] = {
    LedgerEntry.Kind.INVOICE: "invoices",
    LedgerEntry.Kind.REFUND: "refunds",
    LedgerEntry.Kind.DISPUTE: "disputes",
    LedgerEntry.Kind.CREDIT_NOTE: "credit_notes",
}


def _page_of_checkout(stripe_id: str) -> str:
    if stripe_id.startswith("sub_"):
        return "subscriptions"
    return "invoices" if stripe_id.startswith("in_") else "checkout/sessions"


class LedgerEntryInline(Amounts, AtStripe, TabularInline):
    model = LedgerEntry
    fields = ("occurred_at", "what", "stripe_link", "gross", "discount", "net", "event")
    readonly_fields = fields
    extra = 0
    per_page = 20
    can_delete = False
    show_change_link = True
    hide_title = True
    verbose_name_plural = "What Stripe settled"

    def get_queryset(self, request: HttpRequest) -> QuerySet[LedgerEntry]:
        entries: QuerySet[LedgerEntry] = super().get_queryset(request)
        entries = entries.select_related("event").defer("event__payload")
        return entries.order_by("-occurred_at", "-pk")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(PromoCodeUsage)
class PromoCodeUsageAdmin(Amounts, PlanNamed):
    list_display = (
        "promo_code",
        "customer",
        "plan_name",
        "status_badge",
        "gross",
        "discount",
        "net",
        "redeemed_at",
    )
    list_select_related = ("promo_code", "customer")
    list_filter = (
        ("status", ChoicesDropdownFilter),
        "is_new_customer",
        "is_over_limit",
        RunningFilter,
        ("redeemed_at", RangeDateTimeFilter),
    )
    linked_lookups = frozenset(
        {"promo_code__campaign__exact", "promo_code__batch__exact", "customer__country__exact"}
    )
    search_fields = ("promo_code__code", "customer__email", "redemption_key", "stripe_session_id")
    ordering = ("-redeemed_at", "-pk")
    inlines = (LedgerEntryInline,)
    fieldsets = (
        (None, {"fields": ("promo_code", "customer", "plan_name", "status_badge", "redeemed_at")}),
        ("Money", {"fields": ("gross", "discount", "net")}),
        (
            "Facts",
            {"fields": ("is_new_customer", "is_over_limit", "is_given_back", "discount_ends_at", "promised")},
        ),
        ("Stripe", {"fields": ("redemption_key", "session_link", "promotion_code_link")}),
    )

    @display(description="Status", ordering="status", label=USAGE_COLOURS)
    def status_badge(self, obj: PromoCodeUsage) -> str:
        return obj.get_status_display()

    @display(description="Still promised from the campaign's budget")
    def promised(self, obj: PromoCodeUsage) -> str:
        return in_money(obj.promised_amount or None, obj.currency)

    @display(description="Checkout session")
    def session_link(self, obj: PromoCodeUsage) -> SafeString | str:
        return dashboard_link("checkout/sessions", obj.stripe_session_id)

    @display(description="Promotion code")
    def promotion_code_link(self, obj: PromoCodeUsage) -> SafeString | str:
        return dashboard_link("promotion_codes", obj.stripe_promotion_code_id)


@admin.register(LedgerEntry)
class LedgerEntryAdmin(Amounts, AtStripe, PlanNamed):
    list_display = ("occurred_at", "what", "code", "customer", "plan_name", "gross", "discount", "net")
    list_select_related = ("usage__promo_code", "customer")
    list_filter = (
        ("kind", ChoicesDropdownFilter),
        "is_new_customer",
        ("occurred_at", RangeDateTimeFilter),
    )
    linked_lookups = frozenset(
        {
            "usage__promo_code__exact",
            "usage__promo_code__batch__exact",
            "usage__promo_code__campaign__exact",
            "usage__is_new_customer__exact",
            "customer__country__exact",
        }
    )
    search_fields = (
        "stripe_object_id",
        "stripe_session_id",
        "stripe_invoice_id",
        "customer__email",
        "usage__promo_code__code",
    )
    ordering = ("-occurred_at", "-pk")
    fieldsets = (
        (None, {"fields": ("what", "occurred_at", "order", "usage", "customer", "plan_name", "interval")}),
        ("Money", {"fields": ("gross", "discount", "tax", "net")}),
        (
            "Where it came from",
            {
                "fields": (
                    "stripe_link",
                    "session_link",
                    "invoice_link",
                    "payment_link",
                    "event",
                    "is_new_customer",
                )
            },
        ),
    )

    @display(description="Code")
    def code(self, obj: LedgerEntry) -> SafeString | str:
        return admin_link(obj.usage.promo_code if obj.usage else None)

    @display(description="Checkout session")
    def session_link(self, obj: LedgerEntry) -> SafeString | str:
        return dashboard_link("checkout/sessions", obj.stripe_session_id)

    @display(description="Invoice")
    def invoice_link(self, obj: LedgerEntry) -> SafeString | str:
        return dashboard_link("invoices", obj.stripe_invoice_id)

    @display(description="Payment")
    def payment_link(self, obj: LedgerEntry) -> SafeString | str:
        return dashboard_link("payments", obj.stripe_payment_intent_id)

    @display(description="Tax")
    def tax(self, obj: LedgerEntry) -> str:
        return in_money(obj.tax_amount, obj.currency)


@admin.register(CheckoutAttempt)
class CheckoutAttemptAdmin(PlanNamed):
    list_display = (
        "created_at",
        "customer",
        "promo_code",
        "plan_name",
        "state_badge",
        "expires_at",
        "settled_at",
    )
    list_select_related = ("promo_code", "customer")
    list_filter = (("state", ChoicesDropdownFilter), ("created_at", RangeDateTimeFilter))
    search_fields = ("stripe_session_id", "customer__email", "promo_code__code")
    ordering = ("-created_at", "-pk")
    fieldsets = (
        (None, {"fields": ("customer", "promo_code", "plan_name", "state_badge")}),
        ("When", {"fields": ("created_at", "expires_at", "settled_at")}),
        ("Stripe", {"fields": ("session_link", "subscription_link", "held")}),
    )

    @display(description="State", ordering="state", label=ATTEMPT_COLOURS)
    def state_badge(self, obj: CheckoutAttempt) -> str:
        return obj.get_state_display()

    @display(description="Checkout session")
    def session_link(self, obj: CheckoutAttempt) -> SafeString | str:
        return dashboard_link("checkout/sessions", obj.stripe_session_id)

    @display(description="Running subscription")
    def subscription_link(self, obj: CheckoutAttempt) -> SafeString | str:
        return dashboard_link("subscriptions", obj.stripe_subscription_id)

    @display(description="Promised from the campaign's budget")
    def held(self, obj: CheckoutAttempt) -> str:
        return in_money(obj.held_amount or None, obj.currency)


class OutcomeFilter(admin.SimpleListFilter):
    """Filter checks by their outcome: accepted, or one of the reasons."""

    title = "outcome"
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("accepted", "Accepted"), *((reason.value, str(reason.label)) for reason in Reason)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[CodeCheck]) -> QuerySet[CodeCheck]:
        outcome = self.value()
        if outcome is None:
            return queryset
        return queryset.filter(reason="" if outcome == "accepted" else outcome)


@admin.register(CodeCheck)
class CodeCheckAdmin(WhyPages, PlanNamed):
    list_display = ("checked_at", "text", "outcome", "customer", "plan_name", "promo_code")
    list_select_related = ("promo_code", "customer")
    list_filter = (OutcomeFilter, ("checked_at", RangeDateTimeFilter))
    linked_lookups = frozenset({"promo_code__campaign__exact", "customer__country__exact"})
    search_fields = ("text", "customer__email")
    ordering = ("-checked_at", "-pk")
    fields = ("checked_at", "text", "outcome", "customer", "plan_name", "promo_code")

    @display(description="Outcome", ordering="reason", label={"Accepted": "success"})
    def outcome(self, obj: CodeCheck) -> str:
        return eligibility.outcome_in_words(obj.reason)
