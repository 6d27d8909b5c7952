"""The one form for a code and what it gives; the split into PromoCode and Offer does not show."""

from __future__ import annotations

import copy
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.models import construct_instance
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from promos import codes, money, promo_codes
from promos.admin import choices
from promos.admin.actions import WhyForm
from promos.admin.base import in_money
from promos.admin.fields import WhyField
from promos.admin.terms_form import TermsForm, as_typed
from promos.models import Campaign, Offer, PromoCode
from promos.models.limits import LIMITS

MINIMUM_HELP = "In the currency, such as 50.00. Empty: any order."


class PromoCodeForm(TermsForm):
    """Checked by ``promo_codes.check``, so that the admin refuses what commands and API refuse."""

    code = forms.CharField(
        required=False,
        max_length=255,
        widget=UnfoldAdminTextInputWidget({"autocomplete": "off", "class": "promos-code"}),
        help_text="What customers enter: letters, digits and hyphens. Leave empty for a random one.",
    )
    minimum_amount = forms.CharField(
        required=False,
        label="Smallest order",
        widget=UnfoldAdminTextInputWidget({"inputmode": "decimal"}),
        help_text=MINIMUM_HELP,
    )
    minimum_amount_currency = forms.ChoiceField(
        required=False, label="Currency of the order", widget=UnfoldAdminSelectWidget
    )

    why = WhyField()

    class Meta:
        model = PromoCode
        fields = ("code", "campaign", "description", *LIMITS, "customer")
        labels = {
            "max_redemptions": "Uses in all",
            "max_redemptions_per_customer": "Uses per customer",
            "first_time_only": "First purchase only",
            "starts_at": "Starts",
            "expires_at": "Ends",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        code = self.instance
        self.offer = copy.copy(self._offer())
        if "minimum_amount_currency" in self.fields:
            self._choose("minimum_amount_currency", choices.currencies(), [code.minimum_amount_currency])
        if code.minimum_amount is not None:
            typed = money.decimal(code.minimum_amount, code.minimum_amount_currency)
            self.initial["minimum_amount"] = str(typed)
            self._tell_of_further_minimums()

    def _tell_of_further_minimums(self) -> None:
        """Say what was set in Stripe for other currencies; it stays as long as there is a smallest order."""
        further = [
            in_money(amount, currency) for currency, amount in self.instance.minimum_currency_amounts.items()
        ]
        if further and "minimum_amount" in self.fields:
            told = f"In other currencies, set in Stripe: {', '.join(further)}."
            self.fields["minimum_amount"].help_text = f"{MINIMUM_HELP} {told}"

    def _offer(self) -> Offer:
        return self.instance.offer if self.instance.offer_id else Offer()

    def clean_code(self) -> str:
        text: str = self.cleaned_data["code"].strip()
        if self.instance.pk and not text:
            raise ValidationError("Enter the code.")
        return text or codes.generate()

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        currency, text = data.get("minimum_amount_currency"), data.get("minimum_amount")
        data["minimum_amount"] = None
        if not text:
            data["minimum_amount_currency"] = ""
        elif not currency:
            self.add_error("minimum_amount_currency", "Choose the currency of the smallest order.")
        else:
            self._parse_minimum(text, currency)
        return data

    def _parse_minimum(self, text: str, currency: str) -> None:
        try:
            amount = money.parse(text, currency)
        except ValueError as error:
            self.add_error("minimum_amount", str(error))
            return
        if amount <= 0:
            self.add_error("minimum_amount", "The smallest order must be above zero.")
        self.cleaned_data["minimum_amount"] = amount

    def _post_clean(self) -> None:
        """Let the domain check the code with its offer, instead of the model the code alone."""
        construct_instance(self, self.instance, self._meta.fields, self._meta.exclude)
        for name, value in self.terms().items() if self.has_terms else ():
            setattr(self.offer, name, value)
        made_at = None if self.instance.pk else timezone.now()
        try:
            promo_codes.check(self.instance, offer=self.offer, made_at=made_at)
        except ValidationError as error:
            self._show(error)

    def _show(self, error: ValidationError) -> None:
        """Put the domain's errors beside their fields; one error a field, and no echoes of a wrong field."""
        was_wrong = bool(self.errors)
        for name, errors in error.error_dict.items():
            is_on_form = name in self.fields
            if is_on_form and name not in self.errors:
                self.add_error(name, errors)
            elif not is_on_form and not was_wrong:
                self.add_error(None, [message for each in errors for message in each.messages])


class MoveForm(WhyForm):
    """Asks for the campaign that codes are moved to."""

    campaign = forms.ModelChoiceField(
        Campaign.objects.order_by("name"),
        required=False,
        empty_label="No campaign",
        widget=UnfoldAdminSelectWidget,
    )
    field_order = ("campaign", "why")


#: What a copy takes over besides the terms; its text is its own.
_COPIED = (
    "campaign",
    "description",
    "max_redemptions",
    "max_redemptions_per_customer",
    "first_time_only",
    "minimum_amount_currency",
    "customer",
)


def initial_of(code: PromoCode, now: datetime) -> dict[str, Any]:
    """Return what the form for a new code begins with to make one like ``code``; times that are over stay behind."""
    initial = as_typed(code.offer) | {name: getattr(code, name) for name in _COPIED}
    if code.minimum_amount is not None:
        initial["minimum_amount"] = str(money.decimal(code.minimum_amount, code.minimum_amount_currency))
    times = {"starts_at": code.starts_at, "expires_at": code.expires_at}
    return initial | {name: at for name, at in times.items() if at and at > now}
