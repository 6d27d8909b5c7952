"""The customer portal: sessions that let a customer see and change their subscriptions."""

from typing import Any

from promos.standin import params
from promos.standin.call import Call
from promos.standin.kinds import Document

CREATE = {
    "customer": params.text(),
    "locale": params.text(),
    "return_url": params.text(),
}


def create(call: Call, values: dict[str, Any]) -> Document:
    """Open the portal for a customer.

    Raises StripeError: resource_missing.
    """
    call.get("customer", values["customer"], param="customer")
    session = call.start("billing_portal.session", **values)
    return call.add({**session, "url": f"{call.base_url}/p/session/{session['id']}"})
