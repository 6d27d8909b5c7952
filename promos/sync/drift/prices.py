"""Fixed prices that are no longer true, because the list price they were reckoned from has moved.

A price at Stripe never changes its amount: a new list price is another price of
the same product, and the old one is switched off. If there is just one such
price, the fixed price follows it; else the owner says what is meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from django.core.exceptions import ValidationError
from django.db import transaction
from djstripe.models import Price

from promos import history, mirror, money, offers, stripe_gateway
from promos.models import Offer
from promos.stripe_gateway import StripeObject
from promos.sync.drift.survey import Difference, Kind, Survey

Prices = Mapping[str, StripeObject]


def differences(survey: Survey) -> Iterator[Difference]:
    """Compare every fixed price in use with the prices at Stripe."""
    in_use = list(_in_use())
    if in_use:
        prices = {price["id"]: price for page in survey.pages(stripe_gateway.list_prices()) for price in page}
        yield from _moved(in_use, prices)


def mirrored_differences() -> Iterator[Difference]:
    """Compare every fixed price in use with the mirror, which has just heard of a price; Stripe is not asked."""
    in_use = list(_in_use())
    products = {product for offer in in_use for product in offer.product_ids}
    prices = Price.objects.filter(product__id__in=products)
    yield from _moved(in_use, {price.id: price.stripe_data for price in prices})


def _in_use() -> Iterator[Offer]:
    living = Offer.objects.filter(kind=Offer.Kind.FIXED_PRICE, promo_codes__archived_at=None)
    yield from living.exclude(promo_codes=None).distinct().order_by("pk")


def _moved(in_use: list[Offer], prices: Prices) -> Iterator[Difference]:
    for offer in in_use:
        now_asked = _list_price(offer, prices)
        if now_asked is None:
            yield _for_owner(offer, "its list price is no longer on sale in Stripe")
        elif _amount(now_asked) != offer.list_price_amount or now_asked["id"] != offer.list_price_id:
            yield _followed(offer, now_asked)


def _list_price(offer: Offer, prices: Prices) -> StripeObject | None:
    """Return the price that customers are asked now: the offer's, or the only one that took its place."""
    known = prices.get(offer.list_price_id)
    if known is not None and known["active"]:
        return known
    same = [price for price in prices.values() if price["active"] and _is_alike(price, offer, known)]
    return same[0] if len(same) == 1 else None


def _is_alike(price: StripeObject, offer: Offer, known: StripeObject | None) -> bool:
    """Whether a price may have taken the place of the one that was known: newer, and otherwise its like."""
    product = price["product"] if isinstance(price["product"], str) else price["product"]["id"]
    is_for_plan = bool(price.get("recurring")) and _amount(price) is not None
    if [product] != offer.product_ids or price["currency"] != offer.currency or not is_for_plan:
        return False
    is_newer = known is None or price.get("created", 0) >= known.get("created", 0)
    return is_newer and (known is None or _rhythm(price) == _rhythm(known))


def _rhythm(price: StripeObject) -> tuple[str, int]:
    recurring = price.get("recurring") or {}
    return recurring.get("interval", ""), recurring.get("interval_count", 1)


def _amount(price: StripeObject) -> int | None:
    amount: int | None = price.get("unit_amount")
    return amount


def _followed(offer: Offer, price: StripeObject) -> Difference:
    amount, fixed = _amount(price), offer.fixed_price_amount
    asked = money.display(amount or 0, price["currency"])
    if amount is None or fixed is None or amount <= fixed:
        return _for_owner(offer, f"the list price is {asked} now, which is not above it")
    before = money.display(offer.list_price_amount or 0, offer.currency)
    return Difference(
        Kind.LIST_PRICE_MOVED,
        f"The list price behind {offer} moved from {before} to {asked}, so what is taken off has to change.",
        offer=offer,
        stripe_id=price["id"],
        repair=partial(_follow, offer, price),
    )


def _for_owner(offer: Offer, why: str) -> Difference:
    sentence = f"The fixed price of {offer} is not true any more: {why}. Edit its terms or archive its codes."
    return Difference(Kind.LIST_PRICE_MOVED, sentence, offer=offer, stripe_id=offer.list_price_id)


def _follow(offer: Offer, price: StripeObject) -> bool:
    """Reckon the amount off anew; saving the offer has its codes replaced at Stripe."""
    mirror.copy(price)
    with transaction.atomic():
        locked = Offer.objects.select_for_update().get(pk=offer.pk)
        locked.list_price_id = price["id"]
        try:
            offers.complete(locked)
        except ValidationError:
            return False
        with history.because("The list price moved in Stripe"):
            locked.save()
    return True
