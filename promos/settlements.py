"""Money after the checkout: Stripe is asked for the latest, outside any transaction, and it is recorded.

A refund or a dispute names a payment, a credit note an invoice. The order that
was paid is found here or fetched; one that is fetched is recorded before what
takes from it, so nothing has to wait for another event. Payments that settled
neither an invoice nor a checkout are no business of ours.

Every operation may raise ``stripe_gateway.StripeError``.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from promos import orders, redemptions, stripe_gateway
from promos.models import LedgerEntry, WebhookEvent
from promos.stripe_gateway import StripeObject

#: Invoices that will never be paid; what was paid on them before is no order.
_GIVEN_UP = frozenset({"void", "uncollectible"})


class NotSettled(Exception):
    """The order that a payment belongs to is not fully paid yet, so it is not in the ledger."""


def record_invoice(invoice: StripeObject, *, event: WebhookEvent | None, now: datetime) -> None:
    """Record a paid invoice, asking for its discounts' codes if it has any, and for all of it in our version of the API.

    Events from Stripe's list, from ``stripe listen`` or an endpoint made by hand are in the account's version; in an
    older one a renewal would look like an order without a subscription.
    """
    is_in_our_version = event is None or event.api_version == settings.STRIPE_API_VERSION
    if not is_in_our_version or orders.needs_expanding(invoice):
        invoice = stripe_gateway.retrieve_invoice(invoice["id"])
    redemptions.record_invoice(invoice, event=event, now=now)


def record_refund(refund_id: str, *, event: WebhookEvent | None, now: datetime) -> None:
    _record_refund(stripe_gateway.retrieve_refund(refund_id), event, now)


def record_refunds_of(charge_id: str, *, event: WebhookEvent | None, now: datetime) -> None:
    """Record every refund of a charge, which itself only carries their sum."""
    for refund in stripe_gateway.list_refunds(charge=charge_id):
        _record_refund(refund, event, now)


def record_dispute(dispute_id: str, *, event: WebhookEvent | None, now: datetime) -> None:
    dispute = stripe_gateway.retrieve_dispute(dispute_id)
    order = order_of_payment(orders.id_of(dispute["payment_intent"]), now=now)
    if order is not None:
        redemptions.record_dispute(dispute, order=order, event=event)


def record_credit_note(note_id: str, *, event: WebhookEvent | None, now: datetime) -> None:
    note = stripe_gateway.retrieve_credit_note(note_id)
    order = order_of_invoice(orders.id_of(note["invoice"]), now=now)
    if order is not None:
        redemptions.record_credit_note(note, order=order, event=event)


def note_subscription(subscription_id: str, *, now: datetime) -> None:
    redemptions.note_subscription(stripe_gateway.retrieve_subscription(subscription_id), now=now)


def order_of_payment(payment_intent_id: str, *, now: datetime) -> LedgerEntry | None:
    """Return the order that a payment settled, recorded now if it was not; None when it settled none.

    Raises:
        NotSettled: the order is only partly paid.
    """
    if not payment_intent_id:
        return None
    order = LedgerEntry.objects.filter(stripe_payment_intent_id=payment_intent_id).first()
    if order is not None:
        return order
    for payment in stripe_gateway.list_invoice_payments(
        payment={"type": "payment_intent", "payment_intent": payment_intent_id}
    ):
        return order_of_invoice(orders.id_of(payment["invoice"]), now=now)
    for session in stripe_gateway.list_checkout_sessions(payment_intent=payment_intent_id):
        redemptions.record(session, event=None, now=now)
        return _recorded(orders.of_session(session))
    return None


def order_of_invoice(invoice_id: str, *, now: datetime) -> LedgerEntry | None:
    """Return the order of an invoice, recorded now if it was not; None when it will never be paid.

    Raises:
        NotSettled: the invoice is not fully paid.
    """
    order = LedgerEntry.objects.filter(stripe_invoice_id=invoice_id).first()
    if order is not None:
        return order
    invoice = stripe_gateway.retrieve_invoice(invoice_id)
    if invoice["status"] in _GIVEN_UP:
        return None
    redemptions.record_invoice(invoice, event=None, now=now)
    return _recorded(orders.of_invoice(invoice))


def _recorded(order: orders.Order) -> LedgerEntry:
    if not order.is_settled:
        raise NotSettled(f"The order {order.object_id} is not paid in full yet.")
    return LedgerEntry.objects.get(kind=order.kind, stripe_object_id=order.object_id)


def _record_refund(refund: StripeObject, event: WebhookEvent | None, now: datetime) -> None:
    order = order_of_payment(orders.id_of(refund["payment_intent"]), now=now)
    if order is not None:
        redemptions.record_refund(refund, order=order, event=event)
