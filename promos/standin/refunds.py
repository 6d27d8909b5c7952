"""Refunds: partial and full, by charge or payment intent; some fail later."""

from typing import Any

from promos.standin import currencies, errors, events, listing, params
from promos.standin.call import Call
from promos.standin.errors import StripeError
from promos.standin.kinds import Document

REASON = params.choice("duplicate", "fraudulent", "requested_by_customer")
CREATE = {
    "amount": params.integer(1),
    "charge": params.text(),
    "metadata": params.metadata,
    "payment_intent": params.text(),
    "reason": REASON,
}
UPDATE = {"metadata": params.metadata}


def create(call: Call, values: dict[str, Any]) -> Document:
    """Refund a charge, the rest of it unless an amount is given.

    Raises StripeError: charge_already_refunded, charge_disputed, or more than is left.
    """
    charge = _charge(call, values)
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = values.get("amount") or left
    _check(charge, amount, left)
    refund = _refund(call, charge, amount, values)
    charge = _change_charge(call, charge, amount, [refund])
    call.add(refund)
    events.emit(call, "charge.refunded", charge)
    return _arrive(call, refund)


def _charge(call: Call, values: dict[str, Any]) -> Document:
    if bool(values.get("charge")) == bool(values.get("payment_intent")):
        raise errors.invalid("Pass exactly one of charge and payment_intent.", "charge")
    if values.get("charge"):
        return call.get("charge", values["charge"], param="charge")
    intent = call.get("payment_intent", values["payment_intent"], param="payment_intent")
    if intent["status"] != "succeeded":
        message = f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
        raise StripeError(message, param="payment_intent")
    return call.get("charge", intent["latest_charge"])


def _check(charge: Document, amount: int, left: int) -> None:
    if charge["status"] != "succeeded":
        raise StripeError(f"Charge {charge['id']} has not succeeded.", param="charge")
    if charge["disputed"]:
        message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise StripeError(message, code="charge_disputed")
    if not left:
        message = f"Charge {charge['id']} has already been refunded."
        raise StripeError(message, code="charge_already_refunded")
    currencies.check(amount, charge["currency"], "amount")
    if amount > left:
        wanted, most = (currencies.money(one, charge["currency"]) for one in (amount, left))
        message = f"Refund amount ({wanted}) is greater than unrefunded amount on charge ({most})."
        raise StripeError(message, param="amount")


def _refund(call: Call, charge: Document, amount: int, values: dict[str, Any]) -> Document:
    refund = call.start(
        "refund",
        amount=amount,
        charge=charge["id"],
        currency=charge["currency"],
        metadata=params.merged_metadata({}, values.get("metadata", {})),
        payment_intent=charge["payment_intent"],
        reason=values.get("reason"),
    )
    # Alone among the objects here, a refund does not say which mode it is in.
    del refund["livemode"]
    return refund


def _change_charge(call: Call, charge: Document, amount: int, refunds: list[Document]) -> Document:
    """Move a charge's refunded sum by an amount, and show the refunds in it."""
    refunded = charge["amount_refunded"] + amount
    changed = {refund["id"]: refund for refund in refunds}
    others = [one for one in charge["refunds"]["data"] if one["id"] not in changed]
    changes = {
        "amount_refunded": refunded,
        "refunded": refunded == charge["amount_captured"],
        "refunds": listing.envelope(charge["refunds"]["url"], [*refunds, *others]),
    }
    return call.change(charge, changes, silent=True)


def _arrive(call: Call, refund: Document) -> Document:
    """Note the reference by which the bank knows the refund, as Stripe does a moment later."""
    details = refund["destination_details"]
    card = {**details["card"], "reference": "24453000000000000000000", "reference_status": "available"}
    return _update(call, refund, {"destination_details": {**details, "card": card}})


def update(call: Call, refund: Document, changes: dict[str, Any]) -> Document:
    """Change a refund's metadata."""
    return _update(call, refund, params.with_metadata(refund, changes))


def _update(call: Call, refund: Document, changes: Document) -> Document:
    refund = call.change(refund, changes)
    charge = call.get("charge", refund["charge"])
    _change_charge(call, charge, 0, [refund])
    events.emit(call, "charge.refund.updated", refund)
    return refund


def fail(call: Call, identifier: str) -> Document:
    """Let a refund fail, as when the card was closed meanwhile: the money is back, the charge less refunded.

    Raises StripeError for one that has failed already.
    """
    refund = call.get("refund", identifier)
    if refund["status"] == "failed":
        raise StripeError("This refund has failed already.")
    failed = {"failure_reason": "lost_or_stolen_card", "status": "failed"}
    refund = call.change(refund, failed, silent=True)
    _change_charge(call, call.get("charge", refund["charge"]), -refund["amount"], [refund])
    events.emit(call, "refund.failed", refund)
    events.emit(call, "charge.refund.updated", refund)
    return refund
