"""A code given to a running subscription, for its next payments.

As at a checkout the use is held before Stripe is asked, and given back only when
it is certain that Stripe has not put the code on the subscription; when it is
not, and after each renewal, the worker asks.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from django.db import transaction

from promos import customers, plans, redemptions, stripe_gateway
from promos.billing import code_checks, current, renewals
from promos.brake import Visitor
from promos.eligibility import Reason, Verdict
from promos.models import CheckoutAttempt, Customer, PromoCode, StripePromotionCode, Subscription
from promos.plans import Plan
from promos.stripe_gateway import StripeObject

logger = logging.getLogger(__name__)

State = CheckoutAttempt.State


class AlreadyDiscounted(Exception):
    """The subscription has a running discount; a second one would take its place."""


def give(
    customer: Customer, subscription: Subscription, text: str, *, visitor: Visitor, now: datetime
) -> Verdict:
    """Give a code to a running subscription if the customer may use it there.

    Raises:
        AlreadyDiscounted: a discount runs, which this one would replace.
    """
    if current.is_discounted(subscription, now=now):
        raise AlreadyDiscounted
    plan = plans.find(subscription.plan)
    if plan is None:
        return Verdict(Reason.TRY_LATER)
    # The setup was paid for with the first order.
    plan = replace(plan, setup_fee=None)
    verdict = code_checks.check(text, customer=customer, plan=plan, visitor=visitor, now=now)
    if not verdict.is_accepted or verdict.promo_code is None:
        return verdict
    try:
        _refuse_to_replace(subscription, verdict.promo_code, now=now)
        attempt = _hold(subscription, verdict, plan, now=now)
    except stripe_gateway.StripeError as error:
        logger.warning("Stripe did not tell of %s: %s", subscription.stripe_subscription_id, error)
        return replace(verdict, reason=_reason(error))
    except redemptions.NothingLeft as refused:
        verdict = replace(verdict, reason=refused.reason)
        code_checks.record(code_checks.cleaned(text), verdict, customer=customer, plan=plan, now=now)
        return verdict
    return replace(verdict, reason=_give_at_stripe(attempt, now=now))


def ask_after(attempt: CheckoutAttempt, *, now: datetime) -> None:
    """Let Stripe say whether the subscription still has the code, and give the use back if it has not.

    Raises:
        stripe_gateway.StripeError: Stripe could not be asked.
    """
    try:
        told = stripe_gateway.retrieve_subscription(attempt.stripe_subscription_id)
    except stripe_gateway.NotFound:
        redemptions.give_up(attempt, now=now)
        return
    _follow(attempt, told, now=now)


def _refuse_to_replace(subscription: Subscription, code: PromoCode, *, now: datetime) -> None:
    """Have Stripe say what discounts the subscription now: one that its dashboard gave may be news to us.

    Raises:
        AlreadyDiscounted: something else than a request before this one for the same code.
        stripe_gateway.StripeError: Stripe could not be asked.
    """
    told = stripe_gateway.retrieve_subscription(subscription.stripe_subscription_id)
    kept = redemptions.note_subscription(told, now=now)
    begun = redemptions.given.unsettled(subscription.stripe_subscription_id).filter(promo_code=code)
    if current.is_discounted(kept, now=now) and not begun.exists():
        raise AlreadyDiscounted


@transaction.atomic
def _hold(subscription: Subscription, verdict: Verdict, plan: Plan, *, now: datetime) -> CheckoutAttempt:
    """Hold one use, or come back to the one that a request before this one holds for the same."""
    customer, code = subscription.customer, verdict.promo_code
    assert code is not None, "an accepted code is there"
    redemptions.lock_person(customer)
    begun = redemptions.given.unsettled(subscription.stripe_subscription_id).filter(promo_code=code).first()
    if begun is not None:
        return begun
    promised = renewals.promised_amount(plan, code.offer)
    attempt = CheckoutAttempt(
        customer=customer,
        promo_code=code,
        plan=plan.price_id,
        stripe_subscription_id=subscription.stripe_subscription_id,
        currency=plan.currency,
        held_amount=promised + (verdict.quote.discount_amount if verdict.quote else 0),
        promised_amount=promised,
        created_at=now,
        expires_at=now,
    )
    return redemptions.hold(attempt)


def _give_at_stripe(attempt: CheckoutAttempt, *, now: datetime) -> Reason | None:
    """Have Stripe discount the subscription and keep what it says of it; return why it did not."""
    code = attempt.promo_code
    assert code is not None, "it was made for one"
    wanted = {"discounts": [{"promotion_code": code_checks.stripe_promotion_code_id(code)}]}
    # Asked again, by a second click or after a lost answer, Stripe must not redeem the code a second time.
    key = customers.row_key("given", attempt.pk, attempt.created_at)
    try:
        # A request before this one may have put there what the code was at Stripe then: the subscription says.
        with suppress(stripe_gateway.Conflict):
            stripe_gateway.update_subscription(attempt.stripe_subscription_id, wanted, idempotency_key=key)
        told = stripe_gateway.retrieve_subscription(attempt.stripe_subscription_id)
    except stripe_gateway.Unavailable:
        # It may have been put there: the worker asks.
        return Reason.TRY_LATER
    except stripe_gateway.StripeError as error:
        logger.warning("Stripe did not put %s on %s: %s", code, attempt.stripe_subscription_id, error)
        redemptions.give_up(attempt, now=now)
        return _reason(error)
    return None if _follow(attempt, told, now=now) else Reason.TRY_LATER


def _reason(error: stripe_gateway.StripeError) -> Reason:
    return Reason.STRIPE_REFUSED if isinstance(error, stripe_gateway.Rejected) else Reason.TRY_LATER


def _follow(attempt: CheckoutAttempt, told: StripeObject, *, now: datetime) -> bool:
    """Bring what is held in line with a subscription as Stripe has it; return whether it has the code."""
    kept = redemptions.note_subscription(told, now=now)
    promotion_code_id = _running(attempt.promo_code, kept)
    is_running = promotion_code_id != "" and kept.ended_at is None
    if is_running:
        renews_at = kept.current_period_ends_at
        redemptions.note_given(attempt, promotion_code_id=promotion_code_id, renews_at=renews_at, now=now)
    else:
        redemptions.give_up(attempt, now=now)
    return is_running


def _running(code: PromoCode | None, subscription: Subscription) -> str:
    """Return the promotion code of a code that a subscription has."""
    ids = StripePromotionCode.objects.filter(
        promo_code=code, stripe_promotion_code_id__in=subscription.discounts
    ).values_list("stripe_promotion_code_id", flat=True)
    return ids.first() or ""
