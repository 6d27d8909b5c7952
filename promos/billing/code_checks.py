"""Ask whether a customer may use a code: our rules first, then Stripe, and keep a record of the entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from enum import Enum

from django.conf import settings
from django.db.models import QuerySet

from promos import brake, codes, eligibility, stripe_gateway
from promos.billing import even_time, unfinished
from promos.brake import Braked, LeftForLater, Visitor
from promos.eligibility import Reason, Verdict
from promos.models import CodeCheck, Customer, PromoCode, StripePromotionCode
from promos.plans import Plan

#: No code is longer than what is kept of an entry; combining marks make a typed text longer than its code.
LONGEST, LONGEST_TYPED = 255, 1000
UNKNOWN = Visitor()
#: What an open checkout of the customer's own may be the cause of. Some of these are neutral refusals, and all
#: of those are answered after the same queries.
HELD = eligibility.NEUTRAL | {Reason.CUSTOMER_LIMIT}


class Entry(Enum):
    """How a code came to be asked about."""

    APPLIED = "applied"  # somebody pressed a button with it
    BROUGHT = "brought"  # by a link or a program
    TYPED = "typed"  # it may be half a code


def check(
    text: str,
    *,
    customer: Customer,
    plan: Plan,
    now: datetime,
    visitor: Visitor = UNKNOWN,
    entry: Entry = Entry.APPLIED,
) -> Verdict:
    """Say whether the code is good for this customer and plan, at our side and at Stripe's, and record the entry."""
    verdicts = check_plans(text, customer=customer, plans=[plan], now=now, visitor=visitor, entry=entry)
    return verdicts[plan]


def check_plans(
    text: str,
    *,
    customer: Customer,
    plans: Sequence[Plan],
    now: datetime,
    visitor: Visitor = UNKNOWN,
    entry: Entry = Entry.APPLIED,
) -> dict[Plan, Verdict]:
    """Say the same for each of several plans; one entry is recorded, for the first plan that the code is good for."""
    stopwatch = even_time.Stopwatch()
    text = cleaned(text)
    try:
        leaving = brake.LEFT_BY_TYPING if entry is Entry.TYPED else 0
        brake.take_about(text, visitor, customer=customer, now=now, leaving=leaving)
    except LeftForLater:
        return dict.fromkeys(plans, Verdict(Reason.TRY_LATER, is_unasked=True))
    except Braked as braked:
        return dict.fromkeys(plans, Verdict(Reason.TRY_LATER, wait=braked.wait))
    verdicts = _verdicts(text, customer=customer, plans=plans, now=now)
    for plan, verdict in sorted(verdicts.items(), key=lambda item: not item[1].is_accepted)[:1]:
        record(text, verdict, customer=customer, plan=plan, now=now, entry=entry)
    if any(verdict.is_neutral for verdict in verdicts.values()):
        stopwatch.wait_for_full_step()
    return verdicts


def cleaned(text: str) -> str:
    """Return what somebody typed as a code would be stored, and no longer than an entry can be."""
    # PostgreSQL cannot store the null character, and no code has one.
    return codes.meant(text[:LONGEST_TYPED].replace("\0", ""))[:LONGEST]


def stripe_promotion_code_id(code: PromoCode) -> str | None:
    """Return the promotion code at Stripe that stands for this code now."""
    return (
        StripePromotionCode.objects.filter(promo_code=code, state=StripePromotionCode.State.CURRENT)
        .values_list("stripe_promotion_code_id", flat=True)
        .first()
    )


def record(
    text: str,
    verdict: Verdict,
    *,
    customer: Customer,
    plan: Plan,
    now: datetime,
    entry: Entry = Entry.APPLIED,
) -> None:
    """Keep the entry of a code and its outcome.

    While somebody types, the page asks after every pause. Those questions count
    as an entry only when the text names a code: "LAUN" on the way to "LAUNCH50"
    is nobody's entry, and would drown the figures in not_found. A text that
    names none is recorded when a button is pressed with it. An entry repeated
    with the same outcome (live, then Apply, then the checkout) is one entry.
    """
    outcome = {"promo_code": verdict.promo_code, "plan": plan.price_id, "reason": verdict.reason or ""}
    if _entries(text, customer=customer, now=now).filter(**outcome).exists():
        return
    if verdict.is_neutral:
        brake.refused(now=now)
    if entry is Entry.APPLIED or verdict.promo_code:
        CodeCheck.objects.create(text=text, customer=customer, checked_at=now, **outcome)


def sync_refusal(code: PromoCode) -> Reason | None:
    """Say why Stripe's side of a code cannot stand for ours now, going by our own rows."""
    if code.sync_status in {PromoCode.SyncStatus.ERROR, PromoCode.SyncStatus.CONFLICT}:
        return Reason.STRIPE_REFUSED
    if code.sync_status == PromoCode.SyncStatus.PENDING or stripe_promotion_code_id(code) is None:
        # Being made or changed at Stripe: its terms there may not be the ones we show.
        return Reason.TRY_LATER
    return None


def _entries(text: str, *, customer: Customer, now: datetime) -> QuerySet[CodeCheck]:
    """Return what the customer was lately told of the code."""
    return CodeCheck.objects.filter(customer=customer, text=text, checked_at__gt=now - brake.REPEATS_WITHIN)


def _verdicts(text: str, *, customer: Customer, plans: Sequence[Plan], now: datetime) -> dict[Plan, Verdict]:
    verdicts = _by_our_rules(text, customer=customer, plans=plans, now=now)
    is_held = any(verdict.reason in HELD for verdict in verdicts.values())
    if is_held and unfinished.let_go_of_code(customer, text, now=now):
        verdicts = _by_our_rules(text, customer=customer, plans=plans, now=now)
    accepted = next((verdict.promo_code for verdict in verdicts.values() if verdict.is_accepted), None)
    refusal = _stripe_refusal(accepted) if accepted else None
    return {
        plan: replace(verdict, reason=refusal) if verdict.is_accepted else verdict
        for plan, verdict in verdicts.items()
    }


def _by_our_rules(
    text: str, *, customer: Customer, plans: Sequence[Plan], now: datetime
) -> dict[Plan, Verdict]:
    code = eligibility.find(text, customer=customer)
    return {plan: eligibility.judge(code, customer=customer, plan=plan, now=now) for plan in plans}


def _stripe_refusal(code: PromoCode) -> Reason | None:
    """Ask Stripe about its side of a code that our rules accept."""
    promotion_code_id = stripe_promotion_code_id(code)
    refusal = sync_refusal(code)
    if refusal or promotion_code_id is None:
        return refusal
    try:
        at_stripe = stripe_gateway.retrieve_promotion_code(promotion_code_id)
    except stripe_gateway.NotFound:
        return Reason.STRIPE_REFUSED
    except stripe_gateway.Unavailable:
        return None if settings.ACCEPT_CODES_WITHOUT_STRIPE else Reason.TRY_LATER
    except stripe_gateway.StripeError:
        return Reason.TRY_LATER
    return None if at_stripe["active"] else Reason.STRIPE_REFUSED
