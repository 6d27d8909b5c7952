"""Payments: a payment intent and its charges, which succeed, fail, or wait for the bank."""

from typing import Any

from promos.standin import events, ids, listing, shapes
from promos.standin.call import Call
from promos.standin.kinds import Document

# What a failed charge says, by whether it waited for the bank.
DECLINED = ("card_declined", "generic_decline", "Your card was declined.")
REFUSED = ("payment_intent_payment_attempt_failed", "insufficient_funds", "The bank refused the payment.")


def begin(
    call: Call,
    amount: int,
    currency: str,
    *,
    customer: str | None,
    copied: dict[str, Any] | None = None,
) -> Document:
    """Create a payment intent.

    `copied` is its description and metadata, as the opener of the checkout wanted them.
    """
    intent = call.start(
        "payment_intent", amount=amount, currency=currency, customer=customer, **(copied or {})
    )
    return call.add({**intent, "client_secret": f"{intent['id']}_secret_standin"})


def succeed(call: Call, intent: Document, email: str | None) -> Document:
    """Take a payment, or settle the one that waits."""
    charge = _charge(call, intent, email, amount_captured=intent["amount"], paid=True, status="succeeded")
    events.emit(call, "charge.succeeded", charge)
    settled = {
        "amount_received": intent["amount"],
        "last_payment_error": None,
        "latest_charge": charge["id"],
        "payment_method": charge["payment_method"],
        "status": "succeeded",
    }
    return _move(call, intent, settled, "payment_intent.succeeded")


def wait(call: Call, intent: Document, email: str | None) -> Document:
    """Begin a payment that the bank settles, or refuses, days later."""
    charge = _charge(call, intent, email, paid=False, status="pending")
    events.emit(call, "charge.pending", charge)
    waiting = {"latest_charge": charge["id"], "status": "processing"}
    return _move(call, intent, waiting, "payment_intent.processing")


def fail(call: Call, intent: Document, email: str | None) -> Document:
    """Let a payment fail: the card is declined, or the bank refuses the one that waits."""
    code, reason, message = REFUSED if intent["status"] == "processing" else DECLINED
    failure = {"failure_code": code, "failure_message": message}
    charge = _charge(call, intent, email, paid=False, status="failed", **failure)
    events.emit(call, "charge.failed", charge)
    error = {
        "charge": charge["id"],
        "code": code,
        "decline_code": reason,
        "message": message,
        "type": "card_error",
    }
    failed = {
        "last_payment_error": error,
        "latest_charge": charge["id"],
        "status": "requires_payment_method",
    }
    return _move(call, intent, failed, "payment_intent.payment_failed")


def _move(call: Call, intent: Document, changes: Document, event_type: str) -> Document:
    intent = call.change(intent, changes, silent=True)
    events.emit(call, event_type, intent)
    return intent


def _charge(call: Call, intent: Document, email: str | None, **state: Any) -> Document:
    """Return the charge of one attempt, stored: the one that waits, or a new one."""
    latest = call.store.get("charge", intent["latest_charge"] or "")
    if latest and latest["status"] == "pending":
        return call.change(latest, state, silent=True)
    same = {name: intent[name] for name in ("amount", "currency", "customer", "description", "metadata")}
    charge = call.start(
        "charge",
        **same,
        billing_details={**shapes.nulls("address name phone tax_id"), "email": email},
        payment_intent=intent["id"],
        payment_method=ids.new("pm_"),
        refunds=listing.envelope("/v1/refunds", []),
    )
    return call.add({**charge, **state})


def is_declined(call: Call, customer: str | None) -> bool:
    """Tell whether a customer's card has stopped working."""
    known = call.store.get("customer", customer or "")
    return bool(known and known.get("_card_declined"))


def set_declined(call: Call, customer: str, *, is_declined: bool) -> Document:
    """Let a customer's card stop working, or work again."""
    return call.change(call.get("customer", customer), {"_card_declined": is_declined})
