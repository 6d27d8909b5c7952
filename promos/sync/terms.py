"""One canonical form of terms, from our rows and from Stripe's objects, so that the two can be compared.

A coupon's terms: name, percent_off (text with two decimals, or null), amounts
(minor units by currency), duration, duration_in_months, products (sorted ids).

A promotion code's terms: code, coupon, customer (id or ""), active, expires_at
(epoch seconds or null), max_redemptions, first_time, minimums (minor units by currency).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from promos import codes
from promos.models import Offer, PromoCode, StripePromotionCode

Terms = dict[str, Any]

#: What Stripe lets us change on an object that exists; the rest needs a successor.
MUTABLE_OF_COUPON = frozenset({"name"})
MUTABLE_OF_PROMOTION_CODE = frozenset({"active"})

#: Statuses in which customers must not be able to use the code at Stripe either.
_OFF = frozenset(set(codes.Status) - {codes.Status.ACTIVE})


def of_offer(offer: Offer) -> Terms:
    """Return the coupon terms that an offer wants."""
    main = {} if offer.amount_off is None else {offer.currency: offer.amount_off}
    return {
        "name": offer.name,
        "percent_off": _percent(offer.percent_off),
        "amounts": main | offer.currency_amounts,
        "duration": str(offer.duration),
        "duration_in_months": offer.duration_in_months,
        "products": sorted(offer.product_ids),
    }


def of_coupon(coupon: Mapping[str, Any]) -> Terms:
    """Return the terms of a coupon as Stripe answers it, retrieved with expand."""
    options = coupon.get("currency_options") or {}
    amounts = {currency: option["amount_off"] for currency, option in options.items()}
    if coupon.get("amount_off") is not None:
        amounts[coupon["currency"]] = coupon["amount_off"]
    return {
        "name": coupon.get("name") or "",
        "percent_off": _percent(coupon.get("percent_off")),
        "amounts": amounts,
        "duration": coupon["duration"],
        "duration_in_months": coupon.get("duration_in_months"),
        "products": sorted((coupon.get("applies_to") or {}).get("products", [])),
    }


def of_code(code: PromoCode, generation: StripePromotionCode, *, now: datetime) -> Terms:
    """Return the promotion code terms that a code wants of its generation at ``now``."""
    remaining = None if code.max_redemptions is None else code.max_redemptions - generation.used_before
    minimum = {code.minimum_amount_currency: code.minimum_amount} if code.minimum_amount else {}
    return {
        "code": code.code,
        "coupon": generation.stripe_coupon.stripe_coupon_id,
        "customer": (code.customer.stripe_customer_id or "") if code.customer else "",
        "active": codes.status(code, now) not in _OFF,
        "expires_at": int(code.expires_at.timestamp()) if code.expires_at else None,
        "max_redemptions": remaining,
        "first_time": code.first_time_only,
        "minimums": minimum,
    }


def of_promotion_code(promotion_code: Mapping[str, Any]) -> Terms:
    """Return the terms of a promotion code as Stripe answers it, today's shape or the one before 2025-09-30."""
    restrictions = promotion_code["restrictions"]
    minimums = {}
    if restrictions.get("minimum_amount"):
        minimums[restrictions["minimum_amount_currency"]] = restrictions["minimum_amount"]
    return {
        "code": codes.normalise(promotion_code["code"]),
        "coupon": coupon_id(promotion_code),
        "customer": _id(promotion_code.get("customer")),
        "active": promotion_code["active"],
        "expires_at": promotion_code.get("expires_at"),
        "max_redemptions": promotion_code.get("max_redemptions"),
        "first_time": bool(restrictions.get("first_time_transaction")),
        "minimums": minimums,
    }


def coupon_id(promotion_code: Mapping[str, Any]) -> str:
    """Return the id of a promotion code's coupon, in either shape, expanded or not."""
    promotion = promotion_code.get("promotion") or {}
    return _id(promotion.get("coupon") or promotion_code.get("coupon"))


def coupon_params(terms: Terms) -> dict[str, Any]:
    """Return the request that creates a coupon of these terms (without its id and metadata)."""
    params: dict[str, Any] = {"name": terms["name"], "duration": terms["duration"]}
    if terms["percent_off"] is not None:
        params["percent_off"] = float(terms["percent_off"])
    else:
        currency, *others = terms["amounts"]
        params |= {"currency": currency, "amount_off": terms["amounts"][currency]}
        options = {other: {"amount_off": terms["amounts"][other]} for other in others}
        params |= {"currency_options": options} if options else {}
    if terms["duration_in_months"]:
        params["duration_in_months"] = terms["duration_in_months"]
    if terms["products"]:
        params["applies_to"] = {"products": terms["products"]}
    return params


def promotion_code_params(terms: Terms) -> dict[str, Any]:
    """Return the request that creates a promotion code of these terms (without metadata)."""
    params: dict[str, Any] = {
        "promotion": {"type": "coupon", "coupon": terms["coupon"]},
        "code": terms["code"],
        "active": terms["active"],
    }
    optional = {key: terms[key] for key in ("customer", "expires_at", "max_redemptions") if terms[key]}
    restrictions: dict[str, Any] = {"first_time_transaction": True} if terms["first_time"] else {}
    for currency, amount in terms["minimums"].items():
        restrictions |= {"minimum_amount": amount, "minimum_amount_currency": currency}
    return params | optional | ({"restrictions": restrictions} if restrictions else {})


def is_agreed(code: PromoCode, *, now: datetime) -> bool:
    """Say whether Stripe has what the code wants, going by the last agreement."""
    generation = current(code)
    if generation is None:
        return False
    changed = differences(of_code(code, generation, now=now), generation.synced_terms)
    if code.archived_at:
        # What else an archived code wanted is of no account.
        return "active" not in changed
    coupon = generation.stripe_coupon
    has_its_offer = coupon.offer_id == code.offer_id
    return has_its_offer and not changed and not differences(of_offer(code.offer), coupon.synced_terms)


def current(code: PromoCode) -> StripePromotionCode | None:
    """Return the code's promotion code at Stripe, or None before its first push."""
    return (
        code.stripe_promotion_codes.filter(state=StripePromotionCode.State.CURRENT)
        .select_related("stripe_coupon")
        .first()
    )


def differences(wanted: Terms, found: Terms) -> frozenset[str]:
    """Return the names of the terms in which the two differ."""
    return frozenset(key for key in wanted if wanted[key] != found.get(key))


def next_change_at(code: PromoCode, now: datetime) -> datetime | None:
    """Return when time alone will next change whether the code should be active at Stripe.

    The code's own expiry is not one: Stripe ends the promotion code by itself.
    """
    campaign_end = code.campaign.ends_at if code.campaign else None
    return min((at for at in (codes.starts_at(code), campaign_end) if at and at > now), default=None)


def moment(epoch: int | None) -> datetime | None:
    """Return Stripe's epoch seconds as a time."""
    return datetime.fromtimestamp(epoch, UTC) if epoch else None


def _percent(value: Decimal | float | str | None) -> str | None:
    return None if value is None else f"{Decimal(str(value)):.2f}"


def _id(value: str | Mapping[str, Any] | None) -> str:
    """Return the id of a reference that may be expanded or null."""
    if isinstance(value, Mapping):
        return str(value["id"])
    return value or ""
