"""Which codes and campaigns a second person must approve. Off unless ``APPROVAL_REQUIRED`` is set.

A code that gives away at least ``APPROVAL_SHARE_PERCENT`` of some plan's price, and
a campaign whose budget is above ``APPROVAL_BUDGETS`` of its currency. Who last
changed the terms never approves them (a constraint of the database too).
"""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from promos import discounts, plans
from promos.models import Campaign, Offer, PromoCode


def code_needs_it(offer: Offer) -> bool:
    """Say whether codes of this offer wait for a second person."""
    return bool(settings.APPROVAL_REQUIRED) and gives_away_much(offer)


def gives_away_much(offer: Offer) -> bool:
    """Say whether the offer takes off at least the share from which approval is needed."""
    return bool(share(offer) * 100 >= settings.APPROVAL_SHARE_PERCENT)


def campaign_needs_it(campaign: Campaign) -> bool:
    """Say whether the campaign's codes wait until a second person has approved its budget."""
    limit = settings.APPROVAL_BUDGETS.get(campaign.currency)
    is_large = limit is not None and (campaign.budget_amount or 0) > limit
    return bool(settings.APPROVAL_REQUIRED) and is_large


def share(offer: Offer) -> Decimal:
    """Return the largest part of a plan's price that the offer takes off, 0 to 1.

    An amount off, where no plan on sale has its currency, counts as everything.
    """
    terms = discounts.Terms.of(offer)
    if terms.percent_off is not None:
        return terms.percent_off / 100
    if not terms.amounts:
        return Decimal(0)
    shares = [
        Decimal(discounts.quote(terms, plan.lines[:1], plan.currency).discount_amount) / plan.amount
        for plan in plans.active()
        if plan.amount and terms.covers_currency(plan.currency) and terms.covers_product(plan.product_id)
    ]
    return max(shares, default=Decimal(1))


def refuse_own(row: Campaign | PromoCode, by: User) -> None:
    """Raise ValidationError when the one who approves is the one who set the terms."""
    if row.terms_changed_by_id == by.pk:
        raise ValidationError("you set these terms, so somebody else must approve them")
