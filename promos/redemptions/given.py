"""Codes given to running subscriptions: nothing is paid yet, so the use is held until an invoice carries the discount.

Stripe counts the redemption at once; here it is pending meanwhile. It ends by
that invoice, which is recorded like any renewal, or with the subscription, or
when Stripe says that the discount has gone.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from promos.models import CheckoutAttempt, Customer, PromoCodeUsage, Subscription
from promos.redemptions import counters, holds, limits
from promos.redemptions.counters import Change

State = CheckoutAttempt.State
Status = PromoCodeUsage.Status
#: How long after a renewal its invoice may take to be paid before Stripe is asked.
INVOICE_GRACE = timedelta(days=1)


def unsettled(subscription_id: str) -> QuerySet[CheckoutAttempt]:
    """Return what holds a use for a subscription."""
    held = CheckoutAttempt.objects.filter(stripe_subscription_id=subscription_id)
    return held.filter(state__in=limits.UNSETTLED).select_related("promo_code__campaign", "customer")


@transaction.atomic
def note_given(
    attempt: CheckoutAttempt, *, promotion_code_id: str, renews_at: datetime | None, now: datetime
) -> None:
    """Keep that Stripe has put the code on the subscription; the worker asks after it when it has renewed."""
    Customer.objects.select_for_update().get(pk=attempt.customer_id)
    ask_at = max(renews_at or now, now) + INVOICE_GRACE
    same = CheckoutAttempt.objects.filter(pk=attempt.pk, state__in=limits.UNSETTLED)
    if not same.update(state=State.OPEN, ask_at=ask_at):
        return
    PromoCodeUsage.objects.get_or_create(
        redemption_key=attempt.stripe_subscription_id,
        promo_code=attempt.promo_code,
        defaults={
            "stripe_promotion_code_id": promotion_code_id,
            "customer": attempt.customer,
            "plan": attempt.plan,
            "currency": attempt.currency,
            "status": Status.PENDING,
            "redeemed_at": now,
        },
    )


@counters.once_more_if_moved
@transaction.atomic
def give_up(attempt: CheckoutAttempt, *, now: datetime) -> None:
    """Give back the use of a code that is not on its subscription (any more); one that was settled stands."""
    Customer.objects.select_for_update().get(pk=attempt.customer_id)
    counters.apply(_ended(attempt, State.FAILED, now))


def follow(subscription: Subscription, *, now: datetime) -> list[Change]:
    """Return what a subscription's end gives back; a code that has left it is soon asked after."""
    held = unsettled(subscription.stripe_subscription_id)
    if subscription.ended_at is not None:
        return [change for attempt in held.order_by("pk") for change in _ended(attempt, State.EXPIRED, now)]
    running = {
        "promo_code__stripe_promotion_codes__stripe_promotion_code_id__in": list(subscription.discounts)
    }
    soon = now + INVOICE_GRACE
    held.exclude(**running).filter(state=State.OPEN, ask_at__gt=soon).update(ask_at=soon)
    return []


def _ended(attempt: CheckoutAttempt, state: str, now: datetime) -> list[Change]:
    changes = holds.settle(attempt, state=state, now=now)
    pending = PromoCodeUsage.objects.filter(
        redemption_key=attempt.stripe_subscription_id, promo_code=attempt.promo_code, status=Status.PENDING
    )
    pending.update(status=Status.FAILED)
    return changes
