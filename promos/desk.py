"""Why was it refused? Every rule about a code, a customer and a plan, with pass or fail and what would help.

``eligibility.check`` stops at the first rule that fails; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction

from promos import codes, discounts, eligibility, history, money, promo_codes
from promos.eligibility import Reason
from promos.models import CodeCheck, Customer, Offer, PromoCode, PromoCodeUsage
from promos.models.customers import email_key
from promos.plans import Plan

#: Past tries that are shown.
TRIES_AT_MOST = 20
#: How the code begins that a customer gets for the trouble, and what the team reads of it.
GOODWILL_PREFIX, GOODWILL = "SORRY-", "Goodwill"


@dataclass(frozen=True)
class Rule:
    """One rule: whether it lets the customer through, what it found, and what would make it pass."""

    reason: Reason
    passes: bool
    found: str
    remedy: str = ""


@dataclass(frozen=True)
class Case:
    """What is known of one question; ``code`` is None when there is no such code."""

    text: str
    code: PromoCode | None
    customer: Customer | None
    rules: list[Rule]
    tries: list[CodeCheck]

    @property
    def is_accepted(self) -> bool:
        return self.code is not None and all(rule.passes for rule in self.rules)

    @property
    def tries_in_words(self) -> list[tuple[CodeCheck, str]]:
        """The past tries, each with what became of it."""
        return [(each, eligibility.outcome_in_words(each.reason)) for each in self.tries]


def look_into(text: str, *, email: str, plan: Plan, now: datetime) -> Case:
    """Return every rule for this customer, code and plan, and the customer's past tries."""
    customer = _customer(email.strip()) if email else None
    text = codes.meant(text)
    code = eligibility.find(text, customer=customer)
    rules = list(_rules(code, customer, plan, now)) if code else [_missing(text)]
    return Case(text, code, customer, rules, _tries(customer))


@transaction.atomic
def give_goodwill(customer: Customer, *, percent_off: int, now: datetime, by: User) -> PromoCode:
    """Make a code for this customer alone, to be used once.

    Raises:
        ValidationError: the percentage is none; nothing is saved.
    """
    if not 1 <= percent_off <= 100:
        raise ValidationError({"percent_off": "The percentage must be 1 to 100."})
    code = PromoCode(
        code=GOODWILL_PREFIX + codes.generate(), customer=customer, max_redemptions=1, description=GOODWILL
    )
    offer = Offer(kind=Offer.Kind.PERCENT, percent_off=percent_off, duration=Offer.Duration.ONCE)
    # Whose it is stands in the record; an address in the reason would outlast the customer's erasure.
    with history.because(GOODWILL):
        return promo_codes.create(code, offer=offer, now=now, by=by)


def _customer(email: str) -> Customer | None:
    # By the key as well, which has an index.
    found = Customer.objects.filter(email_key=email_key(email), email__iexact=email)
    return found.order_by("-pk").first()


def _missing(text: str) -> Rule:
    others = PromoCode.objects.filter(code=text)
    if others.filter(sync_status=PromoCode.SyncStatus.CONFLICT).exists():
        return Rule(Reason.NOT_FOUND, False, "The code conflicts with one in Stripe", "Settle the conflict.")
    if others.exists():
        return Rule(Reason.NOT_FOUND, False, "The code was archived", "Make a new code with this text.")
    return Rule(Reason.NOT_FOUND, False, "No code has this text", "Look for a misspelling.")


def _rules(code: PromoCode, customer: Customer | None, plan: Plan, now: datetime) -> Iterator[Rule]:
    yield _owner(code, customer)
    yield from _standing(code, now)
    yield from _of_customer(code, customer)
    yield from _of_plan(code, plan)
    yield _at_stripe(code)


def _owner(code: PromoCode, customer: Customer | None) -> Rule:
    if code.customer_id is None:
        return Rule(Reason.OTHER_CUSTOMER, True, "For every customer")
    is_theirs = customer is not None and code.customer_id == customer.pk
    return Rule(
        Reason.OTHER_CUSTOMER,
        is_theirs,
        f"Only for {code.customer}",
        "Give this customer a code of their own.",
    )


