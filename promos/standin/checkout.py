"""Checkout sessions: opened, priced, expired. What paying does is in completion."""

from typing import Any

from promos.standin import basket, delayed, discounts, events, listing, params, pricing
from promos.standin.call import Call
from promos.standin.discounts import Applied, Order
from promos.standin.errors import StripeError
from promos.standin.kinds import Document

SHORTEST = 30 * 60
LONGEST = 24 * 60 * 60

COPIED_DATA = params.group({"description": params.text(), "metadata": params.metadata})
UPDATE = {"metadata": params.metadata}
CREATE = {
    "allow_promotion_codes": params.boolean,
    "billing_address_collection": params.choice("auto", "required"),
    "cancel_url": params.text(),
    "client_reference_id": params.text(200),
    "currency": params.currency,
    "customer": params.text(),
    "customer_creation": params.choice("always", "if_required"),
    "customer_email": params.text(800),
    "discounts": params.listing(params.group({"coupon": params.text(), "promotion_code": params.text()})),
    "expires_at": params.integer(),
    "line_items": params.listing(basket.LINE_ITEM),
    "locale": params.text(),
    "metadata": params.metadata,
    "mode": params.choice("payment", "subscription"),
    "payment_intent_data": COPIED_DATA,
    "payment_method_collection": params.choice("always", "if_required"),
    "payment_method_types": params.listing(params.choice("card", *delayed.BANKS.values())),
    "submit_type": params.choice("auto", "book", "donate", "pay", "subscribe"),
    "subscription_data": COPIED_DATA,
    "success_url": params.text(),
    "ui_mode": params.choice("hosted_page"),
}


def create(call: Call, values: dict[str, Any]) -> Document:
    """Open a checkout.

    Raises StripeError for contradicting parameters, objects that do not exist and discounts that do not fit.
    """
    _check_exclusive(values)
    customer = _customer(call, values)
    session = call.start("checkout.session")
    session |= _chosen(call, session["id"], values, customer)
    items = basket.fill(call, values["line_items"], mode=session["mode"], currency=values.get("currency"))
    session["currency"] = items[0]["currency"]
    session["payment_method_types"] = _methods(session["currency"], values)
    session["amount_subtotal"] = sum(item["amount_subtotal"] for item in items)
    applied = discounts.named(call, values.get("discounts", []))
    if applied:
        discounts.check(call, order(session), applied)
    session = {**session, **priced(call, session, items, applied)}
    call.store.save(session)
    return session


def _check_exclusive(values: dict[str, Any]) -> None:
    exclusive = [
        ("allow_promotion_codes", "discounts"),
        ("customer", "customer_email"),
        ("customer", "customer_creation"),
    ]
    for one, other in exclusive:
        if values.get(one) and values.get(other):
            raise StripeError(f"You may only specify one of these parameters: {one}, {other}.", param=one)
    wrong_mode = {
        "payment": ("payment_method_collection", "subscription_data"),
        "subscription": ("customer_creation", "payment_intent_data"),
    }[values["mode"]]
    for name in wrong_mode:
        if name in values:
            raise StripeError(f"You can not pass `{name}` in `{values['mode']}` mode.", param=name)


def _customer(call: Call, values: dict[str, Any]) -> Document | None:
    return call.get("customer", values["customer"], param="customer") if values.get("customer") else None


def _chosen(call: Call, identifier: str, values: dict[str, Any], customer: Document | None) -> Document:
    """Return the fields of a session that its opener decides."""
    copied = (
        "cancel_url",
        "client_reference_id",
        "customer_email",
        "locale",
        "mode",
        "submit_type",
        "success_url",
    )
    optional = {name: values[name] for name in copied if name in values}
    if values["mode"] == "payment":
        optional["customer_creation"] = None if customer else values.get("customer_creation", "if_required")
    default_collection = "if_required" if values["mode"] == "payment" else "always"
    email = customer["email"] if customer else values.get("customer_email")
    return {
        **optional,
        "allow_promotion_codes": values.get("allow_promotion_codes"),
        "billing_address_collection": values.get("billing_address_collection"),
        "customer": customer and customer["id"],
        "customer_details": details(email, customer) if email else None,
        "expires_at": _expires_at(call, values.get("expires_at")),
        "metadata": params.merged_metadata({}, values.get("metadata", {})),
        "payment_method_collection": values.get("payment_method_collection", default_collection),
        "url": f"{call.base_url}/c/pay/{identifier}",
        "_copied": _copied(values.get("subscription_data") or values.get("payment_intent_data") or {}),
    }


