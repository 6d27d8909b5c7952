"""Storing an event once, with what it does here when that needs no call to Stripe."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.db import DatabaseError, IntegrityError, transaction

from promos import statements
from promos.models import WebhookEvent
from promos.webhooks import queue, receivers

logger = logging.getLogger(__name__)


class _NotInserted(Exception):
    """A constraint of the inbox was broken, as good as always that each event is stored once."""


def take(payload: dict[str, Any], *, now: datetime) -> None:
    """Store a checked event; a duplicate is dropped, a failing receiver leaves its error on the row.

    Raises:
        django.db.DatabaseError: the event itself could not be stored.
    """
    try:
        _store_and_run(payload, now)
    except _NotInserted as error:
        # The database says no more than that a constraint was broken.
        if not WebhookEvent.objects.filter(stripe_event_id=payload["id"]).exists():
            raise DatabaseError("The event breaks a constraint.") from error
    except Exception as error:
        # Whatever a receiver raises, the event must not be lost: the worker tries again.
        logger.exception("Event %s could not be processed yet", payload["id"])
        _store_failed(payload, error, now)


def _store_and_run(payload: dict[str, Any], now: datetime) -> None:
    receiver = receivers.REGISTRY[payload["type"]]
    event = _event(payload, now)
    event.processed_at = None if receiver.needs_stripe else now
    with transaction.atomic():
        _insert(event)
        if not receiver.needs_stripe:
            receiver.run(event, now)


def _store_failed(payload: dict[str, Any], error: Exception, now: datetime) -> None:
    event = _event(payload, now)
    queue.note_failure(event, error, now)
    with suppress(_NotInserted), transaction.atomic():
        _insert(event)


def _event(payload: dict[str, Any], now: datetime) -> WebhookEvent:
    return WebhookEvent(
        stripe_event_id=payload["id"],
        type=payload["type"],
        api_version=payload.get("api_version") or "",
        livemode=payload["livemode"],
        object_id=payload["data"]["object"].get("id") or "",
        payload=payload,
        received_at=now,
    )


def _insert(event: WebhookEvent) -> None:
    try:
        statements.insert(event)
    except IntegrityError as error:
        raise _NotInserted from error
