"""Events as Stripe would send them, signed, for tests of what happens to them here."""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

import stripe
from django.test import Client

SECRET = "whsec_of_the_tests"
ADDRESS = "/api/webhooks/stripe/"

_number = itertools.count(1)


def event(event_type: str, subject: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"evt_test_{next(_number)}",
        "object": "event",
        "api_version": "2026-08-26.dahlia",
        "created": int(time.time()),
        "data": {"object": subject or {"id": "cs_test_1", "object": "checkout.session"}},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": event_type,
        **fields,
    }


def signature(body: bytes, *, secret: str = SECRET, at: float | None = None) -> str:
    timestamp = int(time.time() if at is None else at)
    return stripe.WebhookSignature.generate_signature_header(body.decode(errors="replace"), secret, timestamp)


def deliver(client: Client, payload: object, *, address: str = ADDRESS, header: str | None = None) -> Any:
    """Post a payload (an object, or bytes as they are) the way Stripe does."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    signed = signature(body) if header is None else header
    return client.post(
        address, data=body, content_type="application/json", headers={"Stripe-Signature": signed}
    )
