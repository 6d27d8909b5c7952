"""Offers whose name, currency, duration, list price or products Stripe would refuse."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Length
from djstripe.models import Price, Product

from promos import money
from promos.doctor.findings import Finding, Repair, Rule, ask, new_terms
from promos.models import Offer

Kind, Duration = Offer.Kind, Offer.Duration
Offers = QuerySet[Offer]

LONGEST_NAME = 40
CURRENCY = re.compile(r"[a-z]{3}")


def name_too_long(offers: Offers) -> Iterator[Finding]:
    for offer in offers.annotate(name_length=Length("name")).filter(name_length__gt=LONGEST_NAME):
        name = offer.name[:LONGEST_NAME].rstrip()
        yield Finding(
            "name_too_long",
            offer,
            f"The name has {len(offer.name)} characters; Stripe takes {LONGEST_NAME}.",
            Repair(f"Cut it to “{name}”.", {"name": name}, is_safe=True),
        )


def currency_missing(offers: Offers) -> Iterator[Finding]:
    """An amount of no currency; where everything is sold in one, it is that one."""
    for offer in offers.filter(amount_off__gte=1, currency="").exclude(kind=Kind.PERCENT):
        sold_in = set(Price.objects.filter(active=True).values_list("currency", flat=True))
        if len(sold_in) == 1:
            [currency] = sold_in
            repair = new_terms(
                offer, f"Make it {currency.upper()}, in which all your prices are.", currency=currency
            )
        else:
            repair = ask("Choose the currency.")
        yield Finding("currency_missing", offer, f"The amount {offer.amount_off} has no currency.", repair)


def currency_misspelt(offers: Offers) -> Iterator[Finding]:
    """A currency that is not three small letters, which never equals what Stripe answers."""
    for offer in offers.exclude(currency="", currency_amounts={}):
        currency = _spelt(offer.currency)
        amounts = {_spelt(key): amount for key, amount in offer.currency_amounts.items()}
        mended = {"currency": currency, "currency_amounts": amounts}
        changes = {name: value for name, value in mended.items() if value != getattr(offer, name)}
        spelt = [currency, *amounts]
        if unknown := [one for one in spelt if one and not CURRENCY.fullmatch(one)]:
            sentence, repair = f"“{unknown[0]}” is no currency.", ask("Choose the currency.")
        elif changes:
            sentence = "A currency is not in small letters, as Stripe writes it."
            repair = Repair("Write it so.", changes, is_safe=True)
        else:
            continue
        yield Finding("currency_misspelt", offer, sentence, repair)


def months_without_repeating(offers: Offers) -> Iterator[Finding]:
    for offer in offers.exclude(duration=Duration.REPEATING).exclude(duration_in_months=None):
        yield Finding(
            "months_without_repeating",
            offer,
            f"It has {offer.duration_in_months} months and lasts {offer.get_duration_display().lower()}.",
            new_terms(offer, "Drop the months.", duration_in_months=None),
        )


def repeating_without_months(offers: Offers) -> Iterator[Finding]:
    for offer in offers.filter(
        Q(duration_in_months=None) | Q(duration_in_months__lt=1), duration=Duration.REPEATING
    ):
        yield Finding(
            "repeating_without_months",
            offer,
            "It repeats, for no number of months.",
            ask("Enter for how many months."),
        )


def fixed_price_not_below_list(offers: Offers) -> Iterator[Finding]:
    """A fixed price that saves nothing, going by the list price when it was made."""
    for offer in offers.filter(kind=Kind.FIXED_PRICE, fixed_price_amount__gte=F("list_price_amount")):
        assert offer.fixed_price_amount is not None
        assert offer.list_price_amount is not None
        fixed, listed = (
            money.display(amount, offer.currency or "usd")
            for amount in (offer.fixed_price_amount, offer.list_price_amount)
        )
        yield Finding(
            "fixed_price_not_below_list",
            offer,
            f"The fixed price of {fixed} is not below the list price of {listed}.",
            ask("Enter a lower price, or archive its codes."),
        )


def list_price_unknown(offers: Offers) -> Iterator[Finding]:
    known = set(Price.objects.values_list("id", flat=True))
    for offer in offers.filter(kind=Kind.FIXED_PRICE).exclude(list_price_id__in=known):
        yield Finding(
            "list_price_unknown",
            offer,
            f"Its list price “{offer.list_price_id}” is not among your Stripe prices.",
            ask("Choose the price; connect_stripe copies them anew."),
        )


def product_unknown(offers: Offers) -> Iterator[Finding]:
    """Products that Stripe does not have; a price or a product's name in their place tells which was meant."""
    known = dict(Product.objects.values_list("id", "name"))
    if not known:
        # Nothing was mirrored yet: nothing can be said.
        return
    for offer in offers.exclude(product_ids=[]):
        if unknown := [one for one in offer.product_ids if one not in known]:
            yield _unknown_product(offer, unknown, known)


RULES: tuple[Rule, ...] = (
    name_too_long,
    currency_missing,
    currency_misspelt,
    months_without_repeating,
    repeating_without_months,
    fixed_price_not_below_list,
    list_price_unknown,
    product_unknown,
)


def _unknown_product(offer: Offer, unknown: list[str], known: dict[str, str]) -> Finding:
    sentence = f"“{unknown[0]}” is not among your Stripe products."
    meant = {one: _product_of(one, known) for one in unknown}
    if not all(meant.values()):
        return Finding("product_unknown", offer, sentence, ask("Choose the products."))
    products = sorted({meant.get(one) or one for one in offer.product_ids})
    repair = new_terms(offer, f"Name the product: {', '.join(products)}.", product_ids=products)
    return Finding("product_unknown", offer, sentence, repair)


def _product_of(text: str, known: dict[str, str]) -> str | None:
    """Return the one product that a price's id, or a product's name, stands for."""
    price = Price.objects.filter(id=text).select_related("product").first()
    if price is not None:
        return str(price.product.id)
    named = [product_id for product_id, name in known.items() if name == text]
    return named[0] if len(named) == 1 else None


def _spelt(currency: str) -> str:
    return currency.strip().lower()
