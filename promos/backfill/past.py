"""Past orders and what was paid back of them, in the order in which they happened.

The lists are read side by side, so that a customer's first order is known before
the second, and an order before its refund.
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import repeat

from django.db import OperationalError

from promos import orders, redemptions, settlements, stripe_gateway
from promos.backfill.chronology import Listing, oldest_first
from promos.backfill.steps import Step, Steps
from promos.models import LedgerEntry
from promos.orders import Order
from promos.redemptions import recording
from promos.stripe_gateway import StripeObject

logger = logging.getLogger(__name__)

#: Names of orders that a dry run has counted: session and first invoice are one order.
Counted = set[str]


@dataclass(frozen=True)
class Source:
    """One of Stripe's lists: ``record`` brings an object in, ``foresee`` says whether that would be new."""

    name: str
    listing: Listing
    record: Callable[[StripeObject, datetime], bool]
    foresee: Callable[[StripeObject, Counted], bool]


def bring(*, since: datetime | None, dry_run: bool) -> Steps:
    """Record all that was made since then, or ever, each with its own date; a dry run says what is not here yet."""
    counted: Counted = set()
    walks = [zip(repeat(source), oldest_first(source.listing, since=since)) for source in SOURCES]
    for source, found in heapq.merge(*walks, key=lambda pair: pair[1]["created"]):
        at = datetime.fromtimestamp(found["created"], UTC)
        if dry_run:
            yield Step(source.name, is_new=source.foresee(found, counted), at=at)
        else:
            yield _recorded(source, found, at)


def _recorded(source: Source, found: StripeObject, at: datetime) -> Step:
    try:
        return Step(source.name, is_new=source.record(found, at), at=at)
    except (stripe_gateway.Unavailable, stripe_gateway.NotAuthorised, OperationalError):
        raise
    except Exception as error:
        # One strange order must not keep out all that came after it.
        logger.exception("%s could not be recorded", found["id"])
        return Step(source.name, at=at, failure=f"{found['id']}: {type(error).__name__}: {error}")


def _record_session(session: StripeObject, at: datetime) -> bool:
    # Where the payment is still under way its own event will come; of most it never arrived.
    is_paid = orders.of_session(session).is_settled
    return is_paid and redemptions.record(session, event=None, now=at) is not None


def _record_invoice(invoice: StripeObject, at: datetime) -> bool:
    return redemptions.record_invoice(invoice, event=None, now=at) is not None


def _foresee_order(read: Callable[[StripeObject], Order], found: StripeObject, counted: Counted) -> bool:
    order = read(found)
    names = {name for name in (order.object_id, order.invoice_id, order.payment_intent_id) if name}
    is_new = order.is_settled and names.isdisjoint(counted) and not recording.is_recorded(order)
    counted |= names
    return is_new


def _record_refund(refund: StripeObject, at: datetime) -> bool:
    if _is_refund_here(refund):
        return False
    try:
        order = settlements.order_of_payment(orders.id_of(refund.get("payment_intent")), now=at)
    except settlements.NotSettled:
        return False
    if order is not None:
        redemptions.record_refund(refund, order=order, event=None)
    return _is_refund_here(refund)


def _foresee_refund(refund: StripeObject, counted: Counted) -> bool:
    return not _is_refund_here(refund)


def _is_refund_here(refund: StripeObject) -> bool:
    return LedgerEntry.objects.filter(kind=LedgerEntry.Kind.REFUND, stripe_object_id=refund["id"]).exists()


SOURCES = (
    Source(
        "checkout sessions",
        partial(stripe_gateway.list_checkout_sessions, status="complete", expand=["data.line_items"]),
        _record_session,
        partial(_foresee_order, orders.of_session),
    ),
    Source(
        "invoices",
        partial(stripe_gateway.list_invoices, status="paid"),
        _record_invoice,
        partial(_foresee_order, orders.of_invoice),
    ),
    Source("refunds", stripe_gateway.list_refunds, _record_refund, _foresee_refund),
)
