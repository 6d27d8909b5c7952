"""The worker's part of the inbox: events whose receiver asks Stripe, those that failed, and dj-stripe's copy.

An event is claimed with a lease, so that any number of workers may run and a
killed one's events are taken up again. No transaction is open while Stripe is
asked. A failed event is tried again, at growing distances, until the owner leaves it
aside: what fails may be mended by tomorrow's release. The admin shows the error meanwhile.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime, timedelta

from django.db import transaction

from promos import leases, mirror, settlements, stripe_gateway
from promos.models import WebhookEvent
from promos.models.stripe_objects import WebhookEventQuerySet
from promos.webhooks import receivers

logger = logging.getLogger(__name__)

BATCH_SIZE = 20
#: Longer than one event can take, even when Stripe is slow; it counts from when that one is taken up.
LEASE = timedelta(minutes=2)
#: What Stripe refuses, a missing object say, is soon tried only this often, in case it was too early; then seldom.
SOON_TRIES = 5
SELDOM = timedelta(days=1)

Step = Callable[[WebhookEvent, datetime], None]


def work(now: datetime, *, limit: int = BATCH_SIZE) -> int:
    """Claim up to ``limit`` due events, do what is left to do with each, and return how many were taken up.

    When Stripe goes away the rest is set free: each would wait for its own time-out, and whoever wants the
    worker to stop, or to push, for all of them.
    """
    events = leases.claim(WebhookEvent.objects.due(now), now=now, lease=LEASE, limit=limit)
    began = time.monotonic()
    for taken_up, event in enumerate(events, start=1):
        since = timedelta(seconds=time.monotonic() - began)
        if _is_still_ours(event, now + since) and not _finish(event, now):
            leases.release(events[taken_up:])
            return taken_up
    return len(events)


def _is_still_ours(event: WebhookEvent, at: datetime) -> bool:
    """Begin the event's lease anew; False when those before it took so long that another worker has it."""
    try:
        leases.extend(WebhookEvent, event.pk, event.lease_token, until=at + LEASE)
    except leases.Lost:
        return False
    return True


def process_again(events: WebhookEventQuerySet, now: datetime) -> int:
    """Put events back at the head of the queue, the processed ones too, but none whose body was pruned; return how many."""
    return events.exclude(payload={}).update(
        processed_at=None,
        mirrored_at=None,
        attempts=0,
        next_try_at=now,
        lease_until=None,
        lease_token="",
        error="",
    )


def leave_aside(events: WebhookEventQuerySet, now: datetime) -> int:
    """Try failed events no more, whose object is gone from Stripe say; the reason stays on them. Return how many."""
    return events.failed().update(
        processed_at=now, mirrored_at=now, next_try_at=None, lease_until=None, lease_token=""
    )


def note_failure(event: WebhookEvent, error: Exception, now: datetime) -> None:
    """Set on the event (unsaved) what went wrong and when to try again."""
    is_stripes = isinstance(error, stripe_gateway.StripeError)
    # Stripe's words speak for themselves; of anything else the kind is half of what went wrong.
    event.error = str(error) if is_stripes else f"{type(error).__name__}: {error}"
    event.attempts += 1
    is_hopeless = isinstance(error, stripe_gateway.Rejected) and event.attempts > SOON_TRIES
    event.next_try_at = now + (SELDOM if is_hopeless else leases.wait(event.attempts))


def _finish(event: WebhookEvent, now: datetime) -> bool:
    """Run the receiver and make dj-stripe's copy, each if still to do; a failure of one spares the other.

    Return whether Stripe answered.
    """
    token = event.lease_token
    errors = [error for step in (_process, _mirror) if (error := _attempt(step, event, now))]
    event.next_try_at, event.error = None, ""
    if errors:
        note_failure(event, errors[0], now)
    event.lease_until, event.lease_token = None, ""
    _save(event, token, "attempts", "next_try_at", "error", "lease_until", "lease_token")
    return not any(isinstance(error, stripe_gateway.Unavailable) for error in errors)


def _attempt(step: Step, event: WebhookEvent, now: datetime) -> Exception | None:
    try:
        step(event, now)
    except (stripe_gateway.Unavailable, settlements.NotSettled) as error:
        # An outage, or an order that is paid in part, is no fault of the code's: a line each time, not a traceback.
        logger.warning("Event %s waits: %s", event.stripe_event_id, error)
        return error
    except Exception as error:
        # Whatever a receiver raises, it is kept with its event and tried again.
        logger.exception("Event %s could not be finished yet", event.stripe_event_id)
        return error
    return None


def _process(event: WebhookEvent, now: datetime) -> None:
    if event.processed_at is not None:
        return
    with nullcontext() if receivers.needs_stripe(event) else transaction.atomic():
        receivers.run(event, now)
        event.processed_at = now
        _save(event, event.lease_token, "processed_at")


def _mirror(event: WebhookEvent, now: datetime) -> None:
    if event.mirrored_at is not None:
        return
    # dj-stripe's handlers of other types are still connected, and would call Stripe.
    if event.type in receivers.REGISTRY:
        mirror.record_event(event)
    event.mirrored_at = now
    _save(event, event.lease_token, "mirrored_at")


def _save(event: WebhookEvent, token: str, *fields: str) -> None:
    """Save fields, unless the lease ran out and another worker has the event."""
    held = WebhookEvent.objects.filter(pk=event.pk, lease_token=token)
    held.update(**{field: getattr(event, field) for field in fields})
