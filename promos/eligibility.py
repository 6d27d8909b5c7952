"""May this customer use this code on this plan, and if not, why: the one answer, used everywhere.

Only our own rules; Stripe is not asked here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models
from django.db.models import Exists, OuterRef, Q

from promos import codes, discounts
from promos.models import Customer, LedgerEntry, PromoCode, PromoCodeUsage
from promos.plans import Plan


class Reason(models.TextChoices):
    """Why a code was refused: a closed list, the same in pages, API, log and admin."""

    NOT_FOUND = "not_found", "There is no such code"
    NOT_STARTED = "not_started", "The code has not started yet"
    EXPIRED = "expired", "The code has expired"
    PAUSED = "paused", "The code is paused"
    USED_UP = "used_up", "The code has been used up"
    CUSTOMER_LIMIT = "customer_limit", "The customer has used the code as often as allowed"
    NOT_FIRST_PURCHASE = "not_first_purchase", "The code is for a first purchase only"
    MINIMUM_NOT_MET = "minimum_not_met", "The order is below the code's minimum"
    PLAN_NOT_COVERED = "plan_not_covered", "The code does not cover the plan"
    CURRENCY_NOT_COVERED = "currency_not_covered", "The code does not cover the plan's currency"
    OTHER_CUSTOMER = "other_customer", "The code belongs to another customer"
    BUDGET_SPENT = "budget_spent", "The campaign's budget is spent"
    WAITING_FOR_APPROVAL = "waiting_for_approval", "The code waits for approval"
    STRIPE_REFUSED = "stripe_refused", "Stripe refused the code"
    TRY_LATER = "try_later", "The code could not be checked just now"


#: Refusals that must not be told apart by the customer: they would tell a guesser which codes exist.
NEUTRAL = frozenset(
    {
        Reason.NOT_FOUND,
        Reason.NOT_STARTED,
        Reason.EXPIRED,
        Reason.PAUSED,
        Reason.USED_UP,
        Reason.OTHER_CUSTOMER,
        Reason.BUDGET_SPENT,
        Reason.WAITING_FOR_APPROVAL,
    }
)


@dataclass(frozen=True)
class Verdict:
    """The answer for one code: accepted with its quote, or refused with a reason.

    ``wait`` is how long somebody who tried too many codes has to leave off;
    ``is_unasked`` says that nothing was looked up, because the code may be half typed.
    """

    reason: Reason | None
    promo_code: PromoCode | None = None
    quote: discounts.Quote | None = None
    wait: timedelta = timedelta()
    is_unasked: bool = False

    @property
    def is_accepted(self) -> bool:
        return self.reason is None

    @property
    def is_neutral(self) -> bool:
        """Whether the customer must not learn the exact reason."""
        return self.reason in NEUTRAL

    @property
    def public_reason(self) -> Reason | None:
        """The reason as the customer may know it: one for all that are neutral."""
        return Reason.NOT_FOUND if self.is_neutral else self.reason


def outcome_in_words(reason: str) -> str:
    """Return what became of an entered code, for the team: a reason of ours or of an earlier version's, or none."""
    return str(dict(Reason.choices).get(reason, reason)) or "Accepted"


def find(text: str, *, customer: Customer | None) -> PromoCode | None:
    """Return the code with this text that speaks to this customer, with what the rules need of it.

    A code made for the customer goes before one for everybody, and both before somebody else's.
    """
    mine = Q(customer=customer) if customer else Q(pk__in=[])
    return (
        PromoCode.objects.not_archived()
        .filter(code=codes.normalise(text))
        .exclude(sync_status=PromoCode.SyncStatus.CONFLICT)
        .select_related("offer", "campaign")
        .annotate(
            rank=models.Case(
                models.When(mine, then=0), models.When(customer__isnull=True, then=1), default=2
            ),
            **_history(customer),
        )
        .order_by("rank")
        .first()
    )


def check(text: str, *, customer: Customer | None, plan: Plan, now: datetime) -> Verdict:
    """Say whether the customer may use the code on the plan at ``now``, and what it would cost."""
    return judge(find(text, customer=customer), customer=customer, plan=plan, now=now)


