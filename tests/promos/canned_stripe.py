"""Stripe as a handful of objects that never change: for tests that ask it thousands of times.

The same receivers over HTTP are walked in tests/flows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from promos import redemptions, settlements, stripe_gateway

Object = dict[str, Any]


class CannedStripe:
    """Answers what ``settlements`` asks from objects given beforehand."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.objects: dict[str, Object] = {}
        for kind in ("invoice", "subscription", "refund", "dispute", "credit_note"):
            patch.setattr(stripe_gateway, f"retrieve_{kind}", self.objects.__getitem__)
        patch.setattr(stripe_gateway, "list_refunds", self._refunds)
        patch.setattr(stripe_gateway, "list_invoice_payments", self._invoice_payments)
        patch.setattr(stripe_gateway, "list_checkout_sessions", self._sessions)

    def has(self, *objects: Object) -> None:
        self.objects.update({found["id"]: found for found in objects})

    def tell(self, subject: Object, now: datetime) -> None:
        """Do what the events about an object do, whichever of them it is."""
        _RECEIVERS[subject["object"]](subject, now)

    def _all(self, kind: str) -> Iterator[Object]:
        return (found for found in self.objects.values() if found["object"] == kind)

    def _refunds(self, charge: str) -> list[Object]:
        return [found for found in self._all("refund") if found["charge"] == charge]

    def _invoice_payments(self, payment: dict[str, str]) -> list[Object]:
        paid = {"type": "payment_intent", "payment_intent": payment["payment_intent"]}
        found = (one for one in self._all("invoice") if {"payment": paid} in one["payments"]["data"])
        return [{"invoice": invoice["id"]} for invoice in found]

    def _sessions(self, payment_intent: str) -> list[Object]:
        return [one for one in self._all("checkout.session") if one["payment_intent"] == payment_intent]


def _with_id(operation: Callable[..., None]) -> Callable[[Object, datetime], None]:
    return lambda subject, now: operation(subject["id"], event=None, now=now)


_RECEIVERS: dict[str, Callable[[Object, datetime], object]] = {
    "checkout.session": lambda session, now: redemptions.record(session, event=None, now=now),
    "invoice": lambda invoice, now: settlements.record_invoice(invoice, event=None, now=now),
    "subscription": lambda found, now: settlements.note_subscription(found["id"], now=now),
    "refund": _with_id(settlements.record_refund),
    "dispute": _with_id(settlements.record_dispute),
    "credit_note": _with_id(settlements.record_credit_note),
}
