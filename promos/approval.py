"""Which codes and campaigns a second person must approve. Off unless ``APPROVAL_REQUIRED`` is set.

A code that gives away at least ``APPROVAL_SHARE_PERCENT`` of some plan's price, and
a campaign whose budget is above ``APPROVAL_BUDGETS`` of its currency. Who last
changed the terms never approves them (a constraint of the database too), and what
is approved is what the second person saw: terms that changed meanwhile are refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from decimal import Decimal

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from promos import discounts, plans
from promos.models import Campaign, Offer, PromoCode
from promos.models.limits import LIMITS

#: What is approved of a code: everything that decides who gets how much, and when.
TERMS_OF_CODE = ("code", "campaign", "customer", *LIMITS, "minimum_currency_amounts")
TERMS_OF_OFFER = (
    "kind",
    "percent_off",
    "amount_off",
    "currency",
    "currency_amounts",
    "fixed_price_amount",
    "list_price_id",
    "duration",
    "duration_in_months",
    "product_ids",
)
TERMS_OF_CAMPAIGN = ("currency", "budget_amount")


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


def terms_of_code(code: PromoCode, offer: Offer) -> list[object]:
    """Return what is approved of a code with an offer."""
    own = [getattr(code, PromoCode._meta.get_field(name).attname) for name in TERMS_OF_CODE]  # type: ignore[union-attr]
    return own + terms_of_offer(offer)


def terms_of_offer(offer: Offer) -> list[object]:
    return [getattr(offer, name) for name in TERMS_OF_OFFER]


def terms_of_campaign(campaign: Campaign) -> list[object]:
    return [getattr(campaign, name) for name in TERMS_OF_CAMPAIGN]


def fingerprint_of_code(code: PromoCode) -> str:
    """Return what a code's saved terms are known by; codes of a batch that differ in their text only have the same."""
    terms = terms_of_code(code, code.offer)
    return _fingerprint(["batch", code.batch_id, *terms[1:]] if code.batch_id else ["code", code.pk, *terms])


def fingerprint_of_campaign(campaign: Campaign) -> str:
    """Return what a campaign's saved budget is known by."""
    return _fingerprint(["campaign", campaign.pk, *terms_of_campaign(campaign)])


def refuse_unseen(fingerprint: str, seen: Collection[str]) -> None:
    """Raise ValidationError when the terms, as they are now, are not among those that the approver saw."""
    if fingerprint not in seen:
        raise ValidationError("the terms were changed meanwhile, so look at them again")


def refuse_own(row: Campaign | PromoCode, by: User) -> None:
    """Raise ValidationError when the one who approves is the one who set the terms."""
    if row.terms_changed_by_id == by.pk:
        raise ValidationError("you set these terms, so somebody else must approve them")


def _fingerprint(terms: list[object]) -> str:
    return hashlib.sha256(json.dumps(terms, default=str, sort_keys=True).encode()).hexdigest()[:32]
