"""The lines of an invoice: what each is for, which period it covers, what its discounts take off."""

from dataclasses import dataclass

from promos.standin import basket, ids, listing, prices, shapes
from promos.standin.call import Call
from promos.standin.kinds import Document


@dataclass(frozen=True)
class Billed:
    """What one line is for. A price and how often, or an amount alone; `start` and `end` as one moment for one-offs."""

    amount: int
    description: str
    start: int
    end: int
    price: Document | None = None
    quantity: int = 1
    subscription_item: str | None = None
    invoice_item: str | None = None


def of_checkout(call: Call, items: list[Document], subscription: Document) -> list[Billed]:
    """Return the lines of a subscription's first invoice: its items and the one-offs bought with it."""
    own = {item["price"]["id"]: item for item in subscription["items"]["data"]}
    billed = []
    for item in items:
        mine = own.get(item["price"]["id"])
        billed.append(
            Billed(
                amount=item["amount_subtotal"],
                description=item["description"],
                start=call.now,
                end=mine["current_period_end"] if mine else call.now,
                price=item["price"],
                quantity=item["quantity"],
                subscription_item=mine and mine["id"],
            )
        )
    return billed


def of_period(call: Call, items: list[Document], currency: str) -> list[Billed]:
    """Return the lines of a renewal: subscription items, already moved on to the period to be paid."""
    return [
        Billed(
            amount=basket.unit_amount(item["price"], currency) * item["quantity"],
            description=call.get("product", item["price"]["product"])["name"],
            start=item["current_period_start"],
            end=item["current_period_end"],
            price=item["price"],
            quantity=item["quantity"],
            subscription_item=item["id"],
        )
        for item in items
    ]


def envelope(invoice: Document, lines: list[Document]) -> Document:
    """Return an invoice's lines as its list object."""
    return listing.envelope(f"/v1/invoices/{invoice['id']}/lines", lines)


def line(invoice: Document, billed: Billed, subscription: Document | None = None) -> Document:
    """Return a line without its discounts, which `invoices.priced` puts on all lines together."""
    of = subscription["id"] if subscription else None
    carried = subscription["metadata"] if subscription and billed.subscription_item else {}
    return {
        "id": ids.new("il_"),
        "object": "line_item",
        **shapes.blank("line_item"),
        "amount": billed.amount,
        "currency": invoice["currency"],
        "description": billed.description,
        "invoice": invoice["id"],
        "livemode": False,
        "metadata": carried,
        "parent": _parent(billed, of),
        "period": {"end": billed.end, "start": billed.start},
        "pricing": prices.pricing(billed.price, billed.amount // billed.quantity) if billed.price else None,
        "quantity": billed.quantity,
        "quantity_decimal": str(billed.quantity),
        "subscription": of,
        "subtotal": billed.amount,
    }


def _parent(billed: Billed, subscription: str | None) -> Document:
    shared = {"proration": False, "proration_details": None, "subscription": subscription}
    if billed.subscription_item:
        item = {**shared, "invoice_item": None, "subscription_item": billed.subscription_item}
        return {
            "invoice_item_details": None,
            "subscription_item_details": item,
            "type": "subscription_item_details",
        }
    return {
        "invoice_item_details": {**shared, "invoice_item": billed.invoice_item or ids.new("ii_")},
        "subscription_item_details": None,
        "type": "invoice_item_details",
    }


def product(shown: Document) -> str:
    """Return the product a line is for; nothing for an amount alone."""
    return str(shown["pricing"]["price_details"]["product"]) if shown["pricing"] else ""
