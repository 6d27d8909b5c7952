"""Webhook endpoints: where events are delivered to."""

import re
from typing import Any
from urllib.parse import urlsplit

from promos.standin import errors, ids, params
from promos.standin.call import Call
from promos.standin.kinds import Document

EVENT_TYPE = re.compile(r"\*|[a-z_0-9]+(\.[a-z_0-9]+)+")

CREATE = {
    "api_version": params.text(),
    "description": params.text(),
    "enabled_events": params.listing(params.text()),
    "metadata": params.metadata,
    "url": params.text(),
}
UPDATE = {
    **{name: reader for name, reader in CREATE.items() if name != "api_version"},
    "disabled": params.boolean,
}


def create(call: Call, values: dict[str, Any]) -> Document:
    """Create an endpoint; only this answer shows its secret."""
    _check(values)
    endpoint = call.start(
        "webhook_endpoint",
        api_version=values.get("api_version"),
        application=None,
        description=values.get("description"),
        enabled_events=values["enabled_events"],
        metadata=params.merged_metadata({}, values.get("metadata", {})),
        status="enabled",
        url=values["url"],
        _secret=ids.new("whsec_", 32),
    )
    return {**call.add(endpoint), "secret": endpoint["_secret"]}


def update(call: Call, endpoint: Document, changes: dict[str, Any]) -> Document:
    """Change an endpoint; `disabled` stops or resumes its deliveries."""
    _check(changes)
    if "disabled" in changes:
        changes["status"] = "disabled" if changes.pop("disabled") else "enabled"
    return call.change(endpoint, params.with_metadata(endpoint, changes))


def _check(values: dict[str, Any]) -> None:
    url = urlsplit(values.get("url") or "http://unchanged")
    if url.scheme not in ("http", "https") or not url.hostname:
        raise errors.StripeError(
            "Invalid URL: An explicit scheme (such as https) must be provided.", param="url"
        )
    for event_type in values.get("enabled_events", ["*"]):
        if not EVENT_TYPE.fullmatch(event_type or ""):
            raise errors.StripeError(f"Unknown event type: {event_type}", param="enabled_events")
