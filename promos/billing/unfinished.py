"""A customer's own unfinished checkouts: to come back to, or to give up so that what they hold is free.

Somebody who goes back from Checkout and starts anew must not be stopped by
the use of the code that the first try still holds.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse

from promos import redemptions, stripe_gateway
from promos.models import CheckoutAttempt, Customer

State = CheckoutAttempt.State
#: Stripe takes no session that ends in under 30 minutes. The slack is for asking again after a lost answer.
OPEN_FOR = timedelta(minutes=35)
REPEATABLE_FOR = timedelta(minutes=4)


def unsettled(customer: Customer, *, now: datetime) -> QuerySet[CheckoutAttempt]:
    """Return the checkouts that the customer may still be paying, the latest first."""
    return (
        _checkouts(customer)
        .filter(state=State.OPEN, expires_at__gt=now)
        .select_related("promo_code__offer", "customer")
        .order_by("-created_at", "-pk")
    )


def just_begun(customer: Customer, *, now: datetime) -> QuerySet[CheckoutAttempt]:
    """Return the checkouts asked for so lately that the same request to Stripe may be made again."""
    return (
        _checkouts(customer)
        .filter(state__in=[State.OPENING, State.OPEN], created_at__gt=now - REPEATABLE_FOR)
        .select_related("promo_code__offer", "customer")
        .order_by("-created_at", "-pk")
    )


def _checkouts(customer: Customer) -> QuerySet[CheckoutAttempt]:
    # What holds a use for a running subscription has no page to come back to.
    return CheckoutAttempt.objects.filter(customer=customer, stripe_subscription_id="")


def latest_unsettled(customer: Customer, *, now: datetime) -> CheckoutAttempt | None:
    return unsettled(customer, now=now).first()


def let_go_of_code(customer: Customer, text: str, *, now: datetime) -> bool:
    """Give up the customer's open checkouts that hold a use of the code; return whether there were any."""
    held = list(unsettled(customer, now=now).filter(promo_code__code=text))
    return sum(let_go(attempt, now=now) for attempt in held) > 0


def let_go(attempt: CheckoutAttempt, *, now: datetime) -> bool:
    """Expire an open checkout at Stripe and free what it holds; return False when Stripe did not.

    Then it may be paid already, or be paid any moment: it keeps its hold, and
    Stripe's event or the worker settles it.
    """
    if attempt.stripe_session_id is None:
        return False
    try:
        stripe_gateway.expire_checkout_session(attempt.stripe_session_id)
    except stripe_gateway.StripeError:
        return False
    redemptions.release(attempt, state=State.EXPIRED, now=now)
    return True


def address(attempt: CheckoutAttempt) -> str:
    """Return where an open checkout is paid, or what became of one that is paid and of which no event told yet.

    Empty when it expired or Stripe cannot be asked.
    """
    if attempt.stripe_session_id is None:
        return ""
    try:
        session = stripe_gateway.retrieve_checkout_session(attempt.stripe_session_id)
    except stripe_gateway.StripeError:
        return ""
    if session["status"] == "complete":
        return outcome_address(session["id"])
    return str(session["url"]) if session["status"] == "open" else ""


def outcome_address(session_id: str) -> str:
    """Return the address of the page that says what became of a checkout."""
    return f"{settings.SITE_URL}{reverse('billing:success')}?session_id={session_id}"


def mark_open(attempt: CheckoutAttempt, *, session_id: str) -> None:
    """Note the session that Stripe opened; an event about its end may have come first and stands."""
    CheckoutAttempt.objects.filter(pk=attempt.pk).update(stripe_session_id=session_id)
    CheckoutAttempt.objects.filter(pk=attempt.pk, state=State.OPENING).update(state=State.OPEN)


def settle_unanswered(attempt: CheckoutAttempt, error: stripe_gateway.Unavailable, *, now: datetime) -> None:
    """Free the attempt when Stripe certainly opened nothing; else it keeps its hold until the worker has asked.

    After a definite 5xx the same key would get the same answer for ever, so it
    is looked up at once whether there is a session, and the next try has a new key.
    """
    if not error.needs_new_key:
        return
    try:
        opened = session_of(attempt)
    except stripe_gateway.StripeError:
        return
    if opened:
        mark_open(attempt, session_id=opened["id"])
    else:
        redemptions.release(attempt, state=State.FAILED, now=now)


def session_of(attempt: CheckoutAttempt) -> stripe_gateway.StripeObject | None:
    """Return the session that Stripe has opened for an attempt, whose id may not have come to us.

    Raises:
        stripe_gateway.StripeError: Stripe could not be asked.
    """
    sessions = stripe_gateway.list_checkout_sessions(customer=attempt.customer.stripe_customer_id)
    mine = (session for session in sessions if session["client_reference_id"] == str(attempt.pk))
    return next(mine, None)
