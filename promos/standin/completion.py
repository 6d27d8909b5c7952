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


def complete(
    call: Call, session: Document, *, email: str, country: str = "US", pays_later: bool = False
) -> Document:
    """Complete an open session as paid, as to be paid by the bank later, or as needing no payment; announce it all.

    Raises StripeError when the session is not open any more, or its discount can no longer be redeemed.
    """
    if session["status"] != "open":
        raise StripeError(f"This checkout is {session['status']}.")
    applied = _redeem(call, session)
    buyer = _buyer(call, session, email, country)
    pays_later = pays_later and bool(session["amount_total"])
    bring_about = _subscribe if session["mode"] == "subscription" else _charge_once
    brought = bring_about(call, session, buyer, applied, pays_later)
    if call.invoice_first:
        _announce_invoice(call, brought)
    session = call.change(
        session,
        {
            **brought,
            "customer": buyer.customer,
            "customer_details": buyer.details,
            "payment_status": _payment_status(session, pays_later),
            "status": "complete",
            "url": None,
        },
    )
    events.emit(call, "checkout.session.completed", session)
    if not call.invoice_first:
        _announce_invoice(call, brought)
    return session


def _payment_status(session: Document, pays_later: bool) -> str:
    if not session["amount_total"]:
        return "no_payment_required"
    return "unpaid" if pays_later else "paid"


def _announce_invoice(call: Call, brought: dict[str, Any]) -> None:
    invoice = call.store.get("invoice", brought.get("invoice", ""))
    if invoice and invoice["status"] == "paid":
        invoices.announce_paid(call, invoice)


def _redeem(call: Call, session: Document) -> Applied | None:
    """Count the session's discount as redeemed, if it still can be."""
    mentions = [{kind: found for kind, found in one.items() if found} for one in session["discounts"]]
    applied = discounts.named(call, mentions)
    if applied:
        discounts.check(call, checkout.order(session), applied)
        discounts.redeem(call, applied)
    return applied


def _buyer(call: Call, session: Document, email: str, country: str) -> Buyer:
    """Return who pays; a customer is made here where Stripe makes one."""
    if session["customer"]:
        # Whatever card was declined before, this is another.
        customer = payments.set_declined(call, session["customer"], is_declined=False)
    elif session["mode"] == "subscription" or session["customer_creation"] == "always":
        customer = customers.create(call, {"email": email})
    else:
        return Buyer(None, email, checkout.details(email, country=country))
    return Buyer(customer["id"], email, checkout.details(email, customer, country=country))


def _charge_once(
    call: Call, session: Document, buyer: Buyer, applied: Applied | None, pays_later: bool
) -> dict[str, Any]:
    if not session["amount_total"]:
        return {"payment_intent": None}
    amount, currency = session["amount_total"], session["currency"]
    intent = payments.begin(call, amount, currency, customer=buyer.customer, copied=session["_copied"])
    (payments.wait if pays_later else payments.succeed)(call, intent, buyer.email)
    return {"payment_intent": intent["id"]}


def _subscribe(
    call: Call, session: Document, buyer: Buyer, applied: Applied | None, pays_later: bool
) -> dict[str, Any]:
    items = session["line_items"]["data"]
    subscription = subscriptions.new(call, str(buyer.customer), items, session["_copied"])
    started = _started(call, session, subscription, applied)
    invoice = subscriptions.begin(call, subscription, items, started)
    (invoices.wait if pays_later else invoices.settle)(call, invoice)
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
