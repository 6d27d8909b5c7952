"""Which discount a checkout gets, and why it may not have one."""

from typing import Any, NamedTuple

from promos.standin import coupons, ids, pricing, promotion_codes, shapes
from promos.standin.call import Call
from promos.standin.errors import StripeError
from promos.standin.kinds import Document


class Order(NamedTuple):
    """What a discount is wanted for: its currency, who buys, and the amount before any discount."""

    currency: str
    customer: str | None
    subtotal: int


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
    if more:
        raise StripeError("Name one coupon or one promotion code.", param="discounts")
    return named_one(call, first, "discounts[0]")


def named_one(call: Call, mention: dict[str, Any], param: str) -> Applied:
    """Return the discount that one entry of a list of them means.

    Raises StripeError: resource_missing, or both a coupon and a code.
    """
    if len(mention) != 1:
        raise StripeError("Name one coupon or one promotion code.", param="discounts")
    if "coupon" in mention:
        return Applied(call.get("coupon", mention["coupon"], param=f"{param}[coupon]"), None)
    code = call.get("promotion_code", mention["promotion_code"], param=f"{param}[promotion_code]")
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


def check(call: Call, order: Order, applied: Applied) -> None:
    """Refuse a discount that this order may not have. A product that does not match is no reason: it takes off 0.

    Raises StripeError with Stripe's kind of sentence.
    """
    reason = _why_not(call, order, applied)
    if reason:
        raise StripeError(f"This promotion code cannot be redeemed because {reason}.", param="discounts")


def _why_not(call: Call, order: Order, applied: Applied) -> str | None:
    coupon, code = applied
    currency = order.currency
    if not coupon["valid"]:
        return "its coupon is no longer valid"
    if coupon["amount_off"] is not None and pricing.amount_off(coupon, currency) is None:
        return f"it has no amount in {currency}"
    return _why_code_not(call, order, code) if code else None


def _why_code_not(call: Call, order: Order, code: Document) -> str | None:
    restrictions, customer = code["restrictions"], order.customer
    if not code["active"]:
        return "it is not active"
    if code["customer"] not in (None, customer):
        return "it belongs to another customer"
    if restrictions["first_time_transaction"] and customer and has_paid(call, customer):
        return "the associated customer has prior transactions"
    if restrictions["minimum_amount"] is not None:
        minimum = restrictions["currency_options"].get(order.currency)
        if minimum is None or order.subtotal < minimum["minimum_amount"]:
            return "the order does not reach its minimum amount"
    return None


def has_paid(call: Call, customer: str) -> bool:
    """Tell whether a customer has a successful payment or a paid invoice."""
    settled = {"charge": "succeeded", "invoice": "paid"}
    return any(
        document["status"] == status
        for kind, status in settled.items()
        for document in call.store.walk(kind, key=("customer", customer))
    )


def redeem(call: Call, applied: Applied) -> None:
    """Count the redemption on the code and its coupon."""
    if applied.code:
        promotion_codes.redeem(call, applied.code["id"])
    coupons.redeem(call, applied.coupon["id"])


def of_session(call: Call, session: Document, applied: Applied) -> Document:
    """Return the discount object a checkout shows in its breakdown; nothing is stored yet."""
    own = {"checkout_session": session["id"], "customer": session["customer"]}
    return {**blank(call, applied), **own}


def blank(call: Call, applied: Applied) -> Document:
    """Return the discount object of a coupon or a code, belonging to nothing; nothing is stored yet."""
    return {
        "id": ids.new("di_"),
        "object": "discount",
        **shapes.blank("discount"),
        "checkout_session": None,
        "customer": None,
        "promotion_code": applied.code and applied.code["id"],
        "source": {"coupon": applied.coupon["id"], "type": "coupon"},
        "start": call.now,
    }
