"""Stripe's lists, oldest object first. Stripe itself begins with the newest and has no other order.

The oldest object is found by halving the time in which it may lie; from there
pages are read backwards. So a walk that knows the second it came to can be taken
up again, whatever was made or deleted meanwhile.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import TypeVar

from promos import stripe_gateway
from promos.stripe_gateway import StripeObject

logger = logging.getLogger(__name__)

#: One of the gateway's ``list_…``; takes Stripe's ``created``, ``ending_before`` and ``limit``.
Listing = Callable[..., Iterator[StripeObject]]

Answer = TypeVar("Answer")

#: Nobody has objects older than Stripe.
STRIPE_BEGAN = datetime(2010, 1, 1, tzinfo=UTC)
#: What the gateway's lists ask for at a time.
PAGE = 100
#: Seconds between the tries while Stripe does not answer; after the last one the walk ends.
WAITS = (1, 2, 4, 8, 16)


def oldest_first(listing: Listing, *, since: datetime | None = None) -> Iterator[StripeObject]:
    """Yield every object made since then, in the order in which they were made.

    Raises:
        stripe_gateway.StripeError: Stripe refused, or did not answer several times in a row.
    """
    last = patiently(lambda: _oldest(listing, since or STRIPE_BEGAN))
    if last is None:
        return
    yield last
    waits = iter(WAITS)
    while True:
        try:
            for found in listing(ending_before=last["id"]):
                yield found
                last, waits = found, iter(WAITS)
        except stripe_gateway.Unavailable as error:
            _wait_or_give_up(waits, error)
        else:
            return


def patiently(ask: Callable[[], Answer]) -> Answer:
    """Ask Stripe, again after a while when it does not answer, and return the answer.

    Raises:
        stripe_gateway.StripeError: Stripe refused, or did not answer several times in a row.
    """
    waits = iter(WAITS)
    while True:
        try:
            return ask()
        except stripe_gateway.Unavailable as error:
            _wait_or_give_up(waits, error)


def _wait_or_give_up(waits: Iterator[int], error: stripe_gateway.Unavailable) -> None:
    seconds = next(waits, None)
    if seconds is None:
        raise error
    logger.warning("Stripe did not answer (%s); asking again in %s s", error, seconds)
    time.sleep(seconds)


def _oldest(listing: Listing, since: datetime) -> StripeObject | None:
    """Return the oldest object made since then: the last of a page that is not full, in an ever earlier time."""
    low = int(since.timestamp())
    page = _page(listing, {"gte": low})
    while len(page) == PAGE and low < page[-1]["created"]:
        middle = (low + page[-1]["created"]) // 2
        older = _page(listing, {"gte": low, "lte": middle})
        if older:
            page = older
        else:
            low = middle + 1
    if len(page) < PAGE:
        return page[-1] if page else None
    *_, oldest = listing(created={"gte": low, "lte": low})
    return oldest


def _page(listing: Listing, created: dict[str, int]) -> list[StripeObject]:
    return list(islice(listing(created=created), PAGE))
