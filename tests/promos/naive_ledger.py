"""How one writes a ledger at first: each event adds its amounts as it comes. Kept because it must fail."""

from __future__ import annotations

from typing import Any

from django.db.models import F

from promos import orders
from promos.models import LedgerEntry, PromoCode, PromoCodeUsage


def tell(subject: dict[str, Any]) -> None:
    if subject["object"] in {"checkout.session", "invoice"}:
        is_session = subject["object"] == "checkout.session"
        _bought(orders.of_session(subject) if is_session else orders.of_invoice(subject))
    elif subject["object"] == "refund":
        _refunded(subject)


def _bought(order: orders.Order) -> None:
    name = order.session_id or order.invoice_id
    if LedgerEntry.objects.filter(stripe_object_id=name).exists():
        return
    code = PromoCode.objects.get()
    usage, is_new = PromoCodeUsage.objects.get_or_create(
        redemption_key=order.redemption_key,
        promo_code=code,
        defaults={"currency": order.currency, "redeemed_at": order.paid_at or order.opened_at},
    )
    PromoCodeUsage.objects.filter(pk=usage.pk).update(net_amount=F("net_amount") + order.net_amount)
    PromoCode.objects.filter(pk=code.pk).update(used_count=F("used_count") + int(is_new))
    LedgerEntry.objects.create(
        kind="checkout" if order.session_id else "invoice",
        stripe_object_id=name,
        stripe_invoice_id=order.invoice_id,
        stripe_payment_intent_id=order.payment_intent_id,
        usage=usage,
        is_new_customer=not LedgerEntry.objects.exists(),
        currency=order.currency,
        gross_amount=order.gross_amount,
        net_amount=order.net_amount,
        occurred_at=order.paid_at or order.opened_at,
    )


def _refunded(refund: dict[str, Any]) -> None:
    usages = PromoCodeUsage.objects.filter(
        ledger_entries__stripe_payment_intent_id=refund["payment_intent"], status="settled"
    )
    for usage in usages:
        usage.status, usage.net_amount = "refunded", usage.net_amount - refund["amount"]
        usage.save()
