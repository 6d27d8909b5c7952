"""Taking dj-stripe's own handlers off the events we subscribe to.

They fetch objects from Stripe inside a transaction and fail on every customer
with a discount. Each type and the handler that dj-stripe 2.11 gave it stand in
a table; when the two no longer agree (another dj-stripe, a new receiver of ours)
nothing starts, rather than running both sets of handlers unnoticed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from djstripe import event_handlers
from djstripe.models import Event
from djstripe.signals import WEBHOOK_SIGNALS

from promos.webhooks import receivers

Handler = Callable[..., Any]

#: Type of event → the handler dj-stripe registered for it, None where it has none.
HANDLERS: dict[str, Handler | None] = {
    "checkout.session.completed": event_handlers.handle_other_event,
    "checkout.session.async_payment_succeeded": event_handlers.handle_other_event,
    "checkout.session.async_payment_failed": event_handlers.handle_other_event,
    "checkout.session.expired": event_handlers.handle_other_event,
    "invoice.paid": event_handlers.handle_other_event,
    "charge.refunded": event_handlers.handle_charge_event,
    "refund.created": None,
    "refund.updated": None,
    "refund.failed": None,
    "charge.dispute.created": event_handlers.handle_charge_dispute_event,
    "charge.dispute.funds_withdrawn": event_handlers.handle_charge_dispute_event,
    "charge.dispute.funds_reinstated": event_handlers.handle_charge_dispute_event,
    "charge.dispute.closed": event_handlers.handle_charge_dispute_event,
    "credit_note.created": None,
    "credit_note.updated": None,
    "credit_note.voided": None,
    "customer.subscription.created": event_handlers.handle_customer_subscription_event,
    "customer.subscription.updated": event_handlers.handle_customer_subscription_event,
    "customer.subscription.deleted": event_handlers.handle_customer_subscription_event,
    "promotion_code.created": event_handlers.handle_other_event,
    "promotion_code.updated": event_handlers.handle_other_event,
    "coupon.created": event_handlers.handle_other_event,
    "coupon.updated": event_handlers.handle_other_event,
    "coupon.deleted": event_handlers.handle_other_event,
    "product.created": event_handlers.handle_other_event,
    "product.updated": event_handlers.handle_other_event,
    "product.deleted": event_handlers.handle_other_event,
    "price.created": event_handlers.handle_other_event,
    "price.updated": event_handlers.handle_other_event,
    "price.deleted": event_handlers.handle_other_event,
}


def disconnect_handlers() -> None:
    """Take each handler of the table off its event; called once at start-up.

    Raises:
        ImproperlyConfigured: the table does not fit our registry or this dj-stripe.
    """
    if HANDLERS.keys() != receivers.REGISTRY.keys():
        differing = ", ".join(sorted(HANDLERS.keys() ^ receivers.REGISTRY.keys()))
        raise ImproperlyConfigured(f"dj-stripe's handlers of these events must be looked up: {differing}.")
    for event_type, handler in HANDLERS.items():
        _disconnect(event_type, handler)


def _disconnect(event_type: str, handler: Handler | None) -> None:
    signal = WEBHOOK_SIGNALS.get(event_type)
    fits = (
        handler is None
        if signal is None
        else (
            not signal.has_listeners(Event) if handler is None else signal.disconnect(handler, sender=Event)
        )
    )
    if not fits:
        raise ImproperlyConfigured(f"dj-stripe no longer handles {event_type} the way Promodesk expects.")
