"""Subscriptions: begun by a checkout or by API, changed, ended. Their renewals are in renewals."""

from typing import Any

from promos.standin import (
    basket,
    discounts,
    errors,
    events,
    ids,
    invoice_lines,
    invoices,
    listing,
    params,
    periods,
    running_discounts,
    shapes,
)
from promos.standin.call import Call
from promos.standin.discounts import Applied
from promos.standin.kinds import RUNNING, Document

DISCOUNTS = params.listing(params.group({name: params.text() for name in running_discounts.MENTION}))
ITEM = params.group({"price": params.text(), "quantity": params.integer(1)}, ("price",))
CHANGED_ITEM = params.group(
    {"id": params.text(), "price": params.text(), "quantity": params.integer(1)}, ("id",)
)
CREATE = {
    "customer": params.text(),
    "description": params.text(500),
    "discounts": DISCOUNTS,
    "items": params.listing(ITEM),
    "metadata": params.metadata,
}
UPDATE = {
    "cancel_at": params.integer(),
    "cancel_at_period_end": params.boolean,
    "description": params.text(500),
    "discounts": DISCOUNTS,
    "items": params.listing(CHANGED_ITEM),
    "metadata": params.metadata,
    # Nothing is prorated here, so a change of items has to ask for that.
    "proration_behavior": params.choice("none"),
}
CANCEL = {
    "cancellation_details": params.group({"comment": params.text()}),
    "invoice_now": params.boolean,
    "prorate": params.boolean,
}


