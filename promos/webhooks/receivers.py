"""What each type of event does here: the one registry.

Its keys are the events that ``connect_stripe`` subscribes to and that the README
lists. Receivers are idempotent, since an event may be processed again, and those
about codes, coupons, products and prices read only the id from the event: they
ask Stripe how things are now, because events arrive late and out of order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from promos import mirror, redemptions, settlements, stripe_gateway
from promos.models import WebhookEvent
from promos.sync import pull
from promos.sync.drift import doctor


@dataclass(frozen=True)
class Receiver:
    """``run`` is called with the event and the time; the gate itself calls those that need no answer of Stripe's."""

    run: Callable[[WebhookEvent, datetime], None]
    needs_stripe: bool = True


def run(event: WebhookEvent, now: datetime) -> None:
    """Do what the event asks for; nothing for a type that is no longer in the registry."""
    receiver = REGISTRY.get(event.type)
    if receiver is not None:
        receiver.run(event, now)


def needs_stripe(event: WebhookEvent) -> bool:
    receiver = REGISTRY.get(event.type)
    return receiver is not None and receiver.needs_stripe


def _record(event: WebhookEvent, now: datetime) -> None:
    redemptions.record(event.payload["data"]["object"], event=event, now=now)


def _fail(event: WebhookEvent, now: datetime) -> None:
    redemptions.fail(event.payload["data"]["object"], now=now)


def _expire(event: WebhookEvent, now: datetime) -> None:
    redemptions.expire(event.payload["data"]["object"], now=now)


def _is_echo(event: WebhookEvent) -> bool:
    """Whether an event of a coupon or a promotion code only tells what we did ourselves."""
    is_creation = event.type.endswith(".created")
    return stripe_gateway.is_own_update(event.payload) or (is_creation and pull.is_known(event.object_id))


def _record_invoice(event: WebhookEvent, now: datetime) -> None:
    settlements.record_invoice(event.payload["data"]["object"], event=event, now=now)


def _record_refunds(event: WebhookEvent, now: datetime) -> None:
    settlements.record_refunds_of(event.object_id, event=event, now=now)


def _record_refund(event: WebhookEvent, now: datetime) -> None:
    settlements.record_refund(event.object_id, event=event, now=now)


def _record_dispute(event: WebhookEvent, now: datetime) -> None:
    settlements.record_dispute(event.object_id, event=event, now=now)


def _record_credit_note(event: WebhookEvent, now: datetime) -> None:
    settlements.record_credit_note(event.object_id, event=event, now=now)


def _note_subscription(event: WebhookEvent, now: datetime) -> None:
    settlements.note_subscription(event.object_id, now=now)


def _pull_promotion_code(event: WebhookEvent, now: datetime) -> None:
    if _is_echo(event):
        mirror.refresh("promotion_code", event.object_id)
    else:
        pull.promotion_code(event.object_id, now=now)
    redemptions.link(event.object_id, now=now)


def _pull_coupon(event: WebhookEvent, now: datetime) -> None:
    if _is_echo(event):
        mirror.refresh("coupon", event.object_id)
    else:
        pull.coupon(event.object_id, now=now)


def _mirror_product(event: WebhookEvent, now: datetime) -> None:
    mirror.refresh("product", event.object_id)


def _mirror_price(event: WebhookEvent, now: datetime) -> None:
    mirror.refresh("price", event.object_id)
    doctor.look_at_prices(now)


REGISTRY: dict[str, Receiver] = {
    "checkout.session.completed": Receiver(_record, needs_stripe=False),
    "checkout.session.async_payment_succeeded": Receiver(_record, needs_stripe=False),
    "checkout.session.async_payment_failed": Receiver(_fail, needs_stripe=False),
    "checkout.session.expired": Receiver(_expire, needs_stripe=False),
    "invoice.paid": Receiver(_record_invoice),
    "charge.refunded": Receiver(_record_refunds),
    "refund.created": Receiver(_record_refund),
    "refund.updated": Receiver(_record_refund),
    "refund.failed": Receiver(_record_refund),
    "charge.dispute.created": Receiver(_record_dispute),
    "charge.dispute.funds_withdrawn": Receiver(_record_dispute),
    "charge.dispute.funds_reinstated": Receiver(_record_dispute),
    "charge.dispute.closed": Receiver(_record_dispute),
    "credit_note.created": Receiver(_record_credit_note),
    "credit_note.updated": Receiver(_record_credit_note),
    "credit_note.voided": Receiver(_record_credit_note),
    "customer.subscription.created": Receiver(_note_subscription),
    "customer.subscription.updated": Receiver(_note_subscription),
    "customer.subscription.deleted": Receiver(_note_subscription),
    "promotion_code.created": Receiver(_pull_promotion_code),
    "promotion_code.updated": Receiver(_pull_promotion_code),
    "coupon.created": Receiver(_pull_coupon),
    "coupon.updated": Receiver(_pull_coupon),
    "coupon.deleted": Receiver(_pull_coupon),
    "product.created": Receiver(_mirror_product),
    "product.updated": Receiver(_mirror_product),
    "product.deleted": Receiver(_mirror_product),
    "price.created": Receiver(_mirror_price),
    "price.updated": Receiver(_mirror_price),
    "price.deleted": Receiver(_mirror_price),
}
