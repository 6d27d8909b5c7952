"""The account's past, in the order in which it happened.

The lists are read side by side, so that a customer's first order is known before
the second, and an order before its refund.
"""

from __future__ import annotations

import heapq
import logging
from datetime import UTC, datetime
from itertools import repeat

from django.db import OperationalError

from promos import stripe_gateway
from promos.backfill.chronology import oldest_first
from promos.backfill.sources import SOURCES, Met, Source
from promos.backfill.steps import Step, Steps
from promos.stripe_gateway import StripeObject

logger = logging.getLogger(__name__)


def bring(*, since: datetime | None, dry_run: bool) -> Steps:
    """Record all that was made since then, or ever, each with its own date; a dry run says what is not here yet."""
    met: Met = set()
    walks = [zip(repeat(source), oldest_first(source.listing, since=since)) for source in SOURCES]
    for source, found in heapq.merge(*walks, key=lambda pair: pair[1]["created"]):
        at = datetime.fromtimestamp(found["created"], UTC)
        if dry_run:
            yield Step(source.name, is_new=source.foresee(found, met), at=at)
        else:
            yield _recorded(source, found, at)


def _recorded(source: Source, found: StripeObject, at: datetime) -> Step:
    try:
        return Step(source.name, is_new=source.record(found, at), at=at)
    except (stripe_gateway.Unavailable, stripe_gateway.NotAuthorised, OperationalError):
        raise
    except Exception as error:
        # One strange object must not keep out all that came after it.
        logger.exception("%s could not be recorded", found["id"])
        return Step(source.name, at=at, failure=f"{found['id']}: {type(error).__name__}: {error}")
