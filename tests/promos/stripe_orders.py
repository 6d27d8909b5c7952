"""One life of a subscription as Stripe tells it: checkout, first invoice, renewals, what is paid back.

Amounts are dollars and cents: 100.00 less 10.00, each time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from promos.models import PromoCode

BEGUN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def epoch(months: int) -> int:
    return int((BEGUN + timedelta(days=30 * months)).timestamp())


def session(code: PromoCode | None = None, **fields: Any) -> dict[str, Any]:
    """A paid checkout session of subscription mode."""
    off = 1_000 if code else 0
    return {
        "id": "cs_test_1",
        "object": "checkout.session",
        "created": epoch(0),
        "customer": "cus_1",
        "customer_details": {"email": "customer@example.com"},
        "subscription": "sub_1",
        "invoice": "in_0",
        "payment_intent": None,
        "payment_status": "paid",
        "currency": "usd",
        "amount_subtotal": 10_000,
        "amount_total": 10_000 - off,
        "total_details": {"amount_discount": off, "amount_tax": 0, "amount_shipping": 0},
        "discounts": [{"promotion_code": promotion_code(code), "coupon": None}] if code else [],
        "metadata": {"promodesk_plan": "price_monthly", "promodesk_interval": "month"},
        **fields,
    }


def invoice(code: PromoCode | None = None, *, month: int = 0, **fields: Any) -> dict[str, Any]:
    """A paid invoice, retrieved with its discounts: the first (month 0), or a renewal."""
    off = 1_000 if code else 0
    plan = {"promodesk_plan": "price_monthly", "promodesk_interval": "month"}
    details = {"subscription": "sub_1", "metadata": plan}
    discount = {"id": "di_1", "object": "discount", "promotion_code": promotion_code(code), "end": None}
    return {
        "id": f"in_{month}",
        "object": "invoice",
        "billing_reason": "subscription_cycle" if month else "subscription_create",
        "status": "paid",
        "status_transitions": {"paid_at": epoch(month)},
        "customer": "cus_1",
        "customer_email": "customer@example.com",
        "currency": "usd",
        "subtotal": 10_000,
        "total": 10_000 - off,
        "total_excluding_tax": 10_000 - off,
        "discounts": [discount] if code else [],
        "total_discount_amounts": [{"amount": off, "discount": "di_1"}] if code else [],
        "parent": {"type": "subscription_details", "subscription_details": details},
        "lines": {"data": []},
        "payments": {"data": [{"payment": {"type": "payment_intent", "payment_intent": f"pi_{month}"}}]},
        **fields,
    }


def subscription(code: PromoCode | None = None, **fields: Any) -> dict[str, Any]:
    """A running subscription, retrieved with its discounts."""
    price = {"id": "price_monthly", "recurring": {"interval": "month"}}
    discount = {"id": "di_1", "promotion_code": promotion_code(code), "end": epoch(12)}
    return {
        "id": "sub_1",
        "object": "subscription",
        "customer": "cus_1",
        "status": "active",
        "start_date": epoch(0),
        "items": {"data": [{"id": "si_1", "price": price, "current_period_end": epoch(2)}]},
        "cancel_at": None,
        "ended_at": None,
        "discounts": [discount] if code else [],
        **fields,
    }


def refund(amount: int = 9_000, *, month: int = 0, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"re_{month}",
        "object": "refund",
        "amount": amount,
        "charge": f"ch_{month}",
        "payment_intent": f"pi_{month}",
        "status": "succeeded",
        "created": epoch(month) + 3_600,
        **fields,
    }


def dispute(*, month: int = 0, **fields: Any) -> dict[str, Any]:
    """A dispute that was lost."""
    return {
        "id": f"dp_{month}",
        "object": "dispute",
        "amount": 9_000,
        "payment_intent": f"pi_{month}",
        "status": "lost",
        "created": epoch(month) + 7_200,
        "balance_transactions": [{"amount": -9_000, "created": epoch(month) + 7_200}],
        **fields,
    }


def credit_note(total: int = 1_200, *, month: int = 0, **fields: Any) -> dict[str, Any]:
    """A credit note for the customer's balance, a sixth of it tax."""
    return {
        "id": f"cn_{month}",
        "object": "credit_note",
        "invoice": f"in_{month}",
        "status": "issued",
        "total": total,
        "total_excluding_tax": total * 5 // 6,
        "refunds": [],
        "created": epoch(month) + 10_800,
        "voided_at": None,
        **fields,
    }


def promotion_code(code: PromoCode | None) -> str | None:
    return f"promo_{code.pk}" if code else None
