"""Promotion codes and Stripe's rules for them."""

import re
from typing import Any

from promos.standin import errors, ids, params
from promos.standin.call import Call
from promos.standin.kinds import Document

ALPHABET = re.compile(r"[A-Za-z0-9-]{1,500}")

CURRENCY_OPTIONS = params.by_currency(
    params.group({"minimum_amount": params.integer(1)}, ("minimum_amount",))
)
UPDATE = {
    "active": params.boolean,
    "metadata": params.metadata,
    "restrictions": params.group({"currency_options": CURRENCY_OPTIONS}),
}
CREATE = {
    "active": params.boolean,
    "code": params.text(500),
    "customer": params.text(),
    "expires_at": params.integer(),
    "max_redemptions": params.integer(1),
    "metadata": params.metadata,
    "promotion": params.group(
        {"coupon": params.text(), "type": params.choice("coupon")},
        ("type", "coupon"),
    ),
    "restrictions": params.group(
        {
            "currency_options": CURRENCY_OPTIONS,
            "first_time_transaction": params.boolean,
            "minimum_amount": params.integer(1),
            "minimum_amount_currency": params.currency,
        }
    ),
}


def create(call: Call, values: dict[str, Any]) -> Document:
    """Create a promotion code.

    Raises StripeError: resource_missing for its coupon or customer; with only a message when the text is taken.
    """
    coupon = call.get("coupon", values["promotion"]["coupon"], param="promotion[coupon]")
    if not coupon["valid"]:
        raise errors.StripeError("This coupon can no longer be redeemed.", param="promotion[coupon]")
    if values.get("customer"):
        call.get("customer", values["customer"], param="customer")
    code = _document(call, values, coupon)
    _check_limits(call, code, coupon)
    if code["active"]:
        _refuse_taken_text(call, code)
    return call.add(code)


def _document(call: Call, values: dict[str, Any], coupon: Document) -> Document:
    return call.start(
        "promotion_code",
        active=values.get("active", True),
        code=values.get("code") or ids.new_code(),
        customer=values.get("customer"),
        expires_at=values.get("expires_at") or coupon["redeem_by"],
        max_redemptions=values.get("max_redemptions"),
        metadata=params.merged_metadata({}, values.get("metadata", {})),
        promotion={"coupon": coupon["id"], "type": "coupon"},
        restrictions=_restrictions(values.get("restrictions") or {}),
    )


def _restrictions(values: dict[str, Any]) -> Document:
    amount, currency = values.get("minimum_amount"), values.get("minimum_amount_currency")
    if (amount is None) != (currency is None):
        missing = "minimum_amount_currency" if currency is None else "minimum_amount"
        raise errors.missing_parameter(f"restrictions[{missing}]")
    restrictions: Document = {
        "first_time_transaction": values.get("first_time_transaction", False),
        "minimum_amount": amount,
        "minimum_amount_currency": currency,
    }
    if currency:
        own = {currency: {"minimum_amount": amount}}
        restrictions["currency_options"] = {**values.get("currency_options", {}), **own}
    elif values.get("currency_options"):
        raise errors.missing_parameter("restrictions[minimum_amount]")
    return restrictions


def _check_limits(call: Call, code: Document, coupon: Document) -> None:
    if not ALPHABET.fullmatch(code["code"]):
        raise errors.invalid("Codes may have letters, digits and dashes only.", "code")
    expires_at, redeem_by = code["expires_at"], coupon["redeem_by"]
    if expires_at is not None and expires_at <= call.now:
        raise errors.invalid("expires_at must be in the future.", "expires_at")
    if redeem_by is not None and expires_at > redeem_by:
        raise errors.invalid("expires_at cannot be after the coupon's redeem_by.", "expires_at")
    most, coupon_most = code["max_redemptions"], coupon["max_redemptions"]
    if most is not None and coupon_most is not None and most > coupon_most:
        raise errors.invalid("max_redemptions cannot be above the coupon's.", "max_redemptions")


def _refuse_taken_text(call: Call, code: Document) -> None:
    """Refuse a text that another active code has, for everybody or for the same customer."""
    for other in call.store.walk("promotion_code", key=("code", code["code"].upper())):
        customers = {code["customer"], other["customer"]}
        if other["active"] and other["id"] != code["id"] and (None in customers or len(customers) == 1):
            # Stripe answers this with neither code nor param.
            message = f"An active promotion code with `code: {code['code']}` already exists."
            raise errors.StripeError(message)


def update(call: Call, code: Document, changes: dict[str, Any]) -> Document:
    """Change `active`, metadata or the minimum amounts in other currencies: nothing else can be changed.

    Raises StripeError when a code that can never be redeemed again is switched on.
    """
    if changes.get("active") and not code["active"]:
        reason = _why_dead(call, code)
        if reason:
            raise errors.StripeError(f"This promotion code cannot be activated: {reason}.")
        _refuse_taken_text(call, code)
    if "restrictions" in changes:
        changes["restrictions"] = _widened(code["restrictions"], changes["restrictions"] or {})
    return call.change(code, params.with_metadata(code, changes))


def _widened(restrictions: Document, change: dict[str, Any]) -> Document:
    if not restrictions["minimum_amount"]:
        raise errors.missing_parameter("restrictions[minimum_amount]")
    own = restrictions["currency_options"]
    return {**restrictions, "currency_options": {**change.get("currency_options", {}), **own}}


def _why_dead(call: Call, code: Document) -> str | None:
    coupon = call.store.get("coupon", code["promotion"]["coupon"])
    if code.get("_dead") or coupon is None or not coupon["valid"]:
        return "its coupon can no longer be redeemed"
    if code["expires_at"] is not None and code["expires_at"] <= call.now:
        return "it has expired"
    if code["max_redemptions"] is not None and code["times_redeemed"] >= code["max_redemptions"]:
        return "it has been redeemed as often as it may be"
    return None


def switch_off(call: Call, coupon: str, *, for_good: bool = False) -> None:
    """Make every code of a coupon inactive; nothing is announced."""
    for code in list(call.store.walk("promotion_code", key=("coupon", coupon))):
        changes = {"active": False, **({"_dead": True} if for_good else {})}
        call.change(code, changes, silent=True)


def lapse(call: Call, code: Document) -> None:
    """Note that the code has expired; nothing is announced."""
    call.change(code, {"active": False}, silent=True)


def redeem(call: Call, identifier: str) -> None:
    """Count one redemption; the last one allowed makes the code inactive."""
    code = call.get("promotion_code", identifier)
    times = code["times_redeemed"] + 1
    exhausted = code["max_redemptions"] is not None and times >= code["max_redemptions"]
    changes = {"times_redeemed": times, "active": code["active"] and not exhausted}
    call.change(code, changes, silent=not call.announce_redemptions)
