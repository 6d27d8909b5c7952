"""What paying does: the session completes, and everything that follows from it comes to be."""

from typing import Any, NamedTuple

from promos.standin import billing, checkout, customers, discounts, events, payments
from promos.standin.call import Call
from promos.standin.discounts import Applied
from promos.standin.errors import StripeError
from promos.standin.kinds import Document


class Buyer(NamedTuple):
    """Who pays: a customer, or a guest known by email alone."""

    customer: str | None
    email: str
    details: Document


def complete(call: Call, session: Document, *, email: str) -> Document:
    """Complete an open session as paid (or as needing no payment) and announce it all.

    Raises StripeError when the session is not open any more, or its discount can no longer be redeemed.
    """
    if session["status"] != "open":
        raise StripeError(f"This checkout is {session['status']}.")
    applied = _redeem(call, session)
    buyer = _buyer(call, session, email)
    bring_about = _subscribe if session["mode"] == "subscription" else _charge_once
    session = call.change(
        session,
        {
            **bring_about(call, session, buyer, applied),
            "customer": buyer.customer,
            "customer_details": buyer.details,
            "payment_status": "paid" if session["amount_total"] else "no_payment_required",
            "status": "complete",
            "url": None,
        },
    )
    events.emit(call, "checkout.session.completed", session)
    return session


def _redeem(call: Call, session: Document) -> Applied | None:
    """Count the session's discount as redeemed, if it still can be."""
    mentions = [{kind: found for kind, found in one.items() if found} for one in session["discounts"]]
    applied = discounts.named(call, mentions)
    if applied:
        discounts.check(call, session, applied)
        discounts.redeem(call, applied)
    return applied


def _buyer(call: Call, session: Document, email: str) -> Buyer:
    """Return who pays; a customer is made here where Stripe makes one."""
    if session["customer"]:
        customer = call.get("customer", session["customer"])
    elif session["mode"] == "subscription" or session["customer_creation"] == "always":
        customer = customers.create(call, {"email": email})
    else:
        return Buyer(None, email, checkout.details(email))
    return Buyer(customer["id"], email, checkout.details(email, customer))


def _charge_once(call: Call, session: Document, buyer: Buyer, applied: Applied | None) -> dict[str, Any]:
    if not session["amount_total"]:
        return {"payment_intent": None}
    intent = payments.take(
        call,
        session["amount_total"],
        session["currency"],
        customer=buyer.customer,
        email=buyer.email,
        copied=session["_copied"],
    )
    return {"payment_intent": intent["id"]}


def _subscribe(call: Call, session: Document, buyer: Buyer, applied: Applied | None) -> dict[str, Any]:
    items = session["line_items"]["data"]
    subscription = billing.new_subscription(call, str(buyer.customer), items, session["_copied"])
    discount = _attach(call, session, subscription, applied)
    call.add(subscription)
    if discount:
        events.emit(call, "customer.discount.created", discount)
    invoice = billing.bill(
        call,
        subscription,
        _billed(items, subscription),
        reason="subscription_create",
        discount=discount,
        email=buyer.email,
    )
    _settle(call, invoice, buyer)
    changes: dict[str, Any] = {"latest_invoice": invoice["id"]}
    if applied and applied.coupon["duration"] == "once":
        # The invoice keeps a discount for once; the subscription is done with it.
        changes["discounts"] = []
    call.change(subscription, changes)
    return {"invoice": invoice["id"], "subscription": subscription["id"]}


def _attach(
    call: Call, session: Document, subscription: Document, applied: Applied | None
) -> Document | None:
    """Give the subscription the discount that the session showed."""
    if not applied:
        return None
    [shown] = session["total_details"]["breakdown"]["discounts"]
    discount = billing.start_discount(call, shown["discount"], applied.coupon, subscription)
    subscription["discounts"] = [discount["id"]]
    return discount


def _billed(items: list[Document], subscription: Document) -> list[billing.Billed]:
    by_price = {item["price"]["id"]: item["id"] for item in subscription["items"]["data"]}
    return [
        billing.Billed(
            price=item["price"],
            quantity=item["quantity"],
            amount=item["amount_subtotal"],
            discount_amount=item["amount_discount"],
            description=item["description"],
            subscription_item=by_price.get(item["price"]["id"]),
        )
        for item in items
    ]


def _settle(call: Call, invoice: Document, buyer: Buyer) -> None:
    due, currency = invoice["amount_due"], invoice["currency"]
    intent = None
    if due:
        intent = payments.take(call, due, currency, customer=buyer.customer, email=buyer.email)
    billing.settle(call, invoice, intent)
