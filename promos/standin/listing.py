"""Lists: filters, pages and cursors."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from promos.standin import errors, params
from promos.standin.call import Call
from promos.standin.kinds import KINDS, Document

PAGE = {
    "ending_before": params.text(),
    "limit": params.integer(1, 100),
    "starting_after": params.text(),
}
BOUNDS = {name: params.integer() for name in ("gt", "gte", "lt", "lte")}


def _created(value: Any, name: str) -> dict[str, int]:
    """Read `created=T` or `created[gte]=T`."""
    if isinstance(value, dict):
        return params.read(value, BOUNDS, inside=name)
    moment = params.integer()(value, name)
    return {"gte": moment, "lte": moment}


CREATED = {"created": _created}
# The key that narrows a walk best comes first; the rest of the filters look at each document.
SHARPEST = (
    "code",
    "email",
    "payment_intent",
    "subscription",
    "invoice",
    "customer",
    "coupon",
    "product",
    "type",
)


def page(call: Call, kind: str, values: dict[str, Any]) -> Document:
    """Return one page of a kind's documents, the newest first."""
    values = _flattened(values)
    size = values.get("limit") or 10
    backwards = bool(values.get("ending_before"))
    matching = (found for found in _walk(call, kind, values) if _matches(call, found, values))
    found = list(islice(matching, size + 1))
    data = found[:size]
    if backwards:
        data.reverse()
    return envelope(f"/v1/{KINDS[kind].path}", data, has_more=len(found) > size)


def envelope(url: str, data: list[Document], *, has_more: bool = False) -> Document:
    """Return documents as one of Stripe's list objects."""
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def _flattened(values: dict[str, Any]) -> dict[str, Any]:
    """Return the filters with `payment[payment_intent]` under the name of its key."""
    payment = values.get("payment") or {}
    rest = {name: value for name, value in values.items() if name != "payment"}
    if "payment_intent" in payment:
        rest["payment_intent"] = payment["payment_intent"]
    return rest


def _walk(call: Call, kind: str, values: dict[str, Any]) -> Iterator[Document]:
    sharpest = next((name for name in SHARPEST if values.get(name) and name in KINDS[kind].keys), None)
    return call.store.walk(
        kind,
        key=(sharpest, values[sharpest]) if sharpest else None,
        older_than=_cursor(call, kind, values, "starting_after"),
        newer_than=_cursor(call, kind, values, "ending_before"),
    )


def _cursor(call: Call, kind: str, values: dict[str, Any], name: str) -> int | None:
    identifier = values.get(name)
    if not identifier:
        return None
    position = call.store.position(kind, identifier)
    if position is None:
        raise errors.no_such(kind, identifier, param=name)
    return position


def _matches(call: Call, document: Document, values: dict[str, Any]) -> bool:
    keys = KINDS[document["object"]].keys
    return (
        all(key(document) == values[name] for name, key in keys.items() if values.get(name) is not None)
        and _is_shown_unasked(document, values)
        # An invoice item has a date instead.
        and _within(document.get("created") or document["date"], values.get("created") or {})
        and _among(document, values)
        and _delivery_is(call, document, values.get("delivery_success"))
    )


def _is_shown_unasked(document: Document, values: dict[str, Any]) -> bool:
    """Tell whether a document is listed without being asked for: subscriptions that have ended are not."""
    return document["object"] != "subscription" or document["status"] != "canceled" or "status" in values


def _within(moment: int, bounds: dict[str, int]) -> bool:
    return (
        moment > bounds.get("gt", moment - 1)
        and moment >= bounds.get("gte", moment)
        and moment < bounds.get("lt", moment + 1)
        and moment <= bounds.get("lte", moment)
    )


def _among(document: Document, values: dict[str, Any]) -> bool:
    lists = {"ids": "id", "lookup_keys": "lookup_key", "types": "type"}
    return all(document[field] in values[name] for name, field in lists.items() if values.get(name))


def _delivery_is(call: Call, event: Document, wanted: bool | None) -> bool:
    return wanted is None or wanted == (call.store.undelivered(event["id"]) == 0)


def no_features(call: Call, values: dict[str, Any], product: str) -> Document:
    """Return the features of a product: none."""
    call.get("product", product, param="product", status=404)
    return envelope(f"/v1/products/{product}/features", [])