def new(call: Call, customer: str, items: list[Document], copied: dict[str, Any]) -> Document:
    """Return an active subscription to the recurring ones of some line items; nothing is stored yet.

    `copied` is its description and metadata.
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
    data = [_item(call, subscription["id"], item) for item in recurring]
    return {**subscription, "items": listing.envelope(url, data)}


def _item(call: Call, subscription: str, item: Document) -> Document:
    return {
        "id": ids.new("si_", 14),
        "object": "subscription_item",
        **shapes.blank("subscription_item"),
        "created": call.now,
        "current_period_end": periods.end(call.now, item["price"]["recurring"], call.now),
        "current_period_start": call.now,
        "price": item["price"],
        "quantity": item["quantity"],
        "subscription": subscription,
    }


def begin(call: Call, subscription: Document, items: list[Document], started: list[Document]) -> Document:
    """Store and announce a new subscription with its discounts; return its first invoice, open and unpaid."""
    call.add({**subscription, "discounts": [discount["id"] for discount in started]})
    for discount in started:
        events.emit(call, "customer.discount.created", discount)
    billed = invoice_lines.of_checkout(call, items, subscription)
    draft = invoices.of_subscription(
        call, subscription, billed, reason="subscription_create", discounts=started
    )
    return invoices.finalise(call, draft)


def note_invoice(call: Call, subscription: str, invoice: str, **changes: Any) -> Document:
    """Let a subscription point to its latest invoice, which used up the discounts for once."""
    current = call.get("subscription", subscription)
    kept = running_discounts.left(call, current)
    return call.change(current, {"discounts": kept, "latest_invoice": invoice, **changes})


def follow(call: Call, invoice: Document) -> None:
    """Let a running subscription be active or past due as its invoice turned out."""
    details = (invoice["parent"] or {}).get("subscription_details")
    subscription = call.store.get("subscription", details["subscription"]) if details else None
    if subscription and subscription["status"] in RUNNING:
        call.change(subscription, {"status": "active" if invoice["status"] == "paid" else "past_due"})


# What the API asks for


def create(call: Call, values: dict[str, Any]) -> Document:
    """Begin a subscription and pay its first invoice with the customer's card.

    Raises StripeError for what does not exist, does not fit, or is declined.
    """
    customer = call.get("customer", values["customer"], param="customer")["id"]
    lines = [{"quantity": 1, **line} for line in values["items"]]
    items = basket.fill(call, lines, mode="subscription", currency=None)
    metadata = params.merged_metadata({}, values.get("metadata", {}))
    subscription = new(
        call, customer, items, {"description": values.get("description"), "metadata": metadata}
    )
    started = [_started(call, subscription, *one) for one in enumerate(values.get("discounts", []))]
    invoice = invoices.collect(call, begin(call, subscription, items, started))
    if invoice["status"] != "paid":
        raise errors.declined()
    return note_invoice(call, subscription["id"], invoice["id"])


def _started(call: Call, subscription: Document, index: int, mention: dict[str, Any]) -> Document:
    applied = discounts.named_one(call, mention, f"discounts[{index}]")
    return running_discounts.redeem_quietly(call, subscription, applied)


def update(call: Call, subscription: Document, changes: dict[str, Any]) -> Document:
    """Change a running subscription: its discounts, items, end, description, metadata.

    Raises StripeError for an ended one, and for discounts that may not be redeemed.
    """
    _check_running(subscription)
    wanted = changes.pop("discounts", None)
    if wanted is not None:
        changes["discounts"] = running_discounts.replaced(call, subscription, wanted)
    if "items" in changes:
        changes["items"] = _items(call, subscription, changes)
    changes.pop("proration_behavior", None)
    changes |= _end(call, subscription, changes)
    return call.change(subscription, params.with_metadata(subscription, changes))


def redeem(call: Call, subscription: Document, applied: Applied) -> Document:
    """Add a discount to a running subscription, as its customer may in the portal.

    Raises StripeError when it may not be redeemed.
    """
    _check_running(subscription)
    discount = running_discounts.redeem(call, subscription, applied)
    return call.change(subscription, {"discounts": [*subscription["discounts"], discount["id"]]})


def _items(call: Call, subscription: Document, changes: dict[str, Any]) -> Document:
    if "proration_behavior" not in changes:
        raise errors.invalid("Nothing is prorated here: pass proration_behavior=none.", "proration_behavior")
    wanted = {change["id"]: change for change in changes["items"]}
    known = {item["id"] for item in subscription["items"]["data"]}
    for identifier in wanted.keys() - known:
        raise errors.no_such("subscription_item", identifier, param="items")
    data = [_changed(call, item, wanted.get(item["id"], {})) for item in subscription["items"]["data"]]
    return {**subscription["items"], "data": data}


def _changed(call: Call, item: Document, change: dict[str, Any]) -> Document:
    price = call.get("price", change["price"], param="items") if "price" in change else item["price"]
    return {**item, "price": price, "quantity": change.get("quantity", item["quantity"])}


def _end(call: Call, subscription: Document, changes: dict[str, Any]) -> Document:
    """Return what a wish to end later, or not to end after all, changes besides."""
    if "cancel_at_period_end" in changes:
        ends = period_end(subscription) if changes["cancel_at_period_end"] else None
    elif "cancel_at" in changes:
        ends = changes["cancel_at"]
    else:
        return {}
    reason = {"reason": "cancellation_requested" if ends else None}
    return {
        "cancel_at": ends,
        "canceled_at": call.now if ends else None,
        "cancellation_details": {**subscription["cancellation_details"], **reason},
    }


def period_end(subscription: Document) -> int:
    """Return when the current period of a subscription's soonest item is over."""
    return min(int(item["current_period_end"]) for item in subscription["items"]["data"])


def cancel(call: Call, values: dict[str, Any], identifier: str) -> Document:
    """End a subscription now; nothing is refunded.

    Raises StripeError for one that has ended.
    """
    subscription = call.get("subscription", identifier, status=404)
    _check_running(subscription)
    comment = (values.get("cancellation_details") or {}).get("comment")
    details = {"comment": comment, "feedback": None, "reason": "cancellation_requested"}
    return end(call, {**subscription, "cancellation_details": details})


def end(call: Call, subscription: Document) -> Document:
    """Note that a subscription has ended, and announce it."""
    ended = {
        "canceled_at": subscription["canceled_at"] or call.now,
        "ended_at": call.now,
        "status": "canceled",
    }
    subscription = call.change(subscription, ended, silent=True)
    events.emit(call, "customer.subscription.deleted", subscription)
    return subscription


def _check_running(subscription: Document) -> None:
    if subscription["status"] not in RUNNING:
        message = "A canceled subscription can only update its cancellation_details and metadata."
        raise errors.StripeError(message)
