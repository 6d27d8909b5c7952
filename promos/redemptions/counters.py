"""The counters and totals that all redemptions of a code or a campaign share, moved at the end of their transaction.

They are the rows that most buyers meet on, so they are locked last, for the
shortest time, and always in the same order: campaigns, codes, totals, each by key.

A code may come under another campaign after it was read (promos.budgets), and a
campaign under another currency. Whoever moves a code locks the campaigns first, and the
code after them; so once its campaign's row is ours, that row says for certain in which
currency it counts, and the code's own whether that campaign was the right one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from functools import wraps
from typing import Concatenate, ParamSpec

from django.db.models import F

from promos import remaining, statements
from promos.models import Campaign, CheckoutAttempt, PromoCode
from promos.redemptions import changed_histories, totals
from promos.redemptions.totals import Move


@dataclass(frozen=True)
class Change:
    """What moves on a code's counters and on its campaign's (minor units of the campaign's currency), and in the totals.

    ``uncounted_amount`` is how much moved that was no campaign's, in the order's currency: who takes the code into
    a campaign at that moment has to be told from who does so before or after.
    """

    code: PromoCode | None
    used: int = 0
    held: int = 0
    spent_amount: int = 0
    promised_amount: int = 0
    held_amount: int = 0
    uncounted_amount: int = 0
    moves: tuple[Move, ...] = ()

    def __add__(self, other: Change) -> Change:
        return replace(self, **{name: getattr(self, name) + getattr(other, name) for name in _COUNTERS})

    @property
    def is_felt(self) -> bool:
        """Whether the code or its campaign has to be looked at."""
        return any(getattr(self, name) for name in _COUNTERS)

    @property
    def budget(self) -> dict[str, int]:
        """What moves on the campaign, without what stays."""
        amounts = {name: getattr(self, name) for name in _BUDGET}
        return {name: amount for name, amount in amounts.items() if amount}


P = ParamSpec("P")
_OnCheckout = Callable[Concatenate[CheckoutAttempt, P], None]
_COUNTERS = tuple(field.name for field in fields(Change) if field.name not in {"code", "moves"})
_COUNT = """
UPDATE promo_codes SET used_count = used_count + %s, held_count = held_count + %s
WHERE id = %s AND COALESCE(campaign_id, 0) = %s
"""
_BUDGET = ("spent_amount", "promised_amount", "held_amount")


class Moved(Exception):
    """A code has left its campaign, or that one its currency, since it was read: what was worked out is void; begin again."""


def apply(changes: Iterable[Change]) -> None:
    """Move counters and totals; where a budget was crossed, the campaign's codes wait to be switched at Stripe.

    Call it once in a transaction, with all that changed in it.

    Raises:
        Moved: a code is under another campaign now, or that one under another currency; the transaction must
            not be kept.
    """
    changes = list(changes)
    merged: dict[PromoCode, Change] = {}
    for change in changes:
        if change.code is not None:
            known = merged.get(change.code)
            merged[change.code] = known + change if known else change
    for code, change in sorted(merged.items(), key=lambda item: (item[0].campaign_id or 0, item[0].pk)):
        if code.campaign is not None and change.is_felt:
            _move_budget(code.campaign, change)
    for code, change in sorted(merged.items(), key=lambda item: item[0].pk):
        if change.is_felt:
            _count(code, change)
    moves = [move for change in changes for move in change.moves]
    statements.change_in_turn([*changed_histories.note(moves), *totals.additions(moves)])


def once_more_if_moved(operation: _OnCheckout[P]) -> _OnCheckout[P]:
    """Have an operation on a checkout, in a transaction of its own, begin again if the checkout's code was moved."""

    @wraps(operation)
    def wrapped(attempt: CheckoutAttempt, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            operation(attempt, *args, **kwargs)
        except Moved:
            attempt.refresh_from_db(fields=["promo_code", "held_amount", "promised_amount"])
            operation(attempt, *args, **kwargs)

    return wrapped


def mark_pending(**codes: object) -> None:
    """Have the worker compare these codes with Stripe again; conflicts wait for the owner's word."""
    PromoCode.objects.not_archived().filter(**codes).exclude(
        sync_status=PromoCode.SyncStatus.CONFLICT
    ).update(sync_status=PromoCode.SyncStatus.PENDING, sync_error="", next_try_at=None)


def _count(code: PromoCode, change: Change) -> None:
    if not statements.change(_COUNT, [change.used, change.held, code.pk, code.campaign_id or 0]):
        raise Moved(f"{code} is under another campaign now.")
    if change.used or change.held:
        remaining.look_again(code)


def _move_budget(campaign: Campaign, change: Change) -> None:
    row = Campaign.objects.filter(pk=campaign.pk, currency=campaign.currency)
    amounts: dict[str, object] = {name: F(name) + amount for name, amount in change.budget.items()}
    # Without an amount it is locked all the same: that there is none follows from its currency.
    if not row.update(**amounts or {"currency": campaign.currency}):
        raise Moved(f"{campaign} is kept in another currency now.")
    moved = change.spent_amount + change.promised_amount
    if campaign.budget_amount is None or not moved:
        return
    # The row is locked by now: this is the very order that crossed the line.
    committed = sum(row.values_list("spent_amount", "promised_amount").get())
    if (committed >= campaign.budget_amount) != (committed - moved >= campaign.budget_amount):
        mark_pending(campaign=campaign)
