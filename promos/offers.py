"""What an offer is worth, in words, and the terms that follow from what the owner typed."""

from __future__ import annotations

from decimal import Decimal

from django.core.exceptions import ValidationError
from djstripe.models import Price, Product

from promos import money, plans
from promos.models import Offer


def complete(offer: Offer) -> None:
    """Fill in the terms that follow from the offer's kind, in place; nothing is saved.

    A free offer is 100 percent; a fixed price becomes the amount that is off the
    list price of its product; values of other kinds are cleared; an empty name
    becomes the value in words.

    Raises:
        ValidationError: the terms contradict each other; errors by field.
    """
    _clear_values_of_other_kinds(offer)
    _require_values(offer)
    if offer.kind == Offer.Kind.FREE:
        offer.percent_off = Decimal(100)
    if offer.kind == Offer.Kind.FIXED_PRICE:
        _derive_amount_off(offer)
    offer.currency = offer.currency.lower()
    offer.name = offer.name or default_name(offer)
    offer.full_clean(validate_unique=False)


def refuse_unknown(offer: Offer) -> None:
    """Refuse products that Stripe does not have and a currency in which nothing is sold.

    A mirror that is still empty knows nothing; then Stripe has its say when the code is pushed.

    Raises:
        ValidationError: by field.
    """
    errors = {}
    if unknown := _unknown_products(offer):
        errors["product_ids"] = (
            f"“{unknown[0]}” is not among your Stripe products. If it is new there, connect_stripe takes it over."
        )
    if offer.kind == Offer.Kind.AMOUNT:
        told = (plans.currency_refusal(currency) for currency in [offer.currency, *offer.currency_amounts])
        if refusal := next(filter(None, told), ""):
            errors["currency"] = refusal
    if errors:
        raise ValidationError(errors)


def value_in_words(offer: Offer) -> str:
    """Return what the offer gives, such as "20% off for 3 months" or "$70.00 instead of $99.50, for ever"."""
    return f"{_value(offer)}{_duration(offer)}"


def default_name(offer: Offer) -> str:
    """Return the name that customers see when the owner gives none: the value in words, cut to Stripe's limit."""
    return value_in_words(offer)[:40]


def _clear_values_of_other_kinds(offer: Offer) -> None:
    if offer.kind != Offer.Kind.PERCENT:
        offer.percent_off = None
    if offer.kind != Offer.Kind.AMOUNT:
        offer.amount_off, offer.currency_amounts = None, {}
    if offer.kind not in {Offer.Kind.AMOUNT, Offer.Kind.FIXED_PRICE}:
        offer.currency = ""
    if offer.kind != Offer.Kind.FIXED_PRICE:
        offer.fixed_price_amount, offer.list_price_id, offer.list_price_amount = None, "", None
    if offer.duration != Offer.Duration.REPEATING:
        offer.duration_in_months = None


def _require_values(offer: Offer) -> None:
    errors = {}
    if offer.kind == Offer.Kind.PERCENT and offer.percent_off is None:
        errors["percent_off"] = "Enter the percentage."
    if offer.kind == Offer.Kind.AMOUNT and offer.amount_off is None:
        errors["amount_off"] = "Enter the amount that is taken off."
    if offer.kind == Offer.Kind.AMOUNT and not offer.currency:
        errors["currency"] = "Choose the currency of the amount."
    if offer.duration == Offer.Duration.REPEATING and not offer.duration_in_months:
        errors["duration_in_months"] = "Enter for how many months."
    if errors:
        raise ValidationError(errors)


def _derive_amount_off(offer: Offer) -> None:
    price = Price.objects.filter(id=offer.list_price_id).select_related("product").first()
    if price is None or price.stripe_data.get("unit_amount") is None:
        raise ValidationError({"list_price_id": "Choose one of your Stripe prices."})
    list_amount: int = price.stripe_data["unit_amount"]
    if offer.fixed_price_amount is None or offer.fixed_price_amount < 0:
        raise ValidationError({"fixed_price_amount": "Enter the price that the customer pays."})
    if offer.fixed_price_amount >= list_amount:
        shown = money.display(list_amount, price.currency)
        raise ValidationError({"fixed_price_amount": f"The price must be below the list price of {shown}."})
    offer.currency, offer.list_price_amount = price.currency, list_amount
    offer.amount_off = list_amount - offer.fixed_price_amount
    offer.product_ids = [price.product.id]


def _unknown_products(offer: Offer) -> list[str]:
    known = set(Product.objects.filter(id__in=offer.product_ids).values_list("id", flat=True))
    unknown = [product_id for product_id in offer.product_ids if product_id not in known]
    return unknown if unknown and Product.objects.exists() else []


def _value(offer: Offer) -> str:
    if offer.kind == Offer.Kind.FREE:
        return "Free"
    if offer.is_fixed_price and offer.list_price_amount is not None and offer.fixed_price_amount is not None:
        fixed = money.display(offer.fixed_price_amount, offer.currency)
        return f"{fixed} instead of {money.display(offer.list_price_amount, offer.currency)}"
    if offer.percent_off is not None:
        return f"{offer.percent_off:.2f}".rstrip("0").rstrip(".") + "% off"
    if offer.amount_off is not None:
        return f"{money.display(offer.amount_off, offer.currency)} off"
    return "Terms kept in Stripe"


def _duration(offer: Offer) -> str:
    if offer.duration == Offer.Duration.FOREVER:
        return ", for ever"
    if offer.duration == Offer.Duration.REPEATING:
        months = offer.duration_in_months
        return " for 1 month" if months == 1 else f" for {months} months"
    return ", once"
