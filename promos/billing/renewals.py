"""What a plan costs after today, under an offer. Pure; for what pages say and Checkout asks."""

from __future__ import annotations

from django.conf import settings

from promos import discounts
from promos.models import Offer
from promos.plans import Plan

_MONTHS = {"month": 1, "year": 12}
#: Weeks and days do not divide months evenly; the shortest month never promises too much.
_DAYS, _SHORTEST_MONTH = {"day": 1, "week": 7}, 28


def reduced_amount(plan: Plan, offer: Offer) -> int:
    """Return a renewal's price while the discount runs; the setup fee is no part of it."""
    recurring = discounts.Line(plan.product_id, plan.amount)
    return discounts.quote(discounts.Terms.of(offer), [recurring], plan.currency).net_amount


def reduced_count(plan: Plan, offer: Offer) -> int | None:
    """Return how many renewals the discount still reaches, today's payment not counted; None means all.

    Stripe ends a discount for a number of months that long after it began; a
    renewal on that very day is at full price.
    """
    if offer.duration == Offer.Duration.FOREVER:
        return None
    months = offer.duration_in_months
    if offer.duration != Offer.Duration.REPEATING or not months:
        return 0
    return _renewals_within(months, plan)


def _renewals_within(months: int, plan: Plan) -> int:
    """Return how many renewals come in a number of months from the first order on; one on their last day does not."""
    if not months:
        return 0
    if plan.interval in _MONTHS:
        return (months - 1) // (_MONTHS[plan.interval] * plan.interval_count)
    return (months * _SHORTEST_MONTH - 1) // (_DAYS[plan.interval] * plan.interval_count)


def promised_amount(plan: Plan, offer: Offer) -> int:
    """Return the discount that renewals are still promised, as far ahead as budgets look, today's not counted."""
    ahead = _renewals_within(settings.BUDGET_MONTHS_AHEAD, plan)
    reached = reduced_count(plan, offer)
    count = ahead if reached is None else min(ahead, reached)
    return count * (plan.amount - reduced_amount(plan, offer))


def is_free_for_ever(plan: Plan, offer: Offer) -> bool:
    """Say whether neither the first order nor any renewal will ask for money."""
    first = discounts.quote(discounts.Terms.of(offer), plan.lines, plan.currency)
    return first.net_amount == 0 and reduced_count(plan, offer) is None and reduced_amount(plan, offer) == 0
