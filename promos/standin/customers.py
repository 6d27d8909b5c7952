"""Customers."""

from typing import Any

from promos.standin import params, subscriptions
from promos.standin.call import Call
from promos.standin.kinds import RUNNING, Document

ADDRESS = params.group(
    {name: params.text() for name in ("city", "country", "line1", "line2", "postal_code", "state")}
)
FIELDS = {
    "address": ADDRESS,
    "description": params.text(),
    "email": params.text(512),
    "metadata": params.metadata,
    "name": params.text(256),
    "phone": params.text(20),
    "preferred_locales": params.listing(params.text()),
}


def create(call: Call, values: dict[str, Any]) -> Document:
    """Create a customer."""
    customer = call.start("customer")
    metadata = params.merged_metadata({}, values.pop("metadata", {}))
    return call.add({**customer, **values, "metadata": metadata})


def update(call: Call, customer: Document, changes: dict[str, Any]) -> Document:
    """Change a customer."""
    return call.change(customer, params.with_metadata(customer, changes))


def delete(call: Call, customer: Document) -> Document:
    """Delete a customer and end what they subscribe to."""
    for subscription in list(call.store.walk("subscription", key=("customer", customer["id"]))):
        if subscription["status"] in RUNNING:
            subscriptions.end(call, subscription)
    return call.remove(customer)
