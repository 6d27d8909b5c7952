"""The counters that all redemptions of a code or a campaign share, moved at the end of their transaction.

They are the rows that most buyers meet on, so they are locked last, for the
shortest time, and always in the same order: campaigns before codes, each by key.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

from django.db.models import F

from promos import remaining
from promos.models import Campaign, PromoCode


@dataclass(frozen=True)
class Change:
    """What moves on a code's counters and on its campaign's (minor units of the campaign's currency)."""

    code: PromoCode
    used: int = 0
    held: int = 0
    spent_amount: int = 0
    promised_amount: int = 0
    held_amount: int = 0

    def __add__(self, other: Change) -> Change:
        return replace(self, **{name: getattr(self, name) + getattr(other, name) for name in _COUNTERS})

    @property
    def budget(self) -> dict[str, int]:
        """What moves on the campaign, without what stays."""
        amounts = {name: getattr(self, name) for name in _BUDGET}
        return {name: amount for name, amount in amounts.items() if amount}


_COUNTERS = tuple(field.name for field in fields(Change) if field.name != "code")
_BUDGET = ("spent_amount", "promised_amount", "held_amount")


def apply(changes: Iterable[Change]) -> None:
    """Move the counters; where a budget was crossed, the campaign's codes wait to be switched at Stripe."""
    merged: dict[int, Change] = {}
    for change in changes:
        known = merged.get(change.code.pk)
        merged[change.code.pk] = known + change if known else change
    for change in sorted(merged.values(), key=lambda change: (change.code.campaign_id or 0, change.code.pk)):
        if change.code.campaign is not None and change.budget:
            _move_budget(change.code.campaign, change)
    for _, change in sorted(merged.items()):
        if change.used or change.held:
            PromoCode.objects.filter(pk=change.code.pk).update(
                used_count=F("used_count") + change.used, held_count=F("held_count") + change.held
            )
            remaining.look_again(change.code)


def mark_pending(**codes: object) -> None:
    """Have the worker compare these codes with Stripe again; conflicts wait for the owner's word."""
    PromoCode.objects.not_archived().filter(**codes).exclude(
        sync_status=PromoCode.SyncStatus.CONFLICT
    ).update(sync_status=PromoCode.SyncStatus.PENDING, sync_error="", next_try_at=None)


def _move_budget(campaign: Campaign, change: Change) -> None:
    row = Campaign.objects.filter(pk=campaign.pk)
    row.update(**{name: F(name) + amount for name, amount in change.budget.items()})
    moved = change.spent_amount + change.promised_amount
    if campaign.budget_amount is None or not moved:
        return
    # The row is locked by now: this is the very order that crossed the line.
    committed = sum(row.values_list("spent_amount", "promised_amount").get())
    if (committed >= campaign.budget_amount) != (committed - moved >= campaign.budget_amount):
        mark_pending(campaign=campaign)
