"""The life of an invoice: draft, open, paid or not.

Stripe leaves a renewal's invoice lying as a draft for an hour before it is finalised; here that happens at once.
"""

from promos.standin import events, ids, invoice_lines, listing, payments, pricing
from promos.standin.call import Call
from promos.standin.invoice_lines import Billed
from promos.standin.kinds import Document


def of_subscription(
    call: Call, subscription: Document, billed: list[Billed], *, reason: str, discounts: list[Document]
) -> Document:
    """Create a draft for a subscription.

    `reason` is Stripe's billing_reason: subscription_create for the first, subscription_cycle for a renewal.
    """
    invoice = blank(call, subscription["customer"], subscription["currency"], reason)
    details = {"metadata": subscription["metadata"], "subscription": subscription["id"]}
    invoice["parent"] = {
        "quote_details": None,
        "subscription_details": details,
        "type": "subscription_details",
    }
    lines = [invoice_lines.line(invoice, one, subscription) for one in billed]
    return call.add(priced({**invoice, "lines": invoice_lines.envelope(invoice, lines)}, discounts))


def blank(call: Call, customer: str, currency: str, reason: str) -> Document:
    """Return an empty draft; nothing is stored yet."""
    known = call.get("customer", customer)
    invoice = call.start(
        "invoice",
        billing_reason=reason,
        currency=currency,
        customer=customer,
        customer_email=known["email"],
        customer_name=known["name"],
        payments=listing.envelope("/v1/invoice_payments", []),
        period_end=call.now,
        period_start=call.now,
    )
    return {**invoice, "lines": invoice_lines.envelope(invoice, [])}


def priced(invoice: Document, discounts: list[Document]) -> Document:
    """Return an invoice with the discounts taken off its lines, one after the other, and its totals made up."""
    lines = invoice["lines"]["data"]
    bought = [pricing.Line(invoice_lines.product(line), line["amount"]) for line in lines]
    coupons = [discount["_coupon"] for discount in discounts]
    shares = pricing.stack(bought, coupons, invoice["currency"])
    names = [discount["id"] for discount in discounts]
    offs = [[share[index] for share in shares] for index in range(len(lines))]
    shown = [
        {**line, "discount_amounts": _amounts(names, off), "discounts": names}
        for line, off in zip(lines, offs, strict=True)
    ]
    subtotal = sum(line["amount"] for line in lines)
    total = subtotal - sum(map(sum, shares))
    due = dict.fromkeys(("amount_due", "amount_remaining", "total", "total_excluding_tax"), total)
    return {
        **invoice,
        **due,
        "discounts": names,
        "lines": invoice_lines.envelope(invoice, shown),
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal,
        "total_discount_amounts": _amounts(names, [sum(share) for share in shares]),
    }


def _amounts(names: list[str], amounts: list[int]) -> list[Document]:
    return [{"amount": amount, "discount": name} for name, amount in zip(names, amounts, strict=True)]


def finalise(call: Call, invoice: Document) -> Document:
    """Open a draft for payment and announce it; what is due gets its payment intent."""
    final = {
        "effective_at": call.now,
        "number": f"STANDIN-{ids.new_code()}",
        "status": "open",
        "status_transitions": {**invoice["status_transitions"], "finalized_at": call.now},
    }
    invoice = call.change(invoice, final, silent=True)
    events.emit(call, "invoice.finalized", invoice)
    if not invoice["amount_due"]:
        return invoice
    intent = payments.begin(call, invoice["amount_due"], invoice["currency"], customer=invoice["customer"])
    request = call.start(
        "invoice_payment",
        amount_requested=intent["amount"],
        currency=intent["currency"],
        invoice=invoice["id"],
        payment={"payment_intent": intent["id"], "type": "payment_intent"},
    )
    return call.change(invoice, with_payments([call.add(request)]), silent=True)


def with_payments(requests: list[Document]) -> Document:
    """Return the field of an invoice that shows its payments."""
    return {"payments": listing.envelope("/v1/invoice_payments", requests)}


def collect(call: Call, invoice: Document) -> Document:
    """Charge the customer's card for an open invoice; announce that it was paid, or that the card was declined."""
    if invoice["amount_due"] and payments.is_declined(call, invoice["customer"]):
        return fail(call, invoice)
    invoice = settle(call, invoice)
    announce_paid(call, invoice)
    return invoice


def settle(call: Call, invoice: Document) -> Document:
    """Mark an open invoice paid, by its payment or because nothing was due. `announce_paid` is apart."""
    requests = [_settle_payment(call, request, invoice) for request in invoice["payments"]["data"]]
    paid = {
        **with_payments(requests),
        "amount_paid": invoice["amount_due"],
        "amount_remaining": 0,
        "attempt_count": invoice["attempt_count"] + len(requests),
        "attempted": True,
        "status": "paid",
        "status_transitions": {**invoice["status_transitions"], "paid_at": call.now},
    }
    return call.change(invoice, paid)


def _settle_payment(call: Call, request: Document, invoice: Document) -> Document:
    payments.succeed(call, intent_of(call, request), invoice["customer_email"])
    paid = {
        "amount_paid": request["amount_requested"],
        "status": "paid",
        "status_transitions": {"canceled_at": None, "paid_at": call.now},
    }
    return call.change(request, paid)


def announce_paid(call: Call, invoice: Document) -> None:
    """Say that an invoice was paid, in the three ways Stripe says it."""
    events.emit(call, "invoice.paid", invoice)
    events.emit(call, "invoice.payment_succeeded", invoice)
    for request in invoice["payments"]["data"]:
        events.emit(call, "invoice_payment.paid", request)


def fail(call: Call, invoice: Document) -> Document:
    """Note that a payment of an open invoice failed, and announce it."""
    for request in invoice["payments"]["data"]:
        payments.fail(call, intent_of(call, request), invoice["customer_email"])
    attempts = {"attempt_count": invoice["attempt_count"] + 1, "attempted": True}
    invoice = call.change(invoice, attempts)
    events.emit(call, "invoice.payment_failed", invoice)
    return invoice


def wait(call: Call, invoice: Document) -> Document:
    """Begin a payment of an open invoice that settles later."""
    for request in invoice["payments"]["data"]:
        payments.wait(call, intent_of(call, request), invoice["customer_email"])
    return call.change(invoice, {"attempted": True})


def intent_of(call: Call, request: Document) -> Document:
    """Return the payment intent behind one of an invoice's payments."""
    return call.get("payment_intent", request["payment"]["payment_intent"])
