"""Events that never arrived: asked for in Stripe's list and taken in as if they had just come.

Stripe lists the events of thirty days. Who was away for longer misses more than
that, and walks over the account since then instead. How long we were away follows
from the last time this ran, not from the last event: after a long silence the
first new event arrives before anybody has looked back.

The whole list may be long, for Stripe keeps an event there that any endpoint of
the account did not take; so between the hourly looks only its end is looked at.

A database restored from a backup lacks events that Stripe did deliver. They are
asked for on demand alone: it is the owner who knows of the restore.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Q

from promos import stripe_gateway
from promos.backfill import walk
from promos.backfill.chronology import oldest_first
from promos.backfill.steps import Tally
from promos.models import SyncCursor, WebhookEvent
from promos.stripe_gateway import StripeObject
from promos.webhooks import inbox, receivers

logger = logging.getLogger(__name__)

CURSOR = "events"
#: How long Stripe lists an event, and a day less, so that none falls through while this runs.
LISTED = timedelta(days=29)
#: How long Stripe goes on delivering an event.
SENT_AGAIN = timedelta(days=3)
#: How often the end of the list is looked at, and how much of it: more than one try of Stripe's to deliver.
OFTEN, RECENT = timedelta(minutes=5), timedelta(hours=1)
RECENT_CURSOR = "recent events"
#: Where a look for what a restored database lacks began, until it is done: what it took in would hide the rest.
RESTORED_CURSOR = "restored events"
#: Types that one call may ask for.
TYPES_PER_CALL = 20
#: An order may be paid that long after it was made: a bank transfer, an invoice by mail.
LATEST_PAYMENT = timedelta(days=30)


@dataclass
class Outcome:
    """How many missed events were taken in and how many could not be; ``walked`` after a longer absence.

    ``met`` are the events' ids, since of those that a dry run counts none is kept.
    """

    taken: int = 0
    failed: int = 0
    walked: Tally | None = None
    met: set[str] = field(default_factory=set)

    @property
    def is_complete(self) -> bool:
        return not self.failed and not (self.walked and self.walked.failures)


def catch_up(*, now: datetime, delivered_too: bool = False, dry_run: bool = False) -> Outcome:
    """Take in what was missed since this last ran; a dry run counts it.

    ``delivered_too`` takes in what Stripe delivered after the newest event that is here, too.

    Raises:
        stripe_gateway.StripeError: Stripe refused or went away; run it again later.
    """
    outcome = Outcome()
    since = _lacking_since(dry_run=dry_run) if delivered_too else None
    _take_all(_undelivered(now - LISTED), outcome, now=now, dry_run=dry_run)
    if since:
        _take_all(_listed(max(since, now - LISTED)), outcome, now=now, dry_run=dry_run)
    last = SyncCursor.objects.filter(name=CURSOR).values_list("reached_at", flat=True).first()
    if last is not None and last < now - LISTED:
        outcome.walked = walk.run(now=now, since=last - LATEST_PAYMENT, dry_run=dry_run)
    if outcome.is_complete and not dry_run:
        SyncCursor.objects.update_or_create(name=CURSOR, defaults={"reached_at": now})
        if delivered_too:
            SyncCursor.objects.filter(name=RESTORED_CURSOR).delete()
    return outcome


def catch_up_recent(*, now: datetime) -> Outcome:
    """Take in what was missed within the last hour; once in five minutes, by whichever worker comes first.

    So the use that a failed payment holds is free again soon, though its event was lost.

    Raises:
        stripe_gateway.StripeError: Stripe refused or went away.
    """
    outcome = Outcome()
    cursor, _ = SyncCursor.objects.get_or_create(name=RECENT_CURSOR)
    is_due = Q(reached_at__isnull=True) | Q(reached_at__lte=now - OFTEN)
    if SyncCursor.objects.filter(is_due, pk=cursor.pk).update(reached_at=now):
        _take_all(_undelivered(now - RECENT), outcome, now=now)
    return outcome


def _take_all(
    listed: Iterator[StripeObject], outcome: Outcome, *, now: datetime, dry_run: bool = False
) -> None:
    for payload in listed:
        if payload["id"] not in outcome.met and _is_new(payload):
            outcome.met.add(payload["id"])
            _take(payload, outcome, now=now, dry_run=dry_run)


def _undelivered(since: datetime) -> Iterator[StripeObject]:
    """Yield what Stripe could not deliver to everybody who asked for it, of the types that we use."""
    return _listed(since, delivery_success=False)


def _listed(since: datetime, **filters: bool) -> Iterator[StripeObject]:
    types = list(receivers.REGISTRY)
    for start in range(0, len(types), TYPES_PER_CALL):
        wanted = types[start : start + TYPES_PER_CALL]
        listing = partial(stripe_gateway.list_events, types=wanted, **filters)
        yield from oldest_first(listing, since=since)


def _lacking_since(*, dry_run: bool) -> datetime | None:
    """Return since when delivered events may be lacking, as a look that broke off began; None where none ever came."""
    begun = SyncCursor.objects.filter(name=RESTORED_CURSOR).first()
    if begun is not None:
        return begun.since
    newest = WebhookEvent.objects.order_by("-received_at").values_list("received_at", flat=True).first()
    if newest is None:
        return None
    since = newest - SENT_AGAIN
    if not dry_run:
        SyncCursor.objects.create(name=RESTORED_CURSOR, since=since)
    return since


def _is_new(payload: StripeObject) -> bool:
    return (
        payload["livemode"] == settings.STRIPE_LIVE_MODE
        and not WebhookEvent.objects.filter(stripe_event_id=payload["id"]).exists()
    )


def _take(payload: StripeObject, outcome: Outcome, *, now: datetime, dry_run: bool) -> None:
    try:
        if not dry_run:
            inbox.take(payload, now=now)
        outcome.taken += 1
    except DatabaseError:
        logger.exception("Event %s could not be stored", payload["id"])
        outcome.failed += 1
