"""Money that went back: refunds, disputes and credit notes, as entries under the order they take from.

Each is written from the object's latest state, as Stripe answered it, never from
what an event said: then it does not matter which of its events came, how often
and in what order. What is undone (a failed refund, a dispute won, a voided note)
is a second entry that takes the first one back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from promos.models import Customer, LedgerEntry, WebhookEvent
from promos.orders import moment
from promos.redemptions import counters, totals, usages
from promos.redemptions.counters import Change
from promos.stripe_gateway import StripeObject

Kind = LedgerEntry.Kind
#: A refund under way has left the account already, unless it fails.
_UNDER_WAY = frozenset({"pending", "succeeded"})
_FELL_THROUGH = frozenset({"failed", "canceled"})


@dataclass(frozen=True)
class _Movement:
    """One way of some money, in minor units, tax included; positive is back to the customer."""

    object_id: str
    amount: int
    tax_amount: int
    at: datetime


def record_refund(refund: StripeObject, *, order: LedgerEntry, event: WebhookEvent | None) -> None:
    """Record a refund of an order once, and once more when it fell through."""
    if refund["status"] not in _UNDER_WAY | _FELL_THROUGH:
        return
    tax = _tax_share(refund["amount"], of=order.tax_amount, total=order.net_amount + order.tax_amount)
    paid_back = _Movement(refund["id"], refund["amount"], tax, _time(refund["created"]))
    undone_at = paid_back.at if refund["status"] in _FELL_THROUGH else None
    _record(Kind.REFUND, _with_undoing(paid_back, "failed", undone_at), order=order, event=event)


def record_dispute(dispute: StripeObject, *, order: LedgerEntry, event: WebhookEvent | None) -> None:
    """Record the funds that a dispute withdrew, once, and once more when they came back."""
    moved = dispute.get("balance_transactions") or []
    withdrawn = [transaction["created"] for transaction in moved if transaction["amount"] < 0]
    returned = [transaction["created"] for transaction in moved if transaction["amount"] > 0]
    if dispute["status"] == "won":
        returned = returned or [dispute["created"]]
    if not withdrawn and dispute["status"] not in {"lost", "won"}:
        return  # An inquiry: the money is still here.
    tax = _tax_share(dispute["amount"], of=order.tax_amount, total=order.net_amount + order.tax_amount)
    at = _time(min(withdrawn or [dispute["created"]]))
    lost = _Movement(dispute["id"], dispute["amount"], tax, at)
    undone_at = _time(max(returned)) if returned else None
    _record(Kind.DISPUTE, _with_undoing(lost, "won", undone_at), order=order, event=event)


def record_credit_note(note: StripeObject, *, order: LedgerEntry, event: WebhookEvent | None) -> None:
    """Record what a credit note takes off beside its refunds, which are recorded as such; once more when voided."""
    refunded = sum(refund["amount_refunded"] for refund in note.get("refunds") or [])
    amount = note["total"] - refunded
    if not amount:
        return
    note_tax = note["total"] - (note.get("total_excluding_tax") or note["total"])
    tax = _tax_share(amount, of=note_tax, total=note["total"])
    taken_off = _Movement(note["id"], amount, tax, _time(note["created"]))
    undone_at = moment(note.get("voided_at")) if note["status"] == "void" else None
    _record(Kind.CREDIT_NOTE, _with_undoing(taken_off, "voided", undone_at), order=order, event=event)


def _with_undoing(movement: _Movement, word: str, at: datetime | None) -> list[_Movement]:
    if at is None:
        return [movement]
    back = _Movement(f"{movement.object_id}:{word}", -movement.amount, -movement.tax_amount, at)
    return [movement, back]


@transaction.atomic
def _record(
    kind: str, movements: Iterable[_Movement], *, order: LedgerEntry, event: WebhookEvent | None
) -> None:
    if order.customer_id:
        Customer.objects.select_for_update().get(pk=order.customer_id)
    # Read under the lock: the order may have found its redemption meanwhile.
    order = LedgerEntry.objects.get(pk=order.pk)
    redeemed = usages.locked_of_order(order)
    order.usage = next((usage for usage in redeemed if usage.pk == order.usage_id), None)
    known = LedgerEntry.objects.filter(kind=kind, order=order).values_list("stripe_object_id", flat=True)
    new = [_entry(kind, movement, order, event) for movement in movements if movement.object_id not in known]
    LedgerEntry.objects.bulk_create(new)
    changes = [Change(None, moves=tuple(map(totals.of_entry, new)))]
    counters.apply(changes + [usages.refresh(usage) for usage in redeemed if new])


def _entry(kind: str, movement: _Movement, order: LedgerEntry, event: WebhookEvent | None) -> LedgerEntry:
    copied: dict[str, Any] = {
        name: getattr(order, name)
        for name in ("usage", "customer_id", "redemption_key", "plan", "interval", "currency")
    }
    return LedgerEntry(
        kind=kind,
        stripe_object_id=movement.object_id,
        order=order,
        event=event,
        gross_amount=0,
        tax_amount=-movement.tax_amount,
        net_amount=movement.tax_amount - movement.amount,
        occurred_at=movement.at,
        **copied,
    )


def _tax_share(amount: int, *, of: int, total: int) -> int:
    """Return the tax within an amount by the tax within the whole, rounded half up.

    Stripe does not say how much of a refund is tax.
    """
    return (2 * amount * of + total) // (2 * total) if of and total else 0


def _time(epoch: int) -> datetime:
    at = moment(epoch)
    assert at is not None
    return at