def _copied(wanted: dict[str, Any]) -> Document:
    """Return what the subscription or the payment is to carry, once there is one."""
    metadata = params.merged_metadata({}, wanted.get("metadata"))
    return {"description": wanted.get("description"), "metadata": metadata}


def details(email: str | None, customer: Document | None = None, *, country: str = "") -> Document:
    """Return `customer_details`; the country is the one that the payment form asks for."""
    known = customer or {}
    return {
        "address": _address(country) if country else known.get("address"),
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": known.get("name"),
        "phone": known.get("phone"),
        "tax_exempt": "none",
        "tax_ids": [],
    }


def _address(country: str) -> Document:
    unknown = dict.fromkeys(("city", "line1", "line2", "postal_code", "state"))
    return {**unknown, "country": country}


def _methods(currency: str, values: dict[str, Any]) -> list[str]:
    """Return how a session may be paid: as its opener says, else by card or a bank of the currency's."""
    bank = delayed.BANKS.get(currency)
    return values.get("payment_method_types") or ["card", *([bank] if bank else [])]


def _expires_at(call: Call, wanted: int | None) -> int:
    if wanted is None:
        return call.now + LONGEST
    if not SHORTEST <= wanted - call.now <= LONGEST:
        message = "`expires_at` must be between 30 minutes and 24 hours after the session is opened."
        raise StripeError(message, param="expires_at")
    return wanted


def priced(call: Call, session: Document, items: list[Document], applied: Applied | None) -> Document:
    """Return the fields of a session that follow from its items and its discount."""
    lines = [pricing.Line(item["price"]["product"], item["amount_subtotal"]) for item in items]
    amounts = pricing.discounts(lines, applied and applied.coupon, session["currency"])
    discount = discounts.of_session(call, session, applied) if applied else None
    items = [
        {
            **item,
            "amount_discount": amount,
            "amount_total": item["amount_subtotal"] - amount,
            "discounts": [{"amount": amount, "discount": discount}] if discount else [],
        }
        for item, amount in zip(items, amounts, strict=True)
    ]
    return {
        "amount_total": session["amount_subtotal"] - sum(amounts),
        "discounts": [_mention(applied)] if applied else [],
        "line_items": listing.envelope(f"/v1/checkout/sessions/{session['id']}/line_items", items),
        "total_details": {
            "amount_discount": sum(amounts),
            "amount_shipping": 0,
            "amount_tax": 0,
            "breakdown": {
                "discounts": [{"amount": sum(amounts), "discount": discount}] if discount else [],
                "taxes": [],
            },
        },
    }


def order(session: Document) -> Order:
    """Return what a discount of this session has to fit."""
    return Order(session["currency"], session["customer"], session["amount_subtotal"])


def _mention(applied: Applied) -> Document:
    if applied.code:
        return {"coupon": None, "promotion_code": applied.code["id"]}
    return {"coupon": applied.coupon["id"], "promotion_code": None}


def enter_code(call: Call, session: Document, text: str) -> Document:
    """Put the promotion code a person typed on an open session and price it anew.

    Raises StripeError when the code does not exist or does not fit.
    """
    applied = discounts.entered(call, text, session["customer"])
    discounts.check(call, order(session), applied)
    return call.change(session, priced(call, session, session["line_items"]["data"], applied))


def remove_code(call: Call, session: Document) -> Document:
    """Take a typed promotion code off an open session again."""
    return call.change(session, priced(call, session, session["line_items"]["data"], None))


def update(call: Call, session: Document, changes: dict[str, Any]) -> Document:
    """Change a session's metadata."""
    return call.change(session, params.with_metadata(session, changes))


def line_items(call: Call, values: dict[str, Any], identifier: str) -> Document:
    """Return what is bought; a session of ours fits one page."""
    session = call.get("checkout.session", identifier, param="session", status=404)
    return dict(session["line_items"])


def expire(call: Call, values: dict[str, Any], identifier: str) -> Document:
    """Expire an open session at its opener's wish.

    Raises StripeError for one that is complete or expired already.
    """
    session = call.get("checkout.session", identifier, param="session", status=404)
    if session["status"] != "open":
        message = f'Only Checkout Sessions with a status in ["open"] can be expired; this one is {session["status"]}.'
        raise StripeError(message)
    return lapse(call, session)


def lapse(call: Call, session: Document) -> Document:
    """Expire a session whose time has come."""
    expired = call.change(session, {"status": "expired", "url": None})
    events.emit(call, "checkout.session.expired", expired)
    return expired
