"""Subscriptions and their invoices."""

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from promos.standin import events, ids, listing, shapes
from promos.standin.call import Call
from promos.standin.kinds import Document


@dataclass(frozen=True)
class Billed:
    """One line of an invoice to be: a price, how many, before and after its discount."""

    price: Document
    quantity: int
    amount: int
    discount_amount: int
    description: str
    subscription_item: str | None = None


def period_end(start: int, recurring: Document) -> int:
    """Return the end of a billing period: the same day in a later month, or the last day it has."""
    begin = datetime.fromtimestamp(start, UTC)
    count = recurring["interval_count"]
    if recurring["interval"] in ("day", "week"):
        days = count * (7 if recurring["interval"] == "week" else 1)
        return int((begin + timedelta(days=days)).timestamp())
    months = count * (12 if recurring["interval"] == "year" else 1)
    return int(_months_later(begin, months).timestamp())


def _months_later(begin: datetime, months: int) -> datetime:
    years, month = divmod(begin.month - 1 + months, 12)
    year, month = begin.year + years, month + 1
    day = min(begin.day, calendar.monthrange(year, month)[1])
    return begin.replace(year=year, month=month, day=day)


def new_subscription(call: Call, customer: str, items: list[Document], copied: dict[str, Any]) -> Document:
    """Return an active subscription to the recurring line items of a checkout; nothing is stored yet.

    `copied` is its description and metadata, as the opener of the checkout wanted them.
    """
    subscription = call.start(
        "subscription",
        billing_cycle_anchor=call.now,
        currency=items[0]["currency"],
        customer=customer,
        **copied,
        start_date=call.now,
    )
    recurring = [item for item in items if item["price"]["recurring"]]
    url = f"/v1/subscription_items?subscription={subscription['id']}"
    data = [_subscription_item(call, subscription["id"], item) for item in recurring]
    return {**subscription, "items": listing.envelope(url, data)}


def _subscription_item(call: Call, subscription: str, item: Document) -> Document:
    return {
        "id": ids.new("si_", 14),
        "object": "subscription_item",
        **shapes.blank("subscription_item"),
        "created": call.now,
        "current_period_end": period_end(call.now, item["price"]["recurring"]),
        "current_period_start": call.now,
        "price": item["price"],
        "quantity": item["quantity"],
        "subscription": subscription,
    }


def start_discount(call: Call, shown: Document, coupon: Document, subscription: Document) -> Document:
    """Store the discount a checkout showed as the subscription's own, with the end of its life."""
    months = coupon["duration_in_months"]
    start = datetime.fromtimestamp(call.now, UTC)
    discount = {
        **shown,
        "customer": subscription["customer"],
        "end": int(_months_later(start, months).timestamp()) if months else None,
        "start": call.now,
        "subscription": subscription["id"],
    }
    call.store.save(discount)
    return discount


def bill(
    call: Call,
    subscription: Document,
    lines: list[Billed],
    *,
    reason: str,
    discount: Document | None,
    email: str | None,
) -> Document:
    """Create an invoice and announce it, finalised and unpaid.

    `reason` is Stripe's billing_reason: subscription_create for the checkout itself, subscription_cycle for a renewal.
    """
    invoice = _invoice(call, subscription, reason, email)
    invoice["lines"] = listing.envelope(
        f"/v1/invoices/{invoice['id']}/lines",
        [_invoice_line(call, invoice, subscription, line, discount) for line in lines],
    )
    subtotal = sum(line.amount for line in lines)
    off = sum(line.discount_amount for line in lines)
    total = subtotal - off
    due = dict.fromkeys(("amount_due", "amount_remaining", "total", "total_excluding_tax"), total)
    invoice = {**invoice, **due, "subtotal": subtotal, "subtotal_excluding_tax": subtotal}
    if discount:
        invoice["discounts"] = [discount["id"]]
        invoice["total_discount_amounts"] = [{"amount": off, "discount": discount["id"]}]
    invoice = call.add(invoice)
    events.emit(call, "invoice.finalized", invoice)
    return invoice


def _invoice(call: Call, subscription: Document, reason: str, email: str | None) -> Document:
    details = {"metadata": subscription["metadata"], "subscription": subscription["id"]}
    invoice = call.start(
        "invoice",
        billing_reason=reason,
        currency=subscription["currency"],
        customer=subscription["customer"],
        customer_email=email,
        effective_at=call.now,
        number=f"STANDIN-{ids.new_code()}",
        parent={"quote_details": None, "subscription_details": details, "type": "subscription_details"},
        payments=listing.envelope("/v1/invoice_payments", []),
        period_end=call.now,
        period_start=call.now,
    )
    invoice["status_transitions"]["finalized_at"] = call.now
    return invoice


def _invoice_line(
    call: Call, invoice: Document, subscription: Document, line: Billed, discount: Document | None
) -> Document:
    recurring = line.price["recurring"]
    end = period_end(call.now, recurring) if recurring else call.now
    return {
        "id": ids.new("il_"),
        "object": "line_item",
        **shapes.blank("line_item"),
        "amount": line.amount,
        "currency": subscription["currency"],
        "description": line.description,
        "discount_amounts": [{"amount": line.discount_amount, "discount": discount["id"]}]
        if discount
        else [],
        "discounts": [discount["id"]] if discount else [],
        "invoice": invoice["id"],
        "livemode": False,
        "metadata": subscription["metadata"] if recurring else {},
        "parent": _line_parent(subscription, line),
        "period": {"end": end, "start": call.now},
        "pricing": {
            "price_details": {"price": line.price["id"], "product": line.price["product"]},
            "type": "price_details",
            "unit_amount_decimal": str(line.amount // line.quantity),
        },
        "quantity": line.quantity,
        "quantity_decimal": str(line.quantity),
        "subscription": subscription["id"],
        "subtotal": line.amount,
    }


def _line_parent(subscription: Document, line: Billed) -> Document:
    shared = {"proration": False, "proration_details": None, "subscription": subscription["id"]}
    if line.subscription_item:
        item = {**shared, "invoice_item": None, "subscription_item": line.subscription_item}
        return {
            "invoice_item_details": None,
            "subscription_item_details": item,
            "type": "subscription_item_details",
        }
    return {
        "invoice_item_details": {**shared, "invoice_item": ids.new("ii_")},
        "subscription_item_details": None,
        "type": "invoice_item_details",
    }


def settle(call: Call, invoice: Document, payment_intent: Document | None) -> Document:
    """Mark an invoice paid, by a payment or because nothing was due, and announce it."""
    payments = []
    if payment_intent:
        payments.append(_invoice_payment(call, invoice, payment_intent))
    paid = {
        "amount_paid": invoice["amount_due"],
        "amount_remaining": 0,
        "attempt_count": len(payments),
        "attempted": True,
        "payments": listing.envelope("/v1/invoice_payments", payments),
        "status": "paid",
        "status_transitions": {**invoice["status_transitions"], "paid_at": call.now},
    }
    invoice = call.change(invoice, paid)
    events.emit(call, "invoice.paid", invoice)
    events.emit(call, "invoice.payment_succeeded", invoice)
    return invoice


def _invoice_payment(call: Call, invoice: Document, intent: Document) -> Document:
    return call.add(
        call.start(
            "invoice_payment",
            amount_paid=intent["amount"],
            amount_requested=intent["amount"],
            currency=intent["currency"],
            invoice=invoice["id"],
            is_default=True,
            payment={"payment_intent": intent["id"], "type": "payment_intent"},
            status="paid",
            status_transitions={"canceled_at": None, "paid_at": call.now},
        )
    )
