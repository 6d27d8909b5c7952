"""What paying does: the session completes, and everything that follows from it comes to be."""

from typing import Any, NamedTuple

from promos.standin import (
    checkout,
    customers,
    discounts,
    events,
    invoices,
    payments,
    running_discounts,
    subscriptions,
)
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
        discounts.check(call, checkout.order(session), applied)
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
    amount, currency = session["amount_total"], session["currency"]
    intent = payments.begin(call, amount, currency, customer=buyer.customer, copied=session["_copied"])
    payments.succeed(call, intent, buyer.email)
    return {"payment_intent": intent["id"]}


def _subscribe(call: Call, session: Document, buyer: Buyer, applied: Applied | None) -> dict[str, Any]:
    items = session["line_items"]["data"]
    subscription = subscriptions.new(call, str(buyer.customer), items, session["_copied"])
    started = _started(call, session, subscription, applied)
    invoice = subscriptions.begin(call, subscription, items, started)
    invoice = invoices.settle(call, invoice)
    invoices.announce_paid(call, invoice)
    subscriptions.note_invoice(call, subscription["id"], invoice["id"])
    return {"invoice": invoice["id"], "subscription": subscription["id"]}


def _started(
    call: Call, session: Document, subscription: Document, applied: Applied | None
) -> list[Document]:
    """Return the discount that the session showed as the subscription's own."""
    if not applied:
        return []
    [shown] = session["total_details"]["breakdown"]["discounts"]
    return [running_discounts.begin(call, applied, subscription, shown["discount"])]
