"""Open a checkout at Stripe: the one place where a code can still be refused.

Rules that Stripe lacks hold only because our server opens the session with the
code already in it. The order of steps is what makes a crash harmless: a use is
held before Stripe is asked, and given back only when it is certain that there
is no session; when it is not, the worker asks Stripe later.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from promos import brake, customers, eligibility, orders, redemptions, stripe_gateway
from promos.billing import code_checks, even_time, renewals, unfinished
from promos.brake import Braked, Visitor
from promos.eligibility import Reason, Verdict
from promos.models import CheckoutAttempt, Customer, PromoCode
from promos.plans import Plan

logger = logging.getLogger(__name__)

WAITS_WHILE_BUSY = (0.5, 1.0)


class NotOpened(Exception):
    """There is no checkout, and no code is to blame: Stripe refused the order or could not be asked."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.label)
        self.reason = reason


class CodeRefused(Exception):
    """There is no checkout because the code was refused."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.reason)
        self.verdict = verdict


def open(  # noqa: A001
    customer: Customer, *, plan: Plan, code_text: str, now: datetime, visitor: Visitor = code_checks.UNKNOWN
) -> str:
    """Open a checkout of the plan with the code, if there is one, and return the address where it is paid.

    Asked twice for the same (a double click, the way back and forth), the
    customer is led to one and the same checkout.

    Raises:
        CodeRefused: with the verdict; nothing is held.
        NotOpened: ``stripe_refused`` or ``try_later``.
    """
    try:
        customer = customers.ensure_at_stripe(customer)
    except stripe_gateway.StripeError as error:
        raise NotOpened(_reason(error)) from error
    text = code_checks.cleaned(code_text)
    url = _resume(customer, plan, text, now=now)
    if url:
        return url
    _brake(text, customer=customer, visitor=visitor, now=now)
    return _open_at_stripe(_hold(customer, plan, text, now=now), plan, now=now)


def _resume(customer: Customer, plan: Plan, text: str, *, now: datetime) -> str:
    """Return the address of the customer's open checkout of the same order; give up those of other orders."""
    for attempt in unfinished.unsettled(customer, now=now):
        if not _is_same(attempt, plan, text):
            unfinished.let_go(attempt, now=now)
        elif url := unfinished.address(attempt):
            return url
    return ""


def _brake(text: str, *, customer: Customer, visitor: Visitor, now: datetime) -> None:
    if not text:
        return
    try:
        brake.take_about(text, visitor, customer=customer, now=now)
    except Braked as braked:
        raise CodeRefused(Verdict(Reason.TRY_LATER, wait=braked.wait)) from braked


def _hold(customer: Customer, plan: Plan, text: str, *, now: datetime) -> CheckoutAttempt:
    """Hold one use of the code, or come back to what a request just before this one holds for the same order."""
    stopwatch = even_time.Stopwatch()
    with transaction.atomic():
        # Two clicks at once queue here; the second finds what the first has held.
        redemptions.lock_person(customer)
        for attempt in unfinished.just_begun(customer, now=now):
            if _is_same(attempt, plan, text):
                return attempt
        verdict = _verdict(text, customer=customer, plan=plan, now=now)
        if verdict.is_accepted:
            try:
                return redemptions.hold(_attempt(customer, plan, verdict, now=now))
            except redemptions.NothingLeft as refused:
                verdict = replace(verdict, reason=refused.reason)
    code_checks.record(text, verdict, customer=customer, plan=plan, now=now)
    if verdict.is_neutral:
        stopwatch.wait_for_full_step()
    raise CodeRefused(verdict)


def _verdict(text: str, *, customer: Customer, plan: Plan, now: datetime) -> Verdict:
    """Judge a code by our own rows; Stripe has its say when it opens the session."""
    if not text:
        return Verdict(None)
    verdict = eligibility.check(text, customer=customer, plan=plan, now=now)
    if verdict.promo_code and verdict.is_accepted:
        return replace(verdict, reason=code_checks.sync_refusal(verdict.promo_code))
    return verdict


def _attempt(customer: Customer, plan: Plan, verdict: Verdict, *, now: datetime) -> CheckoutAttempt:
    promised = renewals.promised_amount(plan, verdict.promo_code.offer) if verdict.promo_code else 0
    return CheckoutAttempt(
        customer=customer,
        promo_code=verdict.promo_code,
        plan=plan.price_id,
        currency=plan.currency,
        held_amount=promised + (verdict.quote.discount_amount if verdict.quote else 0),
        promised_amount=promised,
        created_at=now,
        expires_at=now + unfinished.OPEN_FOR,
    )


