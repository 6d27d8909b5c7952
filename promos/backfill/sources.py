"""The lists of an account's past: how each is read and how its objects come into the ledger.

An order's entry and what was paid back of it are written by the same functions
as when an event tells of them; only the date is the object's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db.models import Q

from promos import orders, redemptions, settlements, stripe_gateway
from promos.backfill.chronology import Listing
from promos.models import LedgerEntry, Subscription
from promos.orders import Order
from promos.redemptions import recording
from promos.stripe_gateway import StripeObject

Kind = LedgerEntry.Kind
#: Names of orders, invoices and payments that a dry run has met: session and first invoice are one order.
Met = set[str]


@dataclass(frozen=True)
class Source:
    """One of Stripe's lists: ``record`` brings an object in, ``foresee`` says whether that would add anything."""

    name: str
    listing: Listing
    record: Callable[[StripeObject, datetime], bool]
    foresee: Callable[[StripeObject, Met], bool]


def _record_session(session: StripeObject, at: datetime) -> bool:
    # Where the payment is still under way its own event will come; of most it never arrived.
    is_paid = orders.of_session(session).is_settled
    return is_paid and redemptions.record(session, event=None, now=at) is not None


def _record_invoice(invoice: StripeObject, at: datetime) -> bool:
    return redemptions.record_invoice(invoice, event=None, now=at) is not None


def _foresee_order(read: Callable[[StripeObject], Order], found: StripeObject, met: Met) -> bool:
    order = read(found)
    if not order.is_settled:
        return False
    names = {name for name in (order.object_id, order.invoice_id, order.payment_intent_id) if name}
    is_new = names.isdisjoint(met) and not recording.is_recorded(order)
    met |= names
    return is_new


def _record_subscription(subscription: StripeObject, at: datetime) -> bool:
    is_new = not _is_subscription_here(subscription)
    redemptions.note_subscription(subscription, now=at)
    return is_new


def _foresee_subscription(subscription: StripeObject, met: Met) -> bool:
    return not _is_subscription_here(subscription)


def _is_subscription_here(subscription: StripeObject) -> bool:
    return Subscription.objects.filter(stripe_subscription_id=subscription["id"]).exists()


@dataclass(frozen=True)
class _Reversal:
    """A kind of money that went back, of the order that a payment or an invoice settled."""

    kind: str
    settled_by: str
    order_of: Callable[..., LedgerEntry | None]
    write: Callable[..., None]

    def record(self, found: StripeObject, at: datetime) -> bool:
        try:
            order = self.order_of(orders.id_of(found.get(self.settled_by)), now=at)
        except settlements.NotSettled:
            return False
        if order is None:
            return False
        written = LedgerEntry.objects.filter(kind=self.kind, order=order)
        before = written.count()
        self.write(found, order=order, event=None)
        return written.count() > before

    def foresee(self, found: StripeObject, met: Met) -> bool:
        name = orders.id_of(found.get(self.settled_by))
        same = Q(stripe_payment_intent_id=name) | Q(stripe_invoice_id=name)
        has_order = bool(name) and (name in met or LedgerEntry.objects.filter(same).exists())
        return (
            has_order
            and not LedgerEntry.objects.filter(kind=self.kind, stripe_object_id=found["id"]).exists()
        )


_refunds = _Reversal(Kind.REFUND, "payment_intent", settlements.order_of_payment, redemptions.record_refund)
_disputes = _Reversal(
    Kind.DISPUTE, "payment_intent", settlements.order_of_payment, redemptions.record_dispute
)
_credit_notes = _Reversal(
    Kind.CREDIT_NOTE, "invoice", settlements.order_of_invoice, redemptions.record_credit_note
)

#: Of things that were made in the same second, the earlier list's come first.
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
    Source(
        "subscriptions",
        partial(stripe_gateway.list_subscriptions, status="all"),
        _record_subscription,
        _foresee_subscription,
    ),
    Source("refunds", stripe_gateway.list_refunds, _refunds.record, _refunds.foresee),
    Source("disputes", stripe_gateway.list_disputes, _disputes.record, _disputes.foresee),
    Source("credit notes", stripe_gateway.list_credit_notes, _credit_notes.record, _credit_notes.foresee),
)
