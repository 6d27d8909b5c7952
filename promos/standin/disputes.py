"""Disputes: a buyer asks the bank for the money back, and the bank decides."""

from typing import Any

from promos.standin import events, ids, params, shapes
from promos.standin.call import Call
from promos.standin.errors import StripeError
from promos.standin.kinds import Document

FEE = 1500
DECIDED = ("lost", "won")
ANSWERED_WITHIN = 7 * 24 * 60 * 60
UPDATE = {"metadata": params.metadata}


def open_dispute(call: Call, charge: str, amount: int | None = None) -> Document:
    """Dispute a charge, all of what was not refunded unless an amount is given; the money is withdrawn at once.

    Raises StripeError for a charge that never succeeded, is refunded or disputed already.
    """
    disputed = call.get("charge", charge, param="charge")
    left = disputed["amount_captured"] - disputed["amount_refunded"]
    if disputed["disputed"] or not 0 < (amount or left) <= left:
        raise StripeError(f"Charge {charge} cannot be disputed for that much.", param="charge")
    call.change(disputed, {"disputed": True})
    dispute = _dispute(call, disputed, amount or left)
    moved = _moved(call, dispute, -dispute["amount"], "dispute")
    call.add({**dispute, "balance_transactions": [moved]})
    dispute = call.get("dispute", dispute["id"])
    events.emit(call, "charge.dispute.funds_withdrawn", dispute)
    return dispute


def _dispute(call: Call, charge: Document, amount: int) -> Document:
    dispute = call.start(
        "dispute",
        amount=amount,
        charge=charge["id"],
        currency=charge["currency"],
        payment_intent=charge["payment_intent"],
    )
    dispute["evidence_details"]["due_by"] = call.now + ANSWERED_WITHIN
    return dispute


def close_dispute(call: Call, identifier: str, status: str) -> Document:
    """Let the bank decide: `won` gives us the money back, `lost` leaves it with the buyer. Return the dispute.

    Raises StripeError for a dispute that is decided already, or any other status.
    """
    dispute = call.get("dispute", identifier)
    if status not in DECIDED or dispute["status"] in DECIDED:
        raise StripeError(f"This dispute is {dispute['status']} and cannot become {status}.")
    moves = dispute["balance_transactions"]
    if status == "won":
        moves = [*moves, _moved(call, dispute, dispute["amount"], "dispute_reversal")]
    dispute = call.change(dispute, {"balance_transactions": moves, "status": status}, silent=True)
    events.emit(call, "charge.dispute.closed", dispute)
    if status == "won":
        events.emit(call, "charge.dispute.funds_reinstated", dispute)
    return dispute


def accept(call: Call, values: dict[str, Any], identifier: str) -> Document:
    """Give a dispute up, as its owner may.

    Raises StripeError for one that is decided.
    """
    call.get("dispute", identifier, status=404)
    return close_dispute(call, identifier, "lost")


def update(call: Call, dispute: Document, changes: dict[str, Any]) -> Document:
    """Change a dispute's metadata."""
    return call.change(dispute, params.with_metadata(dispute, changes))


def _moved(call: Call, dispute: Document, amount: int, category: str) -> Document:
    """Return the movement on our balance: the disputed amount, and the bank's fee when it is taken."""
    fee = FEE if amount < 0 else 0
    return {
        "id": ids.new("txn_"),
        "object": "balance_transaction",
        **shapes.blank("balance_transaction"),
        "amount": amount,
        "available_on": call.now,
        "created": call.now,
        "currency": dispute["currency"],
        "fee": fee,
        "net": amount - fee,
        "reporting_category": category,
        "source": dispute["id"],
    }
