"""What Stripe says of a settled order, in our words. Pure; every figure is Stripe's own.

Our checkouts carry what a webhook would otherwise have to fetch in their metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from promos.models import CheckoutAttempt
from promos.plans import Plan

#: A checkout session as Stripe sends it.
Session = Mapping[str, Any]

ATTEMPT_KEY = "promodesk_attempt"
PLAN_KEY = "promodesk_plan"
INTERVAL_KEY = "promodesk_interval"

SETTLED = frozenset({"paid", "no_payment_required"})


@dataclass(frozen=True)
class Order:
    """A checkout session; amounts in minor units of ``currency``, discount and tax apart from gross."""

    session_id: str
    subscription_id: str
    attempt_id: int | None
    stripe_customer_id: str
    email: str
    stripe_promotion_code_id: str
    plan: str
    interval: str
    currency: str
    gross_amount: int
    discount_amount: int
    tax_amount: int
    is_settled: bool

    @property
    def redemption_key(self) -> str:
        return self.subscription_id or self.session_id

    @property
    def net_amount(self) -> int:
        return self.gross_amount - self.discount_amount


def metadata(attempt: CheckoutAttempt, plan: Plan) -> dict[str, str]:
    """Return what a checkout session of ours carries, so that its events need no look-up."""
    return {ATTEMPT_KEY: str(attempt.pk), PLAN_KEY: plan.price_id, INTERVAL_KEY: plan.interval}


def of_session(session: Session) -> Order:
    """Return the order of a checkout session as its events carry it."""
    totals = session.get("total_details") or {}
    ours = session.get("metadata") or {}
    details = session.get("customer_details") or {}
    attempt = ours.get(ATTEMPT_KEY, "")
    return Order(
        session_id=session["id"],
        subscription_id=id_of(session.get("subscription")),
        attempt_id=int(attempt) if attempt.isascii() and attempt.isdigit() else None,
        stripe_customer_id=id_of(session.get("customer")),
        email=details.get("email") or "",
        stripe_promotion_code_id=_promotion_code(session),
        plan=ours.get(PLAN_KEY, ""),
        interval=ours.get(INTERVAL_KEY, ""),
        currency=session.get("currency") or "",
        gross_amount=session.get("amount_subtotal") or 0,
        discount_amount=totals.get("amount_discount") or 0,
        tax_amount=totals.get("amount_tax") or 0,
        is_settled=session.get("payment_status") in SETTLED,
    )


def id_of(reference: str | Mapping[str, Any] | None) -> str:
    """Return the id of a reference that may be expanded or null."""
    return str(reference["id"]) if isinstance(reference, Mapping) else reference or ""


def _promotion_code(session: Session) -> str:
    found = (id_of(discount.get("promotion_code")) for discount in session.get("discounts") or [])
    return next((promotion_code_id for promotion_code_id in found if promotion_code_id), "")
