"""The fields that say what an offer gives, as an owner types them: currency units, names instead of Stripe ids."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from promos import money, offers, plans
from promos.admin import choices
from promos.models import Offer

#: The offer's fields on a form, under the same names.
TERMS = (
    "kind",
    "percent_off",
    "amount_off",
    "currency",
    "list_price_id",
    "fixed_price_amount",
    "duration",
    "duration_in_months",
    "product_ids",
    "name",
)
#: Which fields show for which choice (Alpine expressions of Unfold); the others are cleared on saving.
CONDITIONS = {
    "percent_off": "kind == 'percent'",
    "amount_off": "kind == 'amount'",
    "currency": "kind == 'amount'",
    "list_price_id": "kind == 'fixed_price'",
    "fixed_price_amount": "kind == 'fixed_price'",
    "duration_in_months": "duration == 'repeating'",
    # A fixed price covers the product of its list price.
    "product_ids": "kind != 'fixed_price'",
}

#: What a kind cannot do without, and how its absence is put.
REQUIRED: dict[str, dict[str, str]] = {
    Offer.Kind.PERCENT: {"percent_off": "Enter the percentage."},
    Offer.Kind.AMOUNT: {"amount_off": "Enter the amount.", "currency": "Choose the currency."},
    Offer.Kind.FIXED_PRICE: {
        "list_price_id": "Choose the plan that gets the fixed price.",
        "fixed_price_amount": "Enter the price that the customer pays.",
    },
}


class TermsForm(forms.ModelForm):
    """Base of the forms that edit an offer's terms; cleaned amounts are in minor units."""

    kind = forms.ChoiceField(
        choices=[choice for choice in Offer.Kind.choices if choice[0] != Offer.Kind.OTHER],
        initial=Offer.Kind.PERCENT,
        widget=UnfoldAdminSelectWidget,
        label="Kind",
    )
    percent_off = forms.DecimalField(
        required=False, label="Percent off", widget=UnfoldAdminDecimalFieldWidget({"step": "any"})
    )
    amount_off = forms.CharField(
        required=False,
        widget=UnfoldAdminTextInputWidget({"inputmode": "decimal"}),
        help_text="In the currency, such as 29.50.",
    )
    currency = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget)
    list_price_id = forms.ChoiceField(
        required=False, label="Instead of", widget=UnfoldAdminSelectWidget, help_text="The plan's list price."
    )
    fixed_price_amount = forms.CharField(
        required=False,
        label="Customer pays",
        widget=UnfoldAdminTextInputWidget({"inputmode": "decimal"}),
        help_text="In the list price's currency, such as 70.00.",
    )
    duration = forms.ChoiceField(
        choices=Offer.Duration.choices,
        widget=UnfoldAdminSelectWidget,
        help_text="How many of a subscription's payments are reduced.",
    )
    duration_in_months = forms.IntegerField(
        required=False, min_value=1, max_value=1200, label="Months", widget=UnfoldAdminIntegerFieldWidget
    )
    product_ids = forms.MultipleChoiceField(
        required=False,
        label="Products",
        widget=UnfoldAdminCheckboxSelectMultipleWidget({"class": "promos-products"}),
        help_text="Choose none to cover every product, setup fees included.",
    )
    name = forms.CharField(
        required=False,
        label="Name shown to customers",
        widget=UnfoldAdminTextInputWidget,
        help_text="On the checkout and the invoice, at most 40 characters. Empty: what it gives, in words.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Declared fields are on the form whatever the page lists; what it leaves out must not be posted.
        for name in set(self.fields) - set(self._meta.fields or ()):
            del self.fields[name]
        self.has_terms = "kind" in self.fields
        if self.has_terms:
            offer = self._offer()
            self._offer_choices(offer)
            if offer.pk:
                self.initial.update(as_typed(offer))
            else:
                self.initial["currency"] = self.initial.get("currency") or choices.only_currency()

    def _offer(self) -> Offer:
        """Return the offer whose terms these are; a new one for a new code."""
        raise NotImplementedError

    def _offer_choices(self, offer: Offer) -> None:
        """Fill the selects; what the offer has stays selectable when Stripe no longer sells it."""
        self._choose("currency", choices.currencies(), [offer.currency])
        self._choose("list_price_id", choices.list_prices(), [offer.list_price_id])
        self._choose("product_ids", choices.products(), offer.product_ids)

    def _choose(self, name: str, options: choices.Choices, chosen: list[str]) -> None:
        known = {value for value, _ in options}
        options = [*options, *((value, value) for value in chosen if value and value not in known)]
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = options if isinstance(field, forms.MultipleChoiceField) else [("", "–"), *options]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if self.has_terms:
            self._require_what_the_kind_needs(data)
            self._parse("amount_off", str(data.get("currency") or ""))
            self._parse("fixed_price_amount", _currency_of(str(data.get("list_price_id") or "")))
        return data

    def _require_what_the_kind_needs(self, data: dict[str, Any]) -> None:
        required = dict(REQUIRED.get(data.get("kind", ""), {}))
        if data.get("duration") == Offer.Duration.REPEATING:
            required["duration_in_months"] = "Enter the number of months."
        for name, message in required.items():
            if name not in self.errors and data.get(name) in (None, ""):
                self.add_error(name, message)

    def _parse(self, name: str, currency: str) -> None:
        """Turn an amount as typed into minor units; None when it was hidden or left empty."""
        text = str(self.cleaned_data.get(name) or "")
        is_asked_for = name in REQUIRED.get(self.cleaned_data.get("kind", ""), {})
        if name in self.errors:
            return
        if not text or not is_asked_for:
            self.cleaned_data[name] = None
            return
        try:
            # Without a currency, which is an error of its own, most have two decimals.
            self.cleaned_data[name] = money.parse(text, currency or "usd")
        except ValueError as error:
            self.add_error(name, str(error))

    def terms(self) -> dict[str, Any]:
        """Return the cleaned values of the offer's fields."""
        return {name: self.cleaned_data[name] for name in TERMS if name in self.cleaned_data}


def as_typed(offer: Offer) -> dict[str, Any]:
    """Return an offer's terms as the form shows them."""
    typed = {name: getattr(offer, name) for name in TERMS}
    for name in ("amount_off", "fixed_price_amount"):
        if typed[name] is not None:
            typed[name] = str(money.decimal(typed[name], offer.currency))
    if offer.name == offers.default_name(offer):
        # It follows the terms: an edited percentage must not keep the old one in the name.
        typed["name"] = ""
    if offer.percent_off is not None:
        typed["percent_off"] = f"{offer.percent_off:f}".rstrip("0").rstrip(".")
    return typed


def _currency_of(price_id: str) -> str:
    plan = plans.get(price_id)
    return plan.currency if plan else ""
