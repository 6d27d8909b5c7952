"""What paying does: the session completes, and everything that follows from it comes to be."""

from typing import Any

from promos.standin import billing, checkout, customers, discounts, events, payments
from promos.standin.call import Call
from promos.standin.discounts import Applied
from promos.standin.errors import StripeError
from promos.standin.kinds import Document


def complete(call: Call, session: Document, *, email: str | None, name: str | None = None) -> Document:
    """Complete an open session as paid (or as needing no payment) and announce it all.

    Raises StripeError when the session is not open any more, or its discount can no longer be redeemed.
    """
    if session["status"] != "open":
        raise StripeError(f"This checkout is {session['status']}.")
    applied = discounts.named(call, _named_again(session))
    if applied:
        discounts.check(call, session, applied)
        discounts.redeem(call, applied)
    customer = _customer(call, session, email, name)
    made = _subscribe if session["mode"] == "subscription" else _charge_once
    changes = made(call, session, customer, email, applied)
    known = {**checkout.details(email), "name": name}
    changes |= {"customer": customer, "customer_details": known, "status": "complete", "url": None}
    changes["payment_status"] = "paid" if session["amount_total"] else "no_payment_required"
    session = call.change(session, changes)
    events.emit(call, "checkout.session.completed", session)
    return session


def _named_again(session: Document) -> list[dict[str, Any]]:
    return [{kind: found for kind, found in one.items() if found} for one in session["discounts"]]


def _customer(call: Call, session: Document, email: str | None, name: str | None) -> str | None:
    """Return the session's customer, made now where Stripe makes one."""
    guest = session["mode"] == "payment" and session["customer_creation"] != "always"
    if session["customer"] or guest:
        return session["customer"]  # type: ignore[no-any-return]
    return str(customers.create(call, {"email": email, "name": name})["id"])


def _charge_once(
    call: Call, session: Document, customer: str | None, email: str | None, applied: Applied | None
) -> dict[str, Any]:
    if not session["amount_total"]:
        return {"payment_intent": None}
    intent = payments.take(
        call,
        session["amount_total"],
        session["currency"],
        customer=customer,
        email=email,
        copied=session["_copied"],
    )
    return {"payment_intent": intent["id"]}


def _subscribe(
    call: Call, session: Document, customer: str | None, email: str | None, applied: Applied | None
) -> dict[str, Any]:
    items = session["line_items"]["data"]
    discount = _discount(call, session, str(customer), applied)
    subscription = billing.start_subscription(
        call, str(customer), items, discount=discount, copied=session["_copied"]
    )
    if discount and applied:
        discount = {**discount, "subscription": subscription["id"]}
        call.store.save(discount)
        events.emit(call, "customer.discount.created", discount)
    invoice = billing.bill(
        call,
        subscription,
        _billed(items, subscription),
        reason="subscription_create",
        discount=discount,
        email=email,
    )
    _settle(call, invoice, session, str(customer), email)
    changes: dict[str, Any] = {"latest_invoice": invoice["id"]}
    if applied and applied.coupon["duration"] == "once":
        # The invoice keeps a discount for once; the subscription is done with it.
        changes["discounts"] = []
    call.change(subscription, changes)
    return {"invoice": invoice["id"], "subscription": subscription["id"]}


def _discount(call: Call, session: Document, customer: str, applied: Applied | None) -> Document | None:
    if not applied:
        return None
    [shown] = session["total_details"]["breakdown"]["discounts"]
    return billing.add_discount(call, shown["discount"], applied.coupon, customer)


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


def _settle(call: Call, invoice: Document, session: Document, customer: str, email: str | None) -> None:
    intent = None
    if invoice["amount_due"]:
        intent = payments.take(
            call, invoice["amount_due"], session["currency"], customer=customer, email=email, copied={}
        )
    billing.settle(call, invoice, intent)
