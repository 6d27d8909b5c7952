"""What a second person is shown before approving a code or a campaign, and what is approved: that and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone

from promos import approval, offers
from promos.admin import choices
from promos.admin.actions import AgreeForm, Words
from promos.admin.base import in_money
from promos.models import Campaign, PromoCode


class CodeForm(AgreeForm):
    def waiting(self, keys: Sequence[Any]) -> Iterable[PromoCode]:
        waits = Q(approved_at=None) | Q(needs_review=True)
        codes = PromoCode.objects.not_archived().filter(waits, pk__in=keys)
        return codes.select_related("offer", "campaign", "customer").order_by("pk")

    def fingerprint(self, row: PromoCode) -> str:
        return approval.fingerprint_of_code(row)

    def in_words(self, row: PromoCode) -> str:
        return _code_in_words(row)


class CampaignForm(AgreeForm):
    def waiting(self, keys: Sequence[Any]) -> Iterable[Campaign]:
        return Campaign.objects.filter(pk__in=keys, needs_approval=True, approved_at=None).order_by("pk")

    def fingerprint(self, row: Campaign) -> str:
        return approval.fingerprint_of_campaign(row)

    def in_words(self, row: Campaign) -> str:
        return f"a budget of {in_money(row.budget_amount, row.currency)}"


CODE = Words(
    title="Approve",
    past="Approved",
    explanation="The code works from now on, at Stripe too. Who set its terms cannot approve them.",
    icon="verified",
    form=CodeForm,
    asks=True,
    permission="approve",
)
CAMPAIGN = Words(
    title="Approve",
    past="Approved",
    explanation="Its codes work from now on, at Stripe too. Who set the budget cannot approve it.",
    icon="verified",
    form=CampaignForm,
    asks=True,
    permission="approve",
)


def _code_in_words(code: PromoCode) -> str:
    """Return everything that is approved of a code: "20% off, once; uses in all: 500; until 2026-12-31 00:00"."""
    minimum = " or ".join(in_money(amount, currency) for currency, amount in code.minimums.items())
    products = ", ".join(choices.product_names(code.offer.product_ids))
    parts = (
        (products, f"only for {products}"),
        (code.max_redemptions, f"uses in all: {code.max_redemptions}"),
        (code.max_redemptions_per_customer, f"by one customer: {code.max_redemptions_per_customer}"),
        (code.first_time_only, "for a first purchase only"),
        (minimum, f"for orders of at least {minimum}"),
        (code.customer, f"only for {code.customer}"),
        (code.campaign, f"in the campaign {code.campaign}"),
        (code.starts_at, f"from {_time(code.starts_at)}"),
        (code.expires_at, f"until {_time(code.expires_at)}"),
    )
    limits = (words for value, words in parts if value)
    return "; ".join((offers.value_in_words(code.offer), *limits))


def _time(at: datetime | None) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M}" if at else ""
