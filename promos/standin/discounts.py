"""Which discount a checkout gets, and why it may not have one."""

from typing import Any, NamedTuple

from promos.standin import coupons, ids, pricing, promotion_codes, shapes
from promos.standin.call import Call
from promos.standin.errors import StripeError
from promos.standin.kinds import Document


class Applied(NamedTuple):
    """A coupon, and the promotion code it came by, if any."""

    coupon: Document
    code: Document | None


def named(call: Call, wanted: list[dict[str, Any]]) -> Applied | None:
    """Return the discount a server asks for by id.

    Raises StripeError: resource_missing, or more than one discount.
    """
    if not wanted:
        return None
    [first, *more] = wanted
    if more or len(first) != 1:
        raise StripeError("Name one coupon or one promotion code.", param="discounts")
    if "coupon" in first:
        return Applied(call.get("coupon", first["coupon"], param="discounts[0][coupon]"), None)
    code = call.get("promotion_code", first["promotion_code"], param="discounts[0][promotion_code]")
    return Applied(_coupon_of(call, code), code)


def entered(call: Call, text: str, customer: str | None) -> Applied:
    """Return the discount for a code that a person typed, their own before the one for everybody.

    Raises StripeError when there is no such active code.
    """
    found = call.store.walk("promotion_code", key=("code", text.strip().upper()))
    fitting = [code for code in found if code["active"] and code["customer"] in (None, customer)]
    fitting.sort(key=lambda code: code["customer"] is None)
    if not fitting:
        raise StripeError("This code is invalid.", param="promotion_code")
    return Applied(_coupon_of(call, fitting[0]), fitting[0])


def _coupon_of(call: Call, code: Document) -> Document:
    coupon = call.store.get("coupon", code["promotion"]["coupon"])
    if coupon is None:
        raise StripeError("This promotion code is no longer active.", param="discounts")
    return coupon


def check(call: Call, session: Document, applied: Applied) -> None:
    """Refuse a discount that this checkout may not have. A product that does not match is no reason: it takes off 0.

    Raises StripeError with Stripe's kind of sentence.
    """
    reason = _why_not(call, session, applied)
    if reason:
        raise StripeError(f"This promotion code cannot be redeemed because {reason}.", param="discounts")


def _why_not(call: Call, session: Document, applied: Applied) -> str | None:
    coupon, code = applied
    currency = session["currency"]
    if not coupon["valid"]:
        return "its coupon is no longer valid"
    if coupon["amount_off"] is not None and pricing.amount_off(coupon, currency) is None:
        return f"it has no amount in {currency}"
    return _why_code_not(call, session, code) if code else None


def _why_code_not(call: Call, session: Document, code: Document) -> str | None:
    restrictions, customer = code["restrictions"], session["customer"]
    if not code["active"]:
        return "it is not active"
    if code["customer"] not in (None, customer):
        return "it belongs to another customer"
    if restrictions["first_time_transaction"] and customer and has_paid(call, customer):
        return "the associated customer has prior transactions"
    if restrictions["minimum_amount"] is not None:
        minimum = restrictions["currency_options"].get(session["currency"])
        if minimum is None or session["amount_subtotal"] < minimum["minimum_amount"]:
            return "the order does not reach its minimum amount"
    return None


def has_paid(call: Call, customer: str) -> bool:
    """Tell whether a customer has a successful payment or a paid invoice."""
    kinds = ("charge", "invoice")
    return any(next(call.store.walk(kind, key=("customer", customer)), None) for kind in kinds)


def redeem(call: Call, applied: Applied) -> None:
    """Count the redemption on the code and its coupon."""
    if applied.code:
        promotion_codes.redeem(call, applied.code["id"])
    coupons.redeem(call, applied.coupon["id"])


def of_session(call: Call, session: Document, applied: Applied) -> Document:
    """Return the discount object a checkout shows in its breakdown; nothing is stored yet."""
    return {
        "id": ids.new("di_"),
        "object": "discount",
        **shapes.blank("discount"),
        "checkout_session": session["id"],
        "customer": session["customer"],
        "promotion_code": applied.code and applied.code["id"],
        "source": {"coupon": applied.coupon["id"], "type": "coupon"},
        "start": call.now,
    }