def _standing(code: PromoCode, now: datetime) -> Iterator[Rule]:
    start, end = codes.starts_at(code), codes.ends_at(code)
    campaign = code.campaign
    waits = code.submitted_at is None or codes.is_waiting(code)
    yield Rule(
        Reason.WAITING_FOR_APPROVAL,
        not waits,
        "Waits" if waits else "Approved",
        "Somebody has to approve it.",
    )
    yield Rule(
        Reason.EXPIRED,
        end is None or end > now,
        f"Ends {_day(end)}" if end else "Has no end",
        "Give it a later end.",
    )
    is_left = not code.is_fully_held
    uses = f"{code.used_count} used, {code.held_count} in open checkouts, {_of(code.max_redemptions)}"
    yield Rule(Reason.USED_UP, is_left, uses, "Raise its limit, or wait until open checkouts end.")
    is_spent = campaign is not None and campaign.is_budget_spent
    is_paused = code.paused_at is not None or (campaign is not None and campaign.paused_at is not None)
    yield Rule(
        Reason.PAUSED, not is_paused, codes.pause_reason(code) if is_paused else "Not paused", "Resume it."
    )
    budget = (
        f"The budget of {campaign} is {'spent' if is_spent else 'not spent'}" if campaign else "No campaign"
    )
    yield Rule(Reason.BUDGET_SPENT, not is_spent, budget, "Raise the campaign's budget.")
    yield Rule(
        Reason.NOT_STARTED,
        start is None or start <= now,
        f"Starts {_day(start)}" if start else "Has no start",
        "Give it an earlier start.",
    )


def _of_customer(code: PromoCode, customer: Customer | None) -> Iterator[Rule]:
    has_paid = bool(getattr(code, "has_paid_before", False))
    yield Rule(
        Reason.NOT_FIRST_PURCHASE,
        not (code.first_time_only and has_paid),
        "The customer has paid before" if has_paid else "The customer has never paid",
        "Allow it for later purchases too.",
    )
    limit, uses = code.max_redemptions_per_customer, _uses(code, customer)
    yield Rule(
        Reason.CUSTOMER_LIMIT,
        limit is None or uses < limit,
        f"Used {uses} time{'' if uses == 1 else 's'} by the customer, {_of(limit)}",
        "Raise the limit per customer.",
    )


def _of(limit: int | None) -> str:
    return "without a limit" if limit is None else f"of {limit:,}"


def _uses(code: PromoCode, customer: Customer | None) -> int:
    if customer is None:
        return 0
    people = Customer.objects.same_person(customer)
    return PromoCodeUsage.objects.counted().filter(promo_code=code, customer__in=people).count()


def _of_plan(code: PromoCode, plan: Plan) -> Iterator[Rule]:
    terms = discounts.Terms.of(code.offer)
    covers = any(terms.covers_product(line.product_id) for line in plan.lines)
    covers = covers and not (code.offer.is_fixed_price and code.offer.list_price_id != plan.price_id)
    remedy = "Choose another plan, or add the product to the code."
    yield Rule(Reason.PLAN_NOT_COVERED, covers, f"{plan.name} is {'' if covers else 'not '}covered", remedy)
    minimum = code.minimums.get(plan.currency)
    has_currency = terms.covers_currency(plan.currency) and (minimum is not None or not code.minimums)
    yield Rule(
        Reason.CURRENCY_NOT_COVERED,
        has_currency,
        f"{plan.currency.upper()} is {'' if has_currency else 'not '}covered",
        "Add the currency, or choose a plan in another.",
    )
    is_enough = minimum is None or not has_currency or plan.gross_amount >= minimum
    order = f"The order is {money.display(plan.gross_amount, plan.currency)}"
    if minimum is not None:
        order += f", at least {money.display(minimum, plan.currency)} is asked"
    yield Rule(Reason.MINIMUM_NOT_MET, is_enough, order, "Lower the smallest order.")


def _at_stripe(code: PromoCode) -> Rule:
    is_there = code.sync_status != PromoCode.SyncStatus.ERROR
    found = "Stripe has taken it" if code.sync_status == PromoCode.SyncStatus.SYNCED else code.sync_error
    return Rule(
        Reason.STRIPE_REFUSED,
        is_there,
        found or "Waits to be pushed",
        "Correct what Stripe refused, and save.",
    )


def _tries(customer: Customer | None) -> list[CodeCheck]:
    if customer is None:
        return []
    tries = CodeCheck.objects.filter(customer=customer).order_by("-checked_at", "-pk")
    return list(tries.select_related("promo_code")[:TRIES_AT_MOST])


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
