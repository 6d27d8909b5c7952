"""Coupons and Stripe's rules for them."""

from typing import Any

from promos.standin import errors, ids, params, promotion_codes
from promos.standin.call import Call
from promos.standin.kinds import Document

FIVE_YEARS = 5 * 366 * 24 * 3600

CURRENCY_OPTIONS = params.by_currency(params.group({"amount_off": params.integer(1)}, ("amount_off",)))
UPDATE = {
    "currency_options": CURRENCY_OPTIONS,
    "metadata": params.metadata,
    "name": params.text(40),
}
CREATE = {
    **UPDATE,
    "amount_off": params.integer(1),
    "applies_to": params.group({"products": params.listing(params.text())}),
    "currency": params.currency,
    "duration": params.choice("forever", "once", "repeating"),
    "duration_in_months": params.integer(1),
    "id": params.text(),
    "max_redemptions": params.integer(1),
    "percent_off": params.percent,
    "redeem_by": params.integer(),
}


def create(call: Call, values: dict[str, Any]) -> Document:
    """Create a coupon.

    Raises StripeError: resource_already_exists for a taken id, and for terms that contradict each other.
    """
    _check_terms(values)
    _check_redeem_by(call, values.get("redeem_by"))
    products = (values.get("applies_to") or {}).get("products", [])
    for index, product in enumerate(products):
        call.get("product", product, param=f"applies_to[products][{index}]")
    identifier = values.get("id") or ids.new("", 8)
    if call.store.get("coupon", identifier):
        raise errors.StripeError("Coupon already exists.", code="resource_already_exists", param="id")
    return call.add(_document(call, {**values, "id": identifier}, products))


def _check_terms(values: dict[str, Any]) -> None:
    percent, amount = values.get("percent_off"), values.get("amount_off")
    if (percent is None) == (amount is None):
        raise errors.invalid("Pass exactly one of percent_off and amount_off.", "percent_off")
    if amount is not None and not values.get("currency"):
        raise errors.missing_parameter("currency")
    if percent is not None and values.get("currency_options"):
        raise errors.invalid("currency_options needs amount_off.", "currency_options")
    repeating = values.get("duration", "once") == "repeating"
    if repeating != (values.get("duration_in_months") is not None):
        message = "duration_in_months is required with duration=repeating, and only allowed with it."
        raise errors.invalid(message, "duration_in_months")


def _check_redeem_by(call: Call, redeem_by: int | None) -> None:
    if redeem_by is not None and not call.now < redeem_by <= call.now + FIVE_YEARS:
        raise errors.invalid("redeem_by must be in the future, at most five years ahead.", "redeem_by")


def _document(call: Call, values: dict[str, Any], products: list[str]) -> Document:
    coupon = call.start(
        "coupon",
        amount_off=values.get("amount_off"),
        currency=values.get("currency"),
        duration=values.get("duration", "once"),
        duration_in_months=values.get("duration_in_months"),
        max_redemptions=values.get("max_redemptions"),
        metadata=params.merged_metadata({}, values.get("metadata", {})),
        name=values.get("name"),
        percent_off=values.get("percent_off"),
        redeem_by=values.get("redeem_by"),
    )
    coupon["id"] = values["id"]
    if products:
        coupon["applies_to"] = {"products": products}
    if coupon["amount_off"]:
        own = {coupon["currency"]: {"amount_off": coupon["amount_off"]}}
        coupon["currency_options"] = {**values.get("currency_options", {}), **own}
    return coupon


def update(call: Call, coupon: Document, changes: dict[str, Any]) -> Document:
    """Change name, metadata or currency options: nothing else of a coupon can be changed."""
    if "currency_options" in changes:
        if not coupon["amount_off"]:
            raise errors.invalid("currency_options needs amount_off.", "currency_options")
        changes["currency_options"] = {**changes["currency_options"], **coupon["currency_options"]}
    return call.change(coupon, params.with_metadata(coupon, changes))


def delete(call: Call, coupon: Document) -> Document:
    """Delete a coupon; running discounts stay, its promotion codes are dead for good."""
    promotion_codes.switch_off(call, coupon["id"], for_good=True)
    return call.remove({**coupon, "valid": False})


def lapse(call: Call, coupon: Document) -> None:
    """Note that `redeem_by` has passed; nothing is announced."""
    call.change(coupon, {"valid": False}, silent=True)
    promotion_codes.switch_off(call, coupon["id"])


def redeem(call: Call, identifier: str) -> None:
    """Count one redemption; the last one allowed makes the coupon invalid."""
    coupon = call.get("coupon", identifier)
    times = coupon["times_redeemed"] + 1
    exhausted = coupon["max_redemptions"] is not None and times >= coupon["max_redemptions"]
    changes = {"times_redeemed": times, "valid": coupon["valid"] and not exhausted}
    call.change(coupon, changes, silent=not call.announce_redemptions)
    if exhausted:
        promotion_codes.switch_off(call, identifier)
