"""The limits that Stripe lacks: uses in all, uses per person, first purchases only, a campaign's budget.

What counts is settled or open. The rows that say so are locked while they are
looked at, or changed by one UPDATE whose row count is the answer.
"""

from __future__ import annotations

from django.db.models import F, Q, QuerySet

from promos.eligibility import Reason
from promos.models import Campaign, CheckoutAttempt, Customer, LedgerEntry, PromoCode, PromoCodeUsage

UNSETTLED = (CheckoutAttempt.State.OPENING, CheckoutAttempt.State.OPEN)
PURCHASES = (LedgerEntry.Kind.CHECKOUT, LedgerEntry.Kind.INVOICE)
#: What makes a redemption; the last is no order of its own.
REDEEMING = (*PURCHASES, LedgerEntry.Kind.SHARE)


class NothingLeft(Exception):
    """The code cannot be held for this customer now; ``reason`` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.label)
        self.reason = reason


def lock_person(customer: Customer) -> list[int]:
    """Lock every customer with this one's mailbox, and return their keys: one person buys one thing at a time."""
    people = Customer.objects.same_person(customer).select_for_update()
    return list(people.order_by("pk").values_list("pk", flat=True))


def refuse_past_persons_limits(attempt: CheckoutAttempt, code: PromoCode) -> None:
    """Refuse the person's use of a code past the limits per person.

    Raises:
        NothingLeft: the person has bought before, or has used or holds the code as often as allowed.
    """
    limit = code.max_redemptions_per_customer
    if limit is None and not code.first_time_only:
        return
    people = lock_person(attempt.customer)
    if code.first_time_only and _has_bought(people):
        raise NothingLeft(Reason.NOT_FIRST_PURCHASE)
    if limit is not None and _uses(people, code) + _holds(people).filter(promo_code=code).count() >= limit:
        raise NothingLeft(Reason.CUSTOMER_LIMIT)


def hold_budget(attempt: CheckoutAttempt, campaign: Campaign | None) -> None:
    """Set aside the attempt's discount in the campaign's budget.

    Raises:
        NothingLeft: there is not enough left of it; or it came under another currency since it was read.
    """
    if campaign is None or not attempt.held_amount:
        return
    committed = F("spent_amount") + F("promised_amount") + F("held_amount")
    has_room = Q(budget_amount__isnull=True) | Q(budget_amount__gte=committed + attempt.held_amount)
    row = Campaign.objects.filter(pk=campaign.pk, currency=attempt.currency)
    if not row.filter(has_room).update(held_amount=F("held_amount") + attempt.held_amount):
        raise NothingLeft(Reason.BUDGET_SPENT if row.exists() else Reason.TRY_LATER)


def hold_use(code: PromoCode) -> None:
    """Hold one use of a code, whose campaign's budget holds the attempt's discount.

    Raises:
        NothingLeft: every use is made or held; or the code has left that campaign since it was read.
    """
    has_room = Q(max_redemptions__isnull=True) | Q(max_redemptions__gt=F("used_count") + F("held_count"))
    unmoved = PromoCode.objects.filter(pk=code.pk, campaign=code.campaign_id)
    if not unmoved.filter(has_room).update(held_count=F("held_count") + 1):
        raise NothingLeft(Reason.USED_UP if unmoved.exists() else Reason.TRY_LATER)


def note_if_past(usage: PromoCodeUsage) -> None:
    """Mark a redemption that Stripe took past one of the limits; call it when the counters stand."""
    code = usage.promo_code
    if _is_past_total(code) or _is_past_persons(usage, code) or _is_past_budget(code):
        PromoCodeUsage.objects.filter(pk=usage.pk).update(is_over_limit=True)


def _has_bought(people: list[int]) -> bool:
    """Whether the person has bought, or is about to: an open checkout may be paid first."""
    bought = LedgerEntry.objects.filter(customer__in=people, kind__in=PURCHASES)
    return bought.exists() or _holds(people).exists()


def _uses(people: list[int], code: PromoCode) -> int:
    return PromoCodeUsage.objects.counted().filter(promo_code=code, customer__in=people).count()


def _holds(people: list[int]) -> QuerySet[CheckoutAttempt]:
    return CheckoutAttempt.objects.filter(customer__in=people, state__in=UNSETTLED)


def _is_past_total(code: PromoCode) -> bool:
    if code.max_redemptions is None:
        return False
    return PromoCode.objects.filter(pk=code.pk, used_count__gt=F("max_redemptions")).exists()


def _is_past_persons(usage: PromoCodeUsage, code: PromoCode) -> bool:
    limit = code.max_redemptions_per_customer
    if code.first_time_only and not usage.is_new_customer:
        return True
    if limit is None or usage.customer is None:
        return False
    people = Customer.objects.same_person(usage.customer).values_list("pk", flat=True)
    return _uses(list(people), code) > limit


def _is_past_budget(code: PromoCode) -> bool:
    campaign = code.campaign
    if campaign is None or campaign.budget_amount is None:
        return False
    committed = F("spent_amount") + F("promised_amount")
    return Campaign.objects.filter(pk=campaign.pk, budget_amount__lt=committed).exists()
