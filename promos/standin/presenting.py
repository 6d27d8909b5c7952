"""Show documents as Stripe does: ids unless asked to expand, some fields only when asked for."""

from collections.abc import Callable
from typing import Any

from promos.standin import errors
from promos.standin.kinds import KINDS, Document

Fetch = Callable[[str, str], Document | None]
Wanted = dict[str, Any]

MAX_DEPTH = 4
# A field of this name holds the id (or a list of ids) of such an object.
REFERENCES = {
    "charge": "charge",
    "coupon": "coupon",
    "customer": "customer",
    "default_price": "price",
    "discounts": "discount",
    "invoice": "invoice",
    "latest_charge": "charge",
    "latest_invoice": "invoice",
    "payment_intent": "payment_intent",
    "price": "price",
    "product": "product",
    "promotion_code": "promotion_code",
    "subscription": "subscription",
}
# Beside the kinds' own: fields of nested objects that come only when expanded.
HIDDEN = {
    "total_details": frozenset({"breakdown"}),
    "restrictions": frozenset({"currency_options"}),
    "item": frozenset({"discounts", "taxes"}),
}


def wanted_fields(expand: list[str]) -> Wanted:
    """Return `["data.customer"]` as `{"data": {"customer": {}}}`."""
    wanted: Wanted = {}
    for path in expand:
        parts = path.split(".")
        if len(parts) > MAX_DEPTH:
            message = f"You cannot expand more than {MAX_DEPTH} levels of a property ({path})."
            raise errors.invalid(message, "expand")
        node = wanted
        for part in parts:
            node = node.setdefault(part, {})
    return wanted


def show(document: Document, wanted: Wanted, fetch: Fetch, name: str = "") -> Document:
    """Return the public view of a document, with the wanted fields expanded.

    Raises StripeError when a wanted field cannot be expanded.
    """
    hidden = _hidden(document, name)
    unknown = [field for field in wanted if field not in document and field not in hidden]
    if unknown:
        raise _not_expandable(unknown[0])
    shown = {}
    for field, value in document.items():
        if field.startswith("_") or (field in hidden and field not in wanted):
            continue
        if field == "metadata" and field not in wanted:
            # Its keys are the caller's: none of them means anything here.
            shown[field] = value
        else:
            shown[field] = _shown(field, value, wanted.get(field), fetch, field in hidden)
    return shown


def plain(document: Document) -> Document:
    """Return the public view with nothing expanded, as events carry it."""
    return show(document, {}, lambda kind, identifier: None)


def _hidden(document: Document, name: str) -> frozenset[str]:
    # An event's data has an object called "object", which is no name.
    described = document.get("object")
    known_as = described if isinstance(described, str) else name
    return KINDS[known_as].hidden if known_as in KINDS else HIDDEN.get(known_as, frozenset())


def _shown(field: str, value: Any, wanted: Wanted | None, fetch: Fetch, revealed: bool = False) -> Any:
    if isinstance(value, list):
        return [_shown(field, item, wanted, fetch, revealed) for item in value]
    if isinstance(value, dict):
        if wanted == {} and not revealed and value.get("object") != "list":
            raise _not_expandable(field)
        return show(value, wanted or {}, fetch, field)
    if wanted is None or value is None or revealed:
        return value
    if field not in REFERENCES:
        raise _not_expandable(field)
    found = fetch(REFERENCES[field], value)
    return show(found, wanted, fetch) if found else value


def _not_expandable(field: str) -> errors.StripeError:
    return errors.invalid(f"This property cannot be expanded ({field}).", "expand")
