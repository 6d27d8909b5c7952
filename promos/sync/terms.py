"""One canonical form of terms, from our rows and from Stripe's objects, so that the two can be compared.

A coupon's terms: name, percent_off (text with two decimals, or null), amounts
(minor units by currency), duration, duration_in_months, products (sorted ids).
A coupon made in Stripe may also have redeem_by (epoch seconds): no offer wants
it, and no code of the coupon outlives it.

A promotion code's terms: code, coupon, customer (id or ""), active, expires_at
(epoch seconds or null), max_redemptions, first_time, minimums (minor units by currency).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from promos import codes, remaining
from promos.models import Offer, PromoCode, StripeCoupon, StripePromotionCode

Terms = dict[str, Any]

#: What Stripe lets us change on a promotion code that exists; the rest needs a successor.
MUTABLE_OF_PROMOTION_CODE = frozenset({"active"})
_NEVER = math.inf

#: Statuses in which all that matters at Stripe is that the code is off there.
DEAD = frozenset({codes.Status.ARCHIVED, codes.Status.DRAFT, codes.Status.EXPIRED, codes.Status.USED_UP})


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
        # As Stripe does, which shows customers the id of a coupon without a name.
        "name": coupon.get("name") or coupon["id"][:40],
        "percent_off": _percent(coupon.get("percent_off")),
        "amounts": amounts,
        "duration": coupon["duration"],
        "duration_in_months": coupon.get("duration_in_months"),
        "products": sorted((coupon.get("applies_to") or {}).get("products", [])),
        "redeem_by": coupon.get("redeem_by"),
    }


def of_code(code: PromoCode, generation: StripePromotionCode, *, now: datetime) -> Terms:
    """Return the promotion code terms that a code wants of its generation at ``now``."""
    remaining = None if code.max_redemptions is None else code.max_redemptions - generation.used_before
    return {
        "code": code.code,
        "coupon": generation.stripe_coupon.stripe_coupon_id,
        "customer": (code.customer.stripe_customer_id or "") if code.customer else "",
        "active": _is_active(code, generation, now),
        "expires_at": _expires_at(code, generation),
        "max_redemptions": remaining,
        "first_time": code.first_time_only,
        "minimums": code.minimums,
    }


def of_promotion_code(promotion_code: Mapping[str, Any]) -> Terms:
    """Return the terms of a promotion code as Stripe answers it, today's shape or the one before 2025-09-30."""
    restrictions = promotion_code["restrictions"]
    minimums = {}
    if restrictions.get("minimum_amount"):
        minimums[restrictions["minimum_amount_currency"]] = restrictions["minimum_amount"]
        options = restrictions.get("currency_options") or {}
        minimums |= {currency: option["minimum_amount"] for currency, option in options.items()}
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
    if terms["minimums"]:
        currency, *others = terms["minimums"]
        amount = terms["minimums"][currency]
        restrictions |= {"minimum_amount": amount, "minimum_amount_currency": currency}
        options = {other: {"minimum_amount": terms["minimums"][other]} for other in others}
        restrictions |= {"currency_options": options} if options else {}
    return params | optional | ({"restrictions": restrictions} if restrictions else {})


def _is_active(code: PromoCode, generation: StripePromotionCode, now: datetime) -> bool:
    """Say whether customers may use the code at Stripe; what Stripe has ended by itself stays as it is."""
    status = codes.status(code, now)
    agreed = generation.synced_terms
    is_over = status == codes.Status.EXPIRED and now.timestamp() >= (agreed.get("expires_at") or _NEVER)
    if is_over or (status == codes.Status.USED_UP and remaining.is_exhausted(code, generation)):
        return bool(agreed["active"])
    return status == codes.Status.ACTIVE


def is_agreed(code: PromoCode, *, now: datetime) -> bool:
    """Say whether Stripe has what the code wants, going by the last agreement."""
    generation = current(code)
    if generation is None:
        return not is_wanted(code, now=now)
    return not outstanding(code, generation, now=now)


def is_wanted(code: PromoCode, *, now: datetime) -> bool:
    """Say whether a code that Stripe does not have should be made there."""
    is_ours = code.offer.kind != Offer.Kind.OTHER
    return is_ours and codes.status(code, now) not in DEAD and remaining.is_anything_left(code)


def outstanding(code: PromoCode, generation: StripePromotionCode, *, now: datetime) -> frozenset[str]:
    """Return the names of the terms in which Stripe's side of a code is not what the row wants.

    ``coupon`` stands for the offer's terms too, ``name`` for those that the coupon can take over.
    Nothing is wanted of a code whose terms we cannot express: it is Stripe's alone.
    """
    if code.offer.kind == Offer.Kind.OTHER:
        return frozenset()
    changed = differences(of_code(code, generation, now=now), generation.synced_terms)
    if generation.creation:
        # A switch whose answer was lost: only Stripe knows whether it is on.
        changed |= {"active"}
    if codes.status(code, now) in DEAD:
        # What else it wants is settled when it comes back to life.
        return changed & {"active"}
    if remaining.is_wrong(code, generation):
        changed |= {"max_redemptions"}
    return changed | outstanding_of_coupon(code, generation.stripe_coupon)


def outstanding_of_coupon(code: PromoCode, coupon: StripeCoupon) -> frozenset[str]:
    """Return ``coupon`` when the code needs another one, ``name`` when this one can take over the offer's terms."""
    if coupon.offer_id != code.offer_id or coupon.state == StripeCoupon.State.DELETED:
        return frozenset({"coupon"})
    wanted = of_offer(code.offer)
    if not can_take_over(wanted, coupon.synced_terms):
        return frozenset({"coupon"})
    # A change whose answer was lost is sent again.
    return frozenset({"name"} if coupon.creation or differences(wanted, coupon.synced_terms) else ())


def can_take_over(wanted: Terms, found: Terms) -> bool:
    """Say whether Stripe lets a coupon take over the wanted terms: another name, further currencies."""
    changed = differences(wanted, found) - {"name"}
    is_longer = bool(found["amounts"]) and wanted["amounts"].items() >= found["amounts"].items()
    return not changed or (changed == {"amounts"} and is_longer)


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


def _expires_at(code: PromoCode, generation: StripePromotionCode) -> int | None:
    """Return the code's own end or its coupon's, which Stripe gives to every promotion code of the coupon."""
    ends = (_epoch(code.expires_at), generation.stripe_coupon.synced_terms.get("redeem_by"))
    return min((end for end in ends if end), default=None)


def _epoch(at: datetime | None) -> int | None:
    return int(at.timestamp()) if at else None


def _percent(value: Decimal | float | str | None) -> str | None:
    return None if value is None else f"{Decimal(str(value)):.2f}"


def _id(value: str | Mapping[str, Any] | None) -> str:
    """Return the id of a reference that may be expanded or null."""
    if isinstance(value, Mapping):
        return str(value["id"])
    return value or ""
