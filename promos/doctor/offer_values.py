"""Offers whose value is missing, doubled, out of range or in the wrong field.

Earlier programs stored a percentage in whatever column they had: 20 or 0.2 as an
amount, 0.2 as a percentage. The offer's name often says what was meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from django.db.models import F, Q, QuerySet

from promos import money
from promos.doctor.findings import Finding, Repair, Rule, ask, new_terms
from promos.models import Offer

Kind = Offer.Kind
Offers = QuerySet[Offer]

_PERCENTAGE_IN_NAME = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,2})?)\s*(?:%|percent)", re.IGNORECASE)


def percentage_as_amount(offers: Offers) -> Iterator[Finding]:
    """An amount below one minor unit, or the very number that the name calls a percentage."""
    # A fraction in an integer column: SQLite keeps what it is given.
    fraction = Q(amount_off__gt=0, amount_off__lt=1)
    named = Q(name__contains="%") | Q(name__icontains="percent")
    suspects = offers.filter(fraction | named)
    for offer in suspects.exclude(kind=Kind.FIXED_PRICE).filter(percent_off=None):
        percent = _percentage_meant(offer)
        if percent is not None:
            yield Finding(
                "percentage_as_amount",
                offer,
                f"The amount off is {offer.amount_off}, which is the percentage {_shown(percent)}%.",
                new_terms(
                    offer,
                    f"Make it {_shown(percent)}% off.",
                    kind=Kind.PERCENT,
                    percent_off=percent,
                    amount_off=None,
                    currency="",
                ),
            )


def less_than_one(offers: Offers) -> Iterator[Finding]:
    """An amount of some cents only, unless its name says so: whoever stored it meant a percentage or whole units."""
    for offer in offers.filter(kind=Kind.AMOUNT, amount_off__gte=1, amount_off__lt=100).exclude(currency=""):
        assert offer.amount_off is not None
        shown = money.display(offer.amount_off, offer.currency)
        is_settled = _percentage_meant(offer) is not None or shown in offer.name or _is_from_stripe(offer)
        if is_settled or money.exponent(offer.currency) != 2:
            continue
        whole = money.display(offer.amount_off * 100, offer.currency)
        yield Finding(
            "less_than_one",
            offer,
            f"It takes off {shown}; {offer.amount_off}% or {whole} was probably meant.",
            ask(f"If so, change it; else say “{shown}” in its name."),
        )


def fraction_as_percentage(offers: Offers) -> Iterator[Finding]:
    """A percentage below one, which is as good as always a fraction of 100."""
    for offer in offers.filter(kind=Kind.PERCENT, percent_off__gt=0, percent_off__lt=1):
        assert offer.percent_off is not None
        percent = offer.percent_off * 100
        sentence = f"It takes off {_shown(offer.percent_off)}%; {_shown(percent)}% was probably meant."
        if _in_name(offer) == percent:
            repair = new_terms(offer, f"Make it {_shown(percent)}% off.", percent_off=percent)
        elif _in_name(offer) == offer.percent_off or _is_from_stripe(offer):
            continue
        else:
            repair = ask(
                f"If so, change it to {_shown(percent)}; else say “{_shown(offer.percent_off)}%” in its name."
            )
        yield Finding("fraction_as_percentage", offer, sentence, repair)


def percentage_out_of_range(offers: Offers) -> Iterator[Finding]:
    for offer in offers.filter(Q(percent_off__lte=0) | Q(percent_off__gt=100)):
        yield Finding(
            "percentage_out_of_range",
            offer,
            f"The percentage {_shown(offer.percent_off)} is not above 0 and at most 100.",
            ask("Enter the percentage that was meant."),
        )


def two_values(offers: Offers) -> Iterator[Finding]:
    """Percentage and amount at once, which Stripe refuses; the kind says which of them counts."""
    for offer in offers.filter(percent_off__isnull=False, amount_off__isnull=False):
        sentence = f"It has a percentage ({_shown(offer.percent_off)}) and an amount ({offer.amount_off})."
        if offer.kind in {Kind.PERCENT, Kind.FREE}:
            repair = new_terms(offer, "Keep the percentage.", amount_off=None, currency="")
        elif offer.kind in {Kind.AMOUNT, Kind.FIXED_PRICE}:
            repair = new_terms(offer, "Keep the amount.", percent_off=None)
        else:
            repair = ask("Choose what it gives.")
        yield Finding("two_values", offer, sentence, repair)


def no_value(offers: Offers) -> Iterator[Finding]:
    """A kind without the value that belongs to it."""
    lacking = Q(kind=Kind.PERCENT, percent_off=None) | Q(kind=Kind.AMOUNT, amount_off=None)
    for offer in offers.filter(lacking | Q(kind=Kind.FIXED_PRICE, fixed_price_amount=None)):
        if _percentage_meant(offer) is None:
            yield Finding(
                "no_value",
                offer,
                f"It is a {offer.get_kind_display().lower()} without its value.",
                _other_kind(offer) or ask("Enter what it gives."),
            )


def free_but_not_all(offers: Offers) -> Iterator[Finding]:
    for offer in offers.filter(kind=Kind.FREE).exclude(percent_off=100):
        yield Finding(
            "free_but_not_all",
            offer,
            f"It is called free and takes off {_shown(offer.percent_off)}%.",
            new_terms(offer, "Take off 100%.", percent_off=Decimal(100), amount_off=None, currency=""),
        )


def fixed_price_misderived(offers: Offers) -> Iterator[Finding]:
    """An amount off that does not lead from the list price to the fixed price."""
    derived = F("list_price_amount") - F("fixed_price_amount")
    below = offers.filter(kind=Kind.FIXED_PRICE, fixed_price_amount__lt=F("list_price_amount"))
    for offer in below.filter(Q(amount_off=None) | ~Q(amount_off=derived)):
        assert offer.list_price_amount is not None
        assert offer.fixed_price_amount is not None
        amount_off = offer.list_price_amount - offer.fixed_price_amount
        yield Finding(
            "fixed_price_misderived",
            offer,
            f"From {offer.list_price_amount} to {offer.fixed_price_amount} it takes {amount_off} off, not {offer.amount_off}.",
            new_terms(offer, f"Take {amount_off} off.", amount_off=amount_off),
        )


RULES: tuple[Rule, ...] = (
    percentage_as_amount,
    less_than_one,
    fraction_as_percentage,
    percentage_out_of_range,
    two_values,
    no_value,
    free_but_not_all,
    fixed_price_misderived,
)


def _percentage_meant(offer: Offer) -> Decimal | None:
    """Return the percentage that stands in the amount, or None when the amount may well be one."""
    if offer.amount_off is None or offer.percent_off is not None or offer.kind == Kind.FIXED_PRICE:
        return None
    amount, named = Decimal(str(offer.amount_off)), _in_name(offer)
    if amount < 1:
        return amount * 100
    return named if named is not None and amount in {named, named * 100} else None


def _in_name(offer: Offer) -> Decimal | None:
    """Return the percentage that an offer's name speaks of, if it is one."""
    found = _PERCENTAGE_IN_NAME.search(offer.name)
    percent = Decimal(found.group(1)) if found else None
    return percent if percent is not None and 0 < percent <= 100 else None


def _is_from_stripe(offer: Offer) -> bool:
    """Say whether somebody made the offer's coupon in Stripe's dashboard, where its value has a field of its own."""
    return offer.stripe_coupons.exclude(stripe_coupon_id__startswith=f"pd_{offer.uid}").exists()


def _other_kind(offer: Offer) -> Repair | None:
    """Return the repair of an offer whose value is that of another kind."""
    if offer.kind == Kind.AMOUNT and offer.percent_off is not None:
        return new_terms(offer, f"Make it {_shown(offer.percent_off)}% off.", kind=Kind.PERCENT)
    if offer.kind == Kind.PERCENT and offer.amount_off is not None and offer.currency:
        return new_terms(offer, f"Make it {offer.amount_off} {offer.currency} off.", kind=Kind.AMOUNT)
    return None


def _shown(percent: Decimal | None) -> str:
    """Return a percentage without the zeros that its column adds."""
    if percent is None:
        return "nothing"
    return f"{percent:.2f}".rstrip("0").rstrip(".")
