"""Payments by bank debit: the checkout is complete at once, its money comes, or does not, days later."""

from promos.standin import events, invoices, payments, subscriptions
from promos.standin.call import Call
from promos.standin.errors import StripeError
from promos.standin.kinds import Document

# The method of each currency whose payments settle later; the others know cards only.
BANKS = {"eur": "sepa_debit", "gbp": "bacs_debit", "usd": "us_bank_account"}


def settle(call: Call, identifier: str) -> Document:
    """Let the bank pay what a complete checkout waits for; return the session.

    Raises StripeError for a session that waits for nothing.
    """
    session = _waiting(call, identifier)
    session = call.change(session, {"payment_status": "paid"})
    if not session["invoice"]:
        intent = call.get("payment_intent", session["payment_intent"])
        payments.succeed(call, intent, session["customer_details"]["email"])
        return _tell(call, session, "succeeded")
    invoice = invoices.settle(call, call.get("invoice", session["invoice"]))
    if call.invoice_first:
        invoices.announce_paid(call, invoice)
    _tell(call, session, "succeeded")
    if not call.invoice_first:
        invoices.announce_paid(call, invoice)
    return session


def fail(call: Call, identifier: str) -> Document:
    """Let the bank refuse what a complete checkout waits for; return the session.

    Raises StripeError for a session that waits for nothing.
    """
    session = _waiting(call, identifier)
    if session["invoice"]:
        invoice = call.get("invoice", session["invoice"])
        subscriptions.follow(call, invoices.fail(call, invoice))
    else:
        intent = call.get("payment_intent", session["payment_intent"])
        payments.fail(call, intent, session["customer_details"]["email"])
    return _tell(call, call.change(session, {"_failed": True}), "failed")


def is_waiting(session: Document) -> bool:
    """Tell whether a checkout is complete but its money still to come."""
    return (
        session["status"] == "complete"
        and session["payment_status"] == "unpaid"
        and not session.get("_failed")
    )


def _waiting(call: Call, identifier: str) -> Document:
    session = call.get("checkout.session", identifier)
    if not is_waiting(session):
        raise StripeError("This checkout does not wait for a payment.")
    return session


def _tell(call: Call, session: Document, outcome: str) -> Document:
    events.emit(call, f"checkout.session.async_payment_{outcome}", session)
    return session
