"""Payments by card: a payment intent and its charge."""

from typing import Any

from promos.standin import events, ids, listing, shapes
from promos.standin.call import Call
from promos.standin.kinds import Document


def take(
    call: Call,
    amount: int,
    currency: str,
    *,
    customer: str | None,
    email: str | None,
    copied: dict[str, Any] | None = None,
) -> Document:
    """Take a payment that succeeds at once and return its payment intent.

    `copied` is its description and metadata, as the opener of the checkout wanted them.
    """
    intent = call.add(_intent(call, amount, currency, customer, copied or {}))
    charge = _charge(call, intent, email)
    call.store.save(charge)
    events.emit(call, "charge.succeeded", charge)
    settled = {
        "amount_received": amount,
        "latest_charge": charge["id"],
        "payment_method": charge["payment_method"],
        "status": "succeeded",
    }
    intent = call.change(intent, settled, silent=True)
    events.emit(call, "payment_intent.succeeded", intent)
    return intent


def _intent(call: Call, amount: int, currency: str, customer: str | None, copied: dict[str, Any]) -> Document:
    intent = call.start("payment_intent", amount=amount, currency=currency, customer=customer, **copied)
    return {**intent, "client_secret": f"{intent['id']}_secret_standin"}


def _charge(call: Call, intent: Document, email: str | None) -> Document:
    same = {name: intent[name] for name in ("amount", "currency", "customer", "description", "metadata")}
    return call.start(
        "charge",
        **same,
        amount_captured=intent["amount"],
        billing_details={**shapes.nulls("address name phone tax_id"), "email": email},
        payment_intent=intent["id"],
        payment_method=ids.new("pm_"),
        refunds=listing.envelope("/v1/refunds", []),
    )
