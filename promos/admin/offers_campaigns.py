"""Campaigns, and the terms that several codes share."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import F, QuerySet
from django.forms.models import construct_instance
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import pluralize
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter
from unfold.dataclasses import UnfoldAction
from unfold.decorators import display
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from promos import campaigns, history, money, offers, promo_codes
from promos.admin import approving, choices, shared_terms
from promos.admin.actions import Deed, Skipped, WhyForm, Words, action
from promos.admin.base import ProjectAdmin, in_money
from promos.admin.fields import WhyField
from promos.admin.links import codes_link
from promos.admin.lists import CampaignList
from promos.admin.terms_form import CONDITIONS, TERMS, TermsForm
from promos.models import Campaign, Offer

STATE_COLOURS = {
    "Running": "success",
    "Scheduled": "info",
    "Over": "info",
    "Paused": "warning",
    "Budget spent": "warning",
    "Waiting for approval": "warning",
}

PAUSE = Words(
    title="Pause all codes",
    past="Paused",
    explanation="None of the campaign's codes can be used until it is resumed. They are deactivated in Stripe.",
    icon="pause",
    form=WhyForm,
)
RESUME = Words(
    title="Resume",
    past="Resumed",
    explanation="The campaign's codes can be used again and are reactivated in Stripe, save those paused by hand.",
    icon="play_arrow",
    form=WhyForm,
)


class OfferForm(TermsForm):
    """Terms that several codes share; checked by ``offers.complete``."""

    why = WhyField()

    class Meta:
        model = Offer
        fields = TERMS

    def _offer(self) -> Offer:
        offer: Offer = self.instance
        return offer

    def _post_clean(self) -> None:
        construct_instance(self, self.instance, self._meta.fields)
        if self.errors:
            return
        try:
            offers.complete(self.instance)
        except ValidationError as error:
            self.add_error(None, error)


@admin.register(Offer)
class OfferAdmin(ProjectAdmin):
    """Offers are made with their codes; here are edited those that several codes share."""

    form = OfferForm
    list_display = ("name", "value", "kind", "codes", "created_at")
    list_filter = (("kind", ChoicesDropdownFilter), ("duration", ChoicesDropdownFilter))
    search_fields = ("name", "uid")
    ordering = ("-created_at", "-pk")
    conditional_fields = CONDITIONS
    warn_unsaved_form = True
    readonly_fields = ("value", "codes", "created_at")

    def get_fieldsets(self, request: HttpRequest, obj: Offer | None = None) -> Any:
        overview = (None, {"fields": ("value", "codes", "created_at")})
        if not self.has_change_permission(request, obj):
            return (overview,)
        return (overview, ("Terms of all its codes", {"fields": (*TERMS, "why")}))

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        asked = shared_terms.question(self, request, object_id)
        return asked or super().changeform_view(request, object_id, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Offer, form: OfferForm, change: bool) -> None:
        with history.because(form.cleaned_data.get("why", "")):
            promo_codes.change_offer(obj, by=cast("User", request.user), now=timezone.now())

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if isinstance(obj, Offer) and obj.kind == Offer.Kind.OTHER:
            return False
        return bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description="Gives")
    def value(self, obj: Offer) -> str:
        return offers.value_in_words(obj)

    @display(description="Codes")
    def codes(self, obj: Offer) -> SafeString:
        return codes_link("offer", obj)


class CampaignForm(forms.ModelForm):
    """A campaign with its money in currency units."""

    currency = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget)
    budget_amount = forms.CharField(
        required=False,
        label="Budget",
        widget=UnfoldAdminTextInputWidget({"inputmode": "decimal"}),
        help_text="The most its codes may give away, such as 5000.00. Empty: no limit.",
    )
    fixed_cost_amount = forms.CharField(
        required=False,
        label="Fixed cost",
        widget=UnfoldAdminTextInputWidget({"inputmode": "decimal"}),
        help_text="What the campaign itself costs, such as 250.00.",
    )
    why = WhyField()

    class Meta:
        model = Campaign
        fields = (
            "name",
            "starts_at",
            "ends_at",
            "currency",
            "budget_amount",
            "fixed_cost_amount",
            "gives_back_on_refund",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        campaign: Campaign = self.instance
        if "currency" in self.fields:
            field = self.fields["currency"]
            assert isinstance(field, forms.ChoiceField)
            in_use = dict([*choices.currencies(), (campaign.currency, campaign.currency.upper())])
            field.choices = [("", "–"), *((code, name) for code, name in in_use.items() if code)]
            if not campaign.pk:
                self.initial["currency"] = self.initial.get("currency") or choices.only_currency()
        for name in ("budget_amount", "fixed_cost_amount"):
            amount = getattr(campaign, name)
            self.initial[name] = str(money.decimal(amount, campaign.currency)) if amount else ""

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        starts_at, ends_at = data.get("starts_at"), data.get("ends_at")
        if starts_at and ends_at and ends_at <= starts_at:
            self.add_error("ends_at", "The campaign must end after it starts.")
        data["budget_amount"] = self._amount("budget_amount")
        data["fixed_cost_amount"] = self._amount("fixed_cost_amount") or 0
        if data["fixed_cost_amount"] < 0:
            self.add_error("fixed_cost_amount", "A cost cannot be below zero.")
        if data["budget_amount"] is not None and data["budget_amount"] <= 0:
            self.add_error("budget_amount", "A budget must be above zero.")
        return data

    def _amount(self, name: str) -> int | None:
        text, currency = self.cleaned_data.get(name), self.cleaned_data.get("currency")
        if not text:
            return None
        if not currency:
            if "currency" not in self.errors:
                self.add_error("currency", "Choose the currency of the amounts.")
            return None
        try:
            return money.parse(text, currency)
        except ValueError as error:
            self.add_error(name, str(error))
            return None


class BudgetFilter(DropdownFilter):
    """Filter by how much of the budget is given away or promised."""

    title = "budget"
    parameter_name = "budget"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("nearly", f"At least {settings.ALERT_BUDGET_PERCENT}% spent or promised"),
            ("spent", "All spent or promised"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> QuerySet[Campaign]:
        used = F("spent_amount") + F("promised_amount")
        match self.value():
            case "nearly":
                nearly = F("budget_amount") * settings.ALERT_BUDGET_PERCENT
                return queryset.alias(used=used * 100).filter(used__gte=nearly)
            case "spent":
                return queryset.filter(budget_amount__lte=used)
        return queryset


@admin.register(Campaign)
class CampaignAdmin(ProjectAdmin):
    form = CampaignForm
    list_display = (
        "name",
        "state",
        "starts_at",
        "ends_at",
        "budget",
        "spent",
        "promised",
        "left",
        "pace",
        "codes",
    )
    search_fields = ("name",)
    list_filter = (BudgetFilter, "needs_approval")
    ordering = ("-created_at", "-pk")
    actions = ("approve", "pause_codes", "resume_codes")
    actions_row = ("approve", "pause_codes", "resume_codes")
    actions_detail = ("approve", "pause_codes", "resume_codes")
    fieldsets = (
        (None, {"fields": ("name", "state", "codes", "starts_at", "ends_at")}),
        (
            "Money",
            {
                "fields": (
                    "currency",
                    "budget_amount",
                    "spent",
                    "promised",
                    "held",
                    "left",
                    "pace",
                    "fixed_cost_amount",
                )
            },
        ),
        ("Results", {"fields": ("results",)}),
        ("Rules", {"fields": ("gives_back_on_refund", "why")}),
    )
    readonly_fields = ("state", "codes", "spent", "promised", "held", "left", "pace", "results")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CampaignList

    def get_fieldsets(self, request: HttpRequest, obj: Campaign | None = None) -> Any:
        if obj is not None:
            return super().get_fieldsets(request, obj)
        hidden = {*self.readonly_fields, "why"}
        return [
            (title, {"fields": names})
            for title, options in super().get_fieldsets(request, obj)
            if (names := [name for name in options["fields"] if name not in hidden])
        ]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        found: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        campaign = Campaign.objects.filter(pk=object_id).first()
        if campaign is None:
            return []
        of_no_use = {"resume_codes" if campaign.paused_at is None else "pause_codes"}
        if not campaign.is_waiting:
            of_no_use.add("approve")
        return [each for each in found if each.method.__name__ not in of_no_use]

    def save_model(self, request: HttpRequest, obj: Campaign, form: CampaignForm, change: bool) -> None:
        with history.because(form.cleaned_data.get("why", "")):
            campaigns.save(obj, by=cast("User", request.user))

    def has_approve_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return request.user.has_perm("promos.approve_campaign")

    def has_delete_permission(self, request: HttpRequest, obj: Campaign | None = None) -> bool:
        # Its codes and their figures would lose what they belong to.
        if obj is not None and (obj.promo_codes.exists() or obj.batches.exists()):
            return False
        return bool(super().has_delete_permission(request, obj))

    @display(description="State", label=STATE_COLOURS)
    def state(self, obj: Campaign) -> str:
        now = timezone.now()
        states = (
            ("Waiting for approval", obj.is_waiting),
            ("Over", obj.ends_at is not None and obj.ends_at <= now),
            ("Paused", obj.paused_at is not None),
            ("Budget spent", obj.is_budget_spent),
            ("Scheduled", obj.starts_at is not None and obj.starts_at > now),
        )
        return next((name for name, holds in states if holds), "Running")

    @display(description="Budget", ordering="budget_amount")
    def budget(self, obj: Campaign) -> str:
        return in_money(obj.budget_amount, obj.currency)

    @display(description="Given away", ordering="spent_amount")
    def spent(self, obj: Campaign) -> str:
        return in_money(obj.spent_amount, obj.currency)

    @display(description="Promised to renewals", ordering="promised_amount")
    def promised(self, obj: Campaign) -> str:
        return in_money(obj.promised_amount, obj.currency)

    @display(description="Left")
    def left(self, obj: Campaign) -> SafeString | str:
        left = campaigns.left_amount(obj)
        if left is None:
            return "No limit"
        used = (obj.budget_amount or 0) - left
        bar = '{}<progress class="promos-uses" value="{}" max="{}" aria-hidden="true"></progress>'
        return format_html(bar, in_money(left, obj.currency), max(used, 0), obj.budget_amount)

    @display(description="Pace")
    def pace(self, obj: Any) -> str:
        is_listed = hasattr(obj, "known_pace")
        pace = obj.known_pace if is_listed else campaigns.pace(obj, now=timezone.now())
        if pace is None or not pace.daily_amount:
            return ""
        daily = f"{in_money(pace.daily_amount, obj.currency)} a day"
        return f"{daily}; lasts until {pace.lasts_until:%Y-%m-%d}" if pace.lasts_until else daily

    @display(description="By its codes")
    def results(self, obj: Campaign) -> SafeString | str:
        lines = ((_result(result),) for result in campaigns.results(obj))
        return format_html_join("", "<div>{}</div>", lines) or "Nobody has redeemed a code of it yet."

    @display(description="Held by open checkouts")
    def held(self, obj: Campaign) -> str:
        return in_money(obj.held_amount, obj.currency)

    @display(description="Codes")
    def codes(self, obj: Campaign) -> SafeString:
        return codes_link("campaign", obj)

    @action(approving.CAMPAIGN)
    def approve(self, campaign: Campaign, deed: Deed) -> None:
        if not campaigns.approve(campaign, seen=deed.seen, by=deed.by, now=deed.now):
            raise Skipped("it does not wait for approval")

    @action(PAUSE)
    def pause_codes(self, campaign: Campaign, deed: Deed) -> None:
        if not campaigns.pause(campaign, now=deed.now):
            raise Skipped("it is paused")

    @action(RESUME)
    def resume_codes(self, campaign: Campaign, deed: Deed) -> None:
        if not campaigns.resume(campaign):
            raise Skipped("it is not paused")


def _result(result: campaigns.Result) -> str:
    amounts = (
        f"{in_money(amount, result.currency)} {name}"
        for name, amount in (
            ("gross", result.gross_amount),
            ("given away", result.discount_amount),
            ("net", result.net_amount),
        )
    )
    return f"{result.redemptions:,} redemption{pluralize(result.redemptions)}: {', '.join(amounts)}"
