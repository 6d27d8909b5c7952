"""Invoices written by API: for a customer, with no subscription behind them."""

from typing import Any

from promos.standin import (
    basket,
    discounts,
    errors,
    events,
    invoice_lines,
    invoices,
    params,
    payments,
    prices,
    subscriptions,
)
from promos.standin.call import Call
from promos.standin.discounts import Applied, Order
from promos.standin.errors import StripeError
from promos.standin.invoice_lines import Billed
from promos.standin.kinds import Document

MENTION = params.group({"coupon": params.text(), "promotion_code": params.text()})
CREATE = {
    "auto_advance": params.boolean,
    "currency": params.currency,
    "customer": params.text(),
    "description": params.text(),
    "discounts": params.listing(MENTION),
    "metadata": params.metadata,
    "pending_invoice_items_behavior": params.choice("exclude", "include"),
}
ITEM = {
    "amount": params.integer(),
    "currency": params.currency,
    "customer": params.text(),
    "description": params.text(),
    "invoice": params.text(),
    "metadata": params.metadata,
    "pricing": params.group({"price": params.text()}, ("price",)),
    "quantity": params.integer(1),
}


def create(call: Call, values: dict[str, Any]) -> Document:
    """Create a draft; its discounts are redeemed when it is finalised.

    Raises StripeError for a customer, coupon or code that does not exist.
    """
    customer = call.get("customer", values["customer"], param="customer")
    invoice = invoices.blank(call, customer["id"], values.get("currency", "usd"), "manual")
    invoice["description"] = values.get("description")
    invoice["metadata"] = params.merged_metadata({}, values.get("metadata", {}))
    applied = [
        discounts.named_one(call, mention, f"discounts[{index}]")
        for index, mention in enumerate(values.get("discounts", []))
    ]
    started = [_discount(call, invoice, one) for one in applied]
    invoice = call.add(invoices.priced(invoice, started))
    if values.get("pending_invoice_items_behavior") == "include":
        for item in _pending(call, invoice):
            invoice = _put(call, invoice, item)
    return invoice


def _discount(call: Call, invoice: Document, applied: Applied) -> Document:
    own = {"customer": invoice["customer"], "invoice": invoice["id"], "_coupon": applied.coupon}
    discount = {**discounts.blank(call, applied), **own}
    call.store.save(discount)
    return discount


def _pending(call: Call, invoice: Document) -> list[Document]:
    found = call.store.walk("invoiceitem", key=("customer", invoice["customer"]))
    same = [item for item in found if not item["invoice"] and item["currency"] == invoice["currency"]]
    return same[::-1]


def add_item(call: Call, values: dict[str, Any]) -> Document:
    """Create an invoice item: on a draft, or pending until one takes it.

    Raises StripeError for what does not exist, a finalised invoice, and an item without an amount.
    """
    call.get("customer", values["customer"], param="customer")
    item = call.add(_item(call, values))
    if not values.get("invoice"):
        return item
    invoice = call.get("invoice", values["invoice"], param="invoice")
    if invoice["status"] != "draft":
        raise StripeError("The specified invoice is not a draft any more.", param="invoice")
    _put(call, invoice, item)
    return call.get("invoiceitem", item["id"])


def _item(call: Call, values: dict[str, Any]) -> Document:
    if ("pricing" in values) == ("amount" in values):
        raise errors.invalid("An invoice item needs either `amount` or `pricing`.", "amount")
    quantity = values.get("quantity") or 1
    item = call.start(
        "invoiceitem",
        customer=values["customer"],
        date=call.now,
        description=values.get("description"),
        metadata=params.merged_metadata({}, values.get("metadata", {})),
        period={"end": call.now, "start": call.now},
        quantity=quantity,
        quantity_decimal=str(quantity),
    )
    # An invoice item is dated by `date` alone.
    del item["created"]
    if "amount" in values:
        return {**item, "amount": values["amount"], "currency": values.get("currency", "usd")}
    return {**item, **_priced(call, values["pricing"]["price"], quantity)}


def _priced(call: Call, identifier: str, quantity: int) -> Document:
    price = call.get("price", identifier, param="pricing[price]")
    amount = basket.unit_amount(price, price["currency"]) * quantity
    return {
        "amount": amount,
        "currency": price["currency"],
        "pricing": prices.pricing(price, amount // quantity),
        "_price": price,
    }


def _put(call: Call, invoice: Document, item: Document) -> Document:
    """Put an item on a draft and return the draft, priced anew."""
    if item["currency"] != invoice["currency"]:
        message = f"The currency of the invoice item must be the invoice's, {invoice['currency']}."
        raise StripeError(message, param="currency")
    call.store.save({**item, "invoice": invoice["id"]})
    billed = Billed(
        amount=item["amount"],
        description=item["description"] or "",
        start=item["date"],
        end=item["date"],
        price=item.get("_price"),
        quantity=item["quantity"],
        invoice_item=item["id"],
    )
    lines = [*invoice["lines"]["data"], invoice_lines.line(invoice, billed)]
    filled = {**invoice, "lines": invoice_lines.envelope(invoice, lines)}
    started = [call.get("discount", identifier) for identifier in invoice["discounts"]]
    return call.change(invoice, invoices.priced(filled, started))


def finalise(call: Call, values: dict[str, Any], identifier: str) -> Document:
    """Finalise a draft, which redeems its discounts; one with nothing to pay is paid.

    Raises StripeError for one that is no draft, and for a discount that may not be redeemed.
    """
    invoice = call.get("invoice", identifier, status=404)
    if invoice["status"] != "draft":
        raise StripeError("This invoice is already finalized.", code="invoice_not_editable")
    order = Order(invoice["currency"], invoice["customer"], invoice["subtotal"])
    for name in invoice["discounts"]:
        applied = _applied(call, call.get("discount", name))
        discounts.check(call, order, applied)
        discounts.redeem(call, applied)
    invoice = invoices.finalise(call, invoice)
    return invoice if invoice["amount_due"] else invoices.collect(call, invoice)


def _applied(call: Call, discount: Document) -> Applied:
    code = discount["promotion_code"]
    coupon = call.get("coupon", discount["source"]["coupon"], param="discounts")
    return Applied(coupon, call.get("promotion_code", code) if code else None)


def pay(call: Call, values: dict[str, Any], identifier: str) -> Document:
    """Pay an invoice with the customer's card, finalising it first where that is still to be done.

    Raises StripeError: card_declined, of which no trace stays here; for one that is paid or void.
    """
    invoice = call.get("invoice", identifier, status=404)
    if invoice["status"] == "draft":
        invoice = finalise(call, {}, identifier)
    elif invoice["status"] != "open":
        raise StripeError(f"Invoice is already {invoice['status']}.")
    if invoice["status"] == "paid":
        return invoice
    if payments.is_declined(call, invoice["customer"]):
        raise errors.declined()
    invoice = invoices.collect(call, invoice)
    subscriptions.follow(call, invoice)
    return invoice


def void(call: Call, values: dict[str, Any], identifier: str) -> Document:
    """Void an open invoice.

    Raises StripeError for any other.
    """
    invoice = call.get("invoice", identifier, status=404)
    if invoice["status"] != "open":
        raise StripeError("You can only void open invoices.")
    moments = {**invoice["status_transitions"], "voided_at": call.now}
    voided = {"amount_remaining": 0, "status": "void", "status_transitions": moments}
    invoice = call.change(invoice, voided, silent=True)
    events.emit(call, "invoice.voided", invoice)
    return invoice