def judge(code: PromoCode | None, *, customer: Customer | None, plan: Plan, now: datetime) -> Verdict:
    """Say the same of a code that ``find`` found for this customer."""
    if code is None:
        return Verdict(Reason.NOT_FOUND)
    reason = _refusal(code, customer=customer, plan=plan, now=now)
    if reason in NEUTRAL:
        return Verdict(reason, code)
    terms = discounts.Terms.of(code.offer)
    return Verdict(reason, code, discounts.quote(terms, plan.lines, plan.currency))


def _history(customer: Customer | None) -> dict[str, Exists]:
    """What the customer did before, as EXISTS beside the code's row; counting all rows would not scale."""
    people = Customer.objects.none() if customer is None else Customer.objects.same_person(customer)
    own_uses = PromoCodeUsage.objects.filter(promo_code=OuterRef("pk"), customer__in=people)
    payments = LedgerEntry.objects.filter(customer__in=people, kind__in=["checkout", "invoice"])
    return {"has_paid_before": Exists(payments), "has_used_before": Exists(own_uses)}


def _refusal(code: PromoCode, *, customer: Customer | None, plan: Plan, now: datetime) -> Reason | None:
    if code.customer_id is not None and (customer is None or code.customer_id != customer.pk):
        return Reason.OTHER_CUSTOMER
    return (
        _status_refusal(code, now=now)
        or _customer_refusal(code, customer=customer)
        or _plan_refusal(code, plan)
    )


_BY_STATUS = {
    codes.Status.ARCHIVED: Reason.NOT_FOUND,
    codes.Status.DRAFT: Reason.NOT_FOUND,
    codes.Status.WAITING: Reason.WAITING_FOR_APPROVAL,
    codes.Status.EXPIRED: Reason.EXPIRED,
    codes.Status.USED_UP: Reason.USED_UP,
    codes.Status.PAUSED: Reason.PAUSED,
    codes.Status.SCHEDULED: Reason.NOT_STARTED,
}


def _status_refusal(code: PromoCode, *, now: datetime) -> Reason | None:
    status = codes.status(code, now)
    if (
        status == codes.Status.PAUSED
        and code.campaign
        and code.campaign.is_budget_spent
        and not code.paused_at
    ):
        return Reason.BUDGET_SPENT
    if status == codes.Status.ACTIVE and code.is_fully_held:
        return Reason.USED_UP
    return _BY_STATUS.get(status)


def _customer_refusal(code: PromoCode, *, customer: Customer | None) -> Reason | None:
    if code.first_time_only and getattr(code, "has_paid_before", False):
        return Reason.NOT_FIRST_PURCHASE
    limit = code.max_redemptions_per_customer
    if limit is None or customer is None or not getattr(code, "has_used_before", False):
        return None
    people = Customer.objects.same_person(customer)
    uses = PromoCodeUsage.objects.counted().filter(promo_code=code, customer__in=people)[:limit].count()
    return Reason.CUSTOMER_LIMIT if uses >= limit else None


def covers(code: PromoCode, plan: Plan) -> bool:
    """Say whether a code is meant for a plan, whoever buys it and when."""
    return _plan_refusal(code, plan) is None


def _plan_refusal(code: PromoCode, plan: Plan) -> Reason | None:
    terms = discounts.Terms.of(code.offer)
    if not any(terms.covers_product(line.product_id) for line in plan.lines):
        return Reason.PLAN_NOT_COVERED
    if code.offer.is_fixed_price and code.offer.list_price_id != plan.price_id:
        # The amount off was derived from one price; on another price of the product it would be wrong.
        return Reason.PLAN_NOT_COVERED
    if not terms.covers_currency(plan.currency):
        return Reason.CURRENCY_NOT_COVERED
    if not code.minimums:
        return None
    if plan.currency not in code.minimums:
        return Reason.CURRENCY_NOT_COVERED
    return Reason.MINIMUM_NOT_MET if plan.gross_amount < code.minimums[plan.currency] else None
