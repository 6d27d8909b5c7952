"""How codes are and how they stand with Stripe."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, QuerySet
from rich.table import Table

from analytics.console import finding
from analytics.console.answer import Answer, table
from promos import codes, offers
from promos.models import PromoCode, StripePromotionCode

HELP = (
    "List codes with their status and how they stand with Stripe. Exits 1 when a listed code was refused by "
    "Stripe (error) or differs from Stripe on both sides (conflict); a pending one only waits for the worker."
)
WRONG = (PromoCode.SyncStatus.ERROR, PromoCode.SyncStatus.CONFLICT)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("code", nargs="*", help="only these codes; all that are not archived if left out")


def run(options: dict[str, Any], *, now: datetime) -> Answer:
    asked = [pk for text in options["code"] for pk in finding.latest_ids_of(text)]
    rows = PromoCode.objects.filter(pk__in=asked) if asked else PromoCode.objects.not_archived()
    return report(rows.order_by("code", "pk"), now=now)


def report(rows: QuerySet[PromoCode], *, now: datetime) -> Answer:
    """Describe codes; the failure names those that are out of step."""
    found = [_described(code, now) for code in _with_stripe(rows)]
    wrong = [row["code"] for row in found if row["sync_status"] in WRONG]
    return Answer(
        data={"codes": found, "counts": _counts(found)},
        shown=[_table(found)] if found else ["There is no code yet."],
        failure=f"Out of step with Stripe: {', '.join(wrong)}." if wrong else "",
    )


def _with_stripe(rows: QuerySet[PromoCode]) -> Iterable[PromoCode]:
    """Read codes with what Stripe has of them: the newest promotion code that Stripe answered with."""
    at_stripe = StripePromotionCode.objects.filter(stripe_promotion_code_id__isnull=False)
    newest_first = at_stripe.select_related("stripe_coupon").order_by("-generation")
    return rows.select_related("campaign", "offer").prefetch_related(
        Prefetch("stripe_promotion_codes", queryset=newest_first)
    )


def _described(code: PromoCode, now: datetime) -> dict[str, Any]:
    at_stripe = next(iter(code.stripe_promotion_codes.all()), None)
    return {
        "code": code.code,
        "offer": offers.value_in_words(code.offer),
        "status": codes.status(code, now).value,
        "sync_status": code.sync_status,
        "sync_error": code.sync_error,
        "stripe_coupon_id": at_stripe.stripe_coupon.stripe_coupon_id if at_stripe else None,
        "stripe_promotion_code_id": at_stripe.stripe_promotion_code_id if at_stripe else None,
        "used_count": code.used_count,
        "held_count": code.held_count,
        "max_redemptions": code.max_redemptions,
    }


def _counts(found: list[dict[str, Any]]) -> dict[str, int]:
    """Count the codes by status and by sync status; no name is in both."""
    named = Counter(row["status"] for row in found) + Counter(row["sync_status"] for row in found)
    every = (*codes.Status.values, *PromoCode.SyncStatus.values)
    return {"total": len(found), **{name: named[name] for name in every}}


def _table(found: list[dict[str, Any]]) -> Table:
    shown = table("Promo codes", "Code", "Offer", "Status", "Stripe", "Error", "Used", numbers=1)
    for row in found:
        limit = f" of {row['max_redemptions']}" if row["max_redemptions"] else ""
        shown.add_row(
            row["code"],
            row["offer"],
            codes.Status(row["status"]).label,
            PromoCode.SyncStatus(row["sync_status"]).label,
            row["sync_error"],
            f"{row['used_count']}{limit}",
        )
    return shown
