"""The one view that Stripe's events arrive at.

Everything about a request is checked before anything is written: size, signature
and age, then JSON, depth, shape and mode. A refusal is a 4xx with a short reason
and leaves no trace in the database. What passes is handed to the inbox and
answered with 200; only an event that could not be stored is answered with 500,
so that Stripe sends it again.
"""

from __future__ import annotations

import json
import logging
import math
import re
from datetime import datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.log import log_response
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from promos import stripe_gateway
from promos.webhooks import inbox, receivers, signing_secrets

logger = logging.getLogger(__name__)

#: Stripe's events are a few KiB; the largest it documents are far below this.
MAX_BYTES = 512 * 1024
MAX_DEPTH = 40

_CONTAINERS = (dict, list)

#: Legal in JSON as an escape, refused by PostgreSQL: NUL and half a character.
UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class Refused(Exception):
    """The request is not an event for us; ``str()`` is the answer's text."""

    def __init__(self, reason: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(reason)
        self.status = status


@csrf_exempt
@require_POST
def receive(request: HttpRequest, uuid: UUID | None = None) -> HttpResponse:
    """Take an event in. ``uuid`` names the endpoint in dj-stripe's addresses; the signature alone decides."""
    now = timezone.now()
    try:
        payload = _checked(request, now)
    except Refused as refusal:
        answer = _answer(str(refusal), refusal.status)
        # Django would log that a request was bad; whoever set a wrong secret needs to know why.
        log_response("Refused a webhook: %s", refusal, response=answer, request=request)
        return answer
    if payload["type"] not in receivers.REGISTRY:
        # Not stored: whoever subscribes an endpoint to everything should not fill our database.
        # A later version that wants the type finds its events in Stripe's list.
        return _answer("Ignored: Promodesk does not use this type of event.")
    try:
        inbox.take(payload, now=now)
    except DatabaseError:
        logger.exception("Event %s could not be stored; Stripe will send it again", payload["id"])
        return _answer("The event could not be stored.", HTTPStatus.INTERNAL_SERVER_ERROR)
    return _answer("Received.")


def _answer(text: str, status: HTTPStatus = HTTPStatus.OK) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/plain")


def _checked(request: HttpRequest, now: datetime) -> dict[str, Any]:
    body = _body(request)
    _check_signature(body, request.headers.get("Stripe-Signature", ""), now)
    payload = _shaped(_parsed(body))
    if payload["livemode"] != settings.STRIPE_LIVE_MODE:
        mode = "live" if settings.STRIPE_LIVE_MODE else "test"
        raise Refused(f"This installation works in {mode} mode.")
    return payload


def _body(request: HttpRequest) -> bytes:
    """Read no more than allowed, whatever length the request claims."""
    body = request.read(MAX_BYTES + 1) if _claimed_length(request) <= MAX_BYTES else None
    if body is None or len(body) > MAX_BYTES:
        raise Refused("The request is too large.", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return bytes(body)


def _claimed_length(request: HttpRequest) -> int:
    claimed = request.headers.get("Content-Length") or "0"
    return int(claimed) if claimed.isdecimal() else 0


def _check_signature(body: bytes, header: str, now: datetime) -> None:
    known = signing_secrets.current()
    try:
        stripe_gateway.verify(body, header, known, now=now)
    except stripe_gateway.SignatureInvalid as error:
        if not _fits_a_new_secret(body, header, known, now):
            raise Refused(str(error)) from error


def _fits_a_new_secret(body: bytes, header: str, known: tuple[str, ...], now: datetime) -> bool:
    """Try the secrets that another process has stored since ours were read."""
    fresh = signing_secrets.current(max_age_seconds=signing_secrets.REFRESH_SECONDS)
    try:
        stripe_gateway.verify(body, header, set(fresh) - set(known), now=now)
    except stripe_gateway.SignatureInvalid:
        return False
    return True


def _parsed(body: bytes) -> Any:
    try:
        payload = json.loads(body.decode(), parse_constant=_refused, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise Refused("The request is not JSON in UTF-8.") from error
    if _is_deeper_than(MAX_DEPTH, payload):
        raise Refused("The request is nested too deeply.")
    return _storable(payload) if b"\\u" in body else payload


def _refused(name: str) -> None:
    """Python reads NaN and Infinity, which are no JSON and which no database stores as JSON."""
    raise ValueError(name)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(digits)
    return number


def _storable(value: Any) -> Any:
    """Return the value with U+FFFD for every character that PostgreSQL would refuse."""
    if isinstance(value, str):
        return UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_storable(key): _storable(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_storable(child) for child in value]
    return value


def _is_deeper_than(limit: int, payload: Any) -> bool:
    level = [payload] if isinstance(payload, _CONTAINERS) else []
    for _ in range(limit):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, _CONTAINERS)
        ]
        if not level:
            return False
    return True


def _shaped(payload: Any) -> dict[str, Any]:
    if not isinstance(payload, dict) or payload.get("object") != "event":
        raise Refused("The request is not an event.")
    subject = payload.get("data", {}).get("object") if isinstance(payload.get("data"), dict) else None
    well_formed = (
        _is_text(payload.get("id"), 255)
        and _is_text(payload.get("type"), 100)
        and _is_text(payload.get("api_version") or "none", 40)
        and isinstance(payload.get("livemode"), bool)
        and isinstance(subject, dict)
        and _is_text(subject.get("id") or "none", 255)
    )
    if not well_formed:
        raise Refused("The event lacks its id, type, mode or object, or one of them is too long.")
    return payload


def _is_text(value: Any, max_length: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= max_length