def _open_at_stripe(attempt: CheckoutAttempt, plan: Plan, *, now: datetime) -> str:
    """Have Stripe open the session of an attempt, outside any transaction, and return its address."""
    try:
        session = _session_of(attempt, plan)
    except stripe_gateway.Unavailable as error:
        unfinished.settle_unanswered(attempt, error, now=now)
        raise _failed(attempt, plan, Reason.TRY_LATER, now=now) from error
    except stripe_gateway.StripeError as error:
        logger.warning("Stripe did not open checkout attempt %s: %s", attempt.pk, error)
        redemptions.release(attempt, state=CheckoutAttempt.State.FAILED, now=now)
        raise _failed(attempt, plan, _reason_after(error, attempt.customer), now=now) from error
    unfinished.mark_open(attempt, session_id=session["id"])
    _record(attempt, plan, None, now=now)
    return str(session["url"])


def _session_of(attempt: CheckoutAttempt, plan: Plan) -> stripe_gateway.StripeObject:
    """Create the session of an attempt, or come back to the one that an earlier and different request opened.

    The two differ when the code got a successor in between. What the first one opened may be paid.
    """
    try:
        return _create_session(attempt, plan)
    except stripe_gateway.Conflict as error:
        session = unfinished.session_of(attempt)
        if session is None or session["status"] != "open":
            raise stripe_gateway.Unavailable("An earlier request for this checkout counts.") from error
        return session


def _create_session(attempt: CheckoutAttempt, plan: Plan) -> stripe_gateway.StripeObject:
    """Create the session of an attempt; a second click waits while Stripe is busy with the first."""
    params = _session(attempt, plan)
    key = customers.row_key("checkout", attempt.pk, attempt.created_at)
    for seconds in WAITS_WHILE_BUSY:
        try:
            return stripe_gateway.create_checkout_session(params, idempotency_key=key)
        except stripe_gateway.Busy:
            time.sleep(seconds)
    return stripe_gateway.create_checkout_session(params, idempotency_key=key)


def _failed(
    attempt: CheckoutAttempt, plan: Plan, reason: Reason, *, now: datetime
) -> CodeRefused | NotOpened:
    """Return what to raise when Stripe opened nothing; a refusal is laid to the code when there is one.

    Stripe refuses what it alone knows about a code in the same words as other
    mistakes; without the code the customer learns whether that was it.
    """
    _record(attempt, plan, reason, now=now)
    if attempt.promo_code and reason is Reason.STRIPE_REFUSED:
        return CodeRefused(Verdict(reason, attempt.promo_code))
    return NotOpened(reason)


def _record(attempt: CheckoutAttempt, plan: Plan, reason: Reason | None, *, now: datetime) -> None:
    """Keep the entry of the code that the checkout was asked for with, if there was one."""
    if attempt.promo_code:
        verdict = Verdict(reason, attempt.promo_code)
        code_checks.record(attempt.promo_code.code, verdict, customer=attempt.customer, plan=plan, now=now)


def _session(attempt: CheckoutAttempt, plan: Plan) -> dict[str, Any]:
    """Return the request for the session; the same for the same attempt, so that it may be repeated."""
    prices = [plan.price_id, *([plan.setup_fee.price_id] if plan.setup_fee else [])]
    told = orders.metadata(attempt, plan)
    return {
        "mode": "subscription",
        "customer": attempt.customer.stripe_customer_id,
        "line_items": [{"price": price_id, "quantity": 1} for price_id in prices],
        "client_reference_id": str(attempt.pk),
        "metadata": told,
        # Stripe does not copy a session's metadata to the subscription, and renewals know only that.
        "subscription_data": {"metadata": told},
        # Stripe puts the session's id there.
        "success_url": unfinished.outcome_address("{CHECKOUT_SESSION_ID}"),
        "cancel_url": f"{settings.SITE_URL}{reverse('billing:cancelled')}",
        "expires_at": int(attempt.expires_at.timestamp()),
        **_discount(attempt.promo_code, plan),
    }


def _discount(code: PromoCode | None, plan: Plan) -> dict[str, Any]:
    """Return what the code adds to the session; a card is asked for unless nothing will ever be due."""
    if code is None:
        return {}
    added: dict[str, Any] = {"discounts": [{"promotion_code": code_checks.stripe_promotion_code_id(code)}]}
    if renewals.is_free_for_ever(plan, code.offer):
        added["payment_method_collection"] = "if_required"
    return added


def _is_same(attempt: CheckoutAttempt, plan: Plan, text: str) -> bool:
    held = attempt.promo_code.code if attempt.promo_code else ""
    return attempt.plan == plan.price_id and held == text


def _reason_after(error: stripe_gateway.StripeError, customer: Customer) -> Reason:
    """Return what to answer to a refused session; a customer deleted at Stripe is made anew, for the next try."""
    if not customers.is_gone(error):
        return _reason(error)
    with suppress(stripe_gateway.StripeError):
        customers.replace_at_stripe(customer)
    return Reason.TRY_LATER


def _reason(error: stripe_gateway.StripeError) -> Reason:
    return Reason.STRIPE_REFUSED if isinstance(error, stripe_gateway.Rejected) else Reason.TRY_LATER
