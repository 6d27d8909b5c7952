"""A customer's subscription as Stripe describes it now, and with it the end of a discount's life."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from promos.models import Customer, Subscription
from promos.orders import id_of, moment
from promos.redemptions import counters, given, usages
from promos.stripe_gateway import StripeObject


def note_subscription(subscription: StripeObject, *, now: datetime) -> Subscription:
    """Keep a subscription, retrieved with its ``discounts``, and let its redemptions follow it."""
    try:
        return _note(subscription, now)
    except counters.Moved:
        # A customer may be waiting for it, and all of it is read anew.
        return _note(subscription, now)


@transaction.atomic
def _note(subscription: StripeObject, now: datetime) -> Subscription:
    stripe_customer_id = id_of(subscription["customer"])
    Customer.objects.get_or_create(stripe_customer_id=stripe_customer_id)
    customer = Customer.objects.select_for_update().get(stripe_customer_id=stripe_customer_id)
    kept, _ = Subscription.objects.update_or_create(
        stripe_subscription_id=subscription["id"],
        defaults={"customer": customer, **_described(subscription, now)},
    )
    given_back = given.follow(kept, now=now)
    redeemed = usages.locked().filter(redemption_key=subscription["id"]).order_by("pk")
    counters.apply([*given_back, *(usages.refresh(usage) for usage in redeemed)])
    return kept


def _described(subscription: StripeObject, now: datetime) -> dict[str, Any]:
    items = (subscription.get("items") or {}).get("data", [])
    price: StripeObject = items[0]["price"] if items else {}
    ends = [end for item in items if (end := item.get("current_period_end"))]
    return {
        "status": subscription["status"],
        "plan": price.get("id") or "",
        "interval": (price.get("recurring") or {}).get("interval") or "",
        "discounts": _discounts(subscription),
        "started_at": moment(subscription.get("start_date")) or now,
        "current_period_ends_at": moment(max(ends, default=None)),
        "cancel_at": moment(subscription.get("cancel_at")),
        "ended_at": moment(subscription.get("ended_at")),
    }


def _discounts(subscription: StripeObject) -> dict[str, int | None]:
    return {
        id_of(discount.get("promotion_code")) or discount["id"]: discount.get("end")
        for discount in subscription.get("discounts") or []
    }
