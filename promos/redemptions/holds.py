"""Uses held while a checkout is open. Only here can a code still be refused."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection, transaction

from promos import statements
from promos.models import CheckoutAttempt
from promos.redemptions import counters, limits
from promos.redemptions.counters import Change

#: How long after a checkout's end its event may take before the worker asks Stripe.
EVENT_GRACE = timedelta(minutes=2)
_SETTLE = "UPDATE promos_checkoutattempt SET state = %s, settled_at = %s WHERE id = %s AND state IN (%s, %s)"


@transaction.atomic
def hold(attempt: CheckoutAttempt) -> CheckoutAttempt:
    """Save a new attempt and hold one use of its code, and its discount of the campaign's budget.

    Raises:
        NothingLeft: the last use, the customer's last use or the budget is gone, or the code came under another
            campaign, or that one under another currency, this moment; nothing is saved.
    """
    code = attempt.promo_code
    if code is not None:
        limits.refuse_past_persons_limits(attempt, code)
    if code is None or code.campaign is None or code.campaign.currency != attempt.currency:
        # A budget is kept in one currency.
        attempt.held_amount = attempt.promised_amount = 0
    attempt.ask_at = attempt.expires_at + EVENT_GRACE
    attempt.save()
    if code is not None:
        limits.hold_budget(attempt, code.campaign)
        limits.hold_use(code)
    return attempt


@counters.once_more_if_moved
@transaction.atomic
def release(attempt: CheckoutAttempt, *, state: str, now: datetime) -> None:
    """Give back what an attempt holds; nothing happens when it was settled already."""
    counters.apply(settle(attempt, state=state, now=now))


def settle(attempt: CheckoutAttempt, *, state: str, now: datetime) -> list[Change]:
    """End an unsettled attempt; return what it gives back, nothing when it was settled already."""
    values = [state, connection.ops.adapt_datetimefield_value(now), attempt.pk, *limits.UNSETTLED]
    was_unsettled = statements.change(_SETTLE, values) == 1
    if not was_unsettled or attempt.promo_code is None:
        return []
    return [Change(attempt.promo_code, held=-1, held_amount=-attempt.held_amount)]
