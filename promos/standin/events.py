"""Events: what happened, kept for List Events and queued for every webhook endpoint that wants it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from promos.standin import presenting
from promos.standin.kinds import Document

if TYPE_CHECKING:
    from promos.standin.call import Call

API_VERSION = "2026-08-26.dahlia"


def emit(call: Call, event_type: str, document: Document, previous: dict[str, Any] | None = None) -> Document:
    """Store an event about a document and queue its deliveries."""
    data: dict[str, Any] = {"object": presenting.plain(document)}
    if previous is not None:
        data["previous_attributes"] = previous
    endpoints = [endpoint["id"] for endpoint in _listeners(call, event_type)]
    event = call.start(
        "event",
        api_version=API_VERSION,
        data=data,
        pending_webhooks=len(endpoints),
        request={"id": call.request_id, "idempotency_key": call.idempotency_key},
        type=event_type,
    )
    call.store.save(event)
    for endpoint in endpoints:
        # Deliveries are dated by the real clock, whatever the stand-in's own says: see delivery.
        call.store.enqueue(event["id"], endpoint, time.time())
    return event


def _listeners(call: Call, event_type: str) -> list[Document]:
    enabled = call.store.walk("webhook_endpoint", key=("status", "enabled"))
    return [endpoint for endpoint in enabled if {"*", event_type} & set(endpoint["enabled_events"])]


def previous_attributes(before: Document, after: Document) -> dict[str, Any]:
    """Return the visible fields of `before` that differ, nested objects reduced to what differs in them."""
    return _difference(presenting.plain(before), presenting.plain(after))


def _difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    difference: dict[str, Any] = {}
    for name in {**before, **after}:
        old, new = before.get(name), after.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            if nested := _difference(old, new):
                difference[name] = nested
        elif old != new:
            difference[name] = old
    return difference
