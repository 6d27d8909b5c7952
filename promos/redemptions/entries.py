"""The ledger's entry of an order, from one account of it and then from the other."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from promos import plans
from promos.models import Customer, LedgerEntry, WebhookEvent
from promos.orders import Order
from promos.redemptions import totals
from promos.redemptions.counters import Change


def of(order: Order, customer: Customer | None, *, event: WebhookEvent | None, at: datetime) -> LedgerEntry:
    """Return the (unsaved) entry of an order."""
    return LedgerEntry(
        kind=order.kind,
        stripe_object_id=order.object_id,
        redemption_key=order.redemption_key,
        stripe_session_id=order.session_id,
        stripe_invoice_id=order.invoice_id,
        stripe_payment_intent_id=order.payment_intent_id,
        customer=customer,
        event=event,
        stripe_promotion_code_id=order.stripe_promotion_code_id,
        plan=order.plan,
        interval=order.interval or plans.interval(order.plan),
        occurred_at=at,
        **_amounts(order),
    )


def share(entry: LedgerEntry, stripe_promotion_code_id: str, amount: int) -> LedgerEntry:
    """Return the (unsaved) entry of what a further code took off an order that is saved; no payment is found by it."""
    copied = (
        "redemption_key",
        "customer",
        "event",
        "plan",
        "interval",
        "is_new_customer",
        "currency",
        "occurred_at",
    )
    return LedgerEntry(
        kind=LedgerEntry.Kind.SHARE,
        stripe_object_id=f"{entry.stripe_object_id}:{stripe_promotion_code_id}",
        stripe_promotion_code_id=stripe_promotion_code_id,
        order=entry,
        gross_amount=amount,
        discount_amount=amount,
        net_amount=0,
        **{name: getattr(entry, name) for name in copied},
    )


def _amounts(order: Order) -> dict[str, Any]:
    return {
        "currency": order.currency,
        "gross_amount": order.gross_amount,
        "discount_amount": order.discount_amount,
        "tax_amount": order.tax_amount,
        "net_amount": order.net_amount,
    }


def complete(entry: LedgerEntry, order: Order, *, event: WebhookEvent | None, at: datetime) -> Change | None:
    """Add to an entry what another account of its order knows, and return what moves; None when that was nothing.

    Where session and invoice differ, the session's figures and event are kept.
    """
    known = {
        "stripe_session_id": order.session_id,
        "stripe_invoice_id": order.invoice_id,
        "stripe_payment_intent_id": order.payment_intent_id,
        "stripe_promotion_code_id": order.stripe_promotion_code_id,
        "plan": order.plan,
        "interval": order.interval,
    }
    added: dict[str, object] = {
        name: value for name, value in known.items() if value and not getattr(entry, name)
    }
    if "stripe_session_id" in added:
        added |= {
            "stripe_object_id": order.redemption_key,
            "redemption_key": order.redemption_key,
            "event": event,
        } | _amounts(order)
    if at < entry.occurred_at:
        added["occurred_at"] = at
    if not added:
        return None
    before = totals.of_entry(entry)
    for name, value in added.items():
        setattr(entry, name, value)
    entry.save(update_fields=added.keys())
    return Change(None, moves=(-before, totals.of_entry(entry)))
