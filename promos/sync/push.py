"""Bringing Stripe to what a code's row wants: compare, act on the difference; run twice, nothing happens.

The web process never comes here. A code is claimed with a lease; no transaction
is open while Stripe is asked; each step leaves rows from which the next goes on,
wherever this one was stopped. See generations for the steps.
"""

from __future__ import annotations

import logging
from datetime import datetime
from functools import partial

from django.db import DatabaseError

from promos import leases, stripe_gateway
from promos.models import PromoCode, StripePromotionCode
from promos.sync import generations, pull, refusals, terms
from promos.sync.generations import Made, Step
from promos.sync.run import LEASE, Run

logger = logging.getLogger(__name__)

#: More are needed only when the code is edited meanwhile.
MOST_STEPS = 12

SyncStatus = PromoCode.SyncStatus
State = StripePromotionCode.State

__all__ = ["LEASE", "push", "work"]


def work(now: datetime, *, limit: int = 1) -> int:
    """Push up to ``limit`` due codes and return how many were claimed.

    Raises:
        stripe_gateway.NotAuthorised: the key is wrong; the codes stay pending.
    """
    claimed = leases.claim(PromoCode.objects.due_for_push(now), now=now, lease=LEASE, limit=limit)
    for code in claimed:
        push(code, now=now)
    return len(claimed)


def push(code: PromoCode, *, now: datetime) -> None:
    """Bring Stripe to what a claimed code wants and save how it went; temporary trouble is tried again for ever.

    Raises:
        stripe_gateway.NotAuthorised: the key is wrong; the code stays pending.
    """
    run = Run(code, now=now)
    try:
        _push(run)
    except generations.ChangedThere as changed:
        # The pull leaves alone what is being pushed.
        run.end(sync_status=SyncStatus.PENDING, next_try_at=None)
        _pull(changed.promotion_code_id, now=run.now)
    except leases.Lost:
        logger.warning("Code %s took too long to push; another worker has it now", code.pk)


def _pull(promotion_code_id: str, *, now: datetime) -> None:
    try:
        pull.promotion_code(promotion_code_id, now=now)
    except stripe_gateway.Unavailable as error:
        logger.warning("Promotion code %s could not be taken over yet: %s", promotion_code_id, error)


def _push(run: Run) -> None:
    try:
        _bring_about(run)
    except (stripe_gateway.Unavailable, stripe_gateway.Conflict, refusals.TextTaken) as error:
        _try_later(run, str(error))
    except stripe_gateway.NotAuthorised as error:
        _try_later(run, str(error))
        raise
    except refusals.ForeignCode as error:
        _give_up(run, SyncStatus.CONFLICT, str(error))
    except refusals.Refused as error:
        _give_up(run, SyncStatus.ERROR, str(error))
    except stripe_gateway.Rejected as error:
        _give_up(run, SyncStatus.ERROR, refusals.in_words(error))
    except (DatabaseError, generations.ChangedThere, leases.Lost):
        raise
    except Exception as error:
        # One strange row must not stop the others, which wait behind it.
        logger.exception("Code %s could not be pushed", run.code.pk)
        _try_later(run, f"{type(error).__name__}: {error}")


def _bring_about(run: Run) -> None:
    made: Made | None = None
    for _ in range(MOST_STEPS):
        step = _decided(run, made)
        if step is None:
            return
        made = step()
    raise stripe_gateway.Unavailable("The code was changed again and again while it was pushed.")


def _decided(run: Run, made: Made | None) -> Step | None:
    """Decide; what was made for a code that another worker has by now is left to it."""
    try:
        return _decide(run, made)
    except leases.Lost:
        if made is not None:
            made.leave()
        raise


def _decide(run: Run, made: Made | None) -> Step | None:
    """Save what the last step made and return what to do next; when nothing is left to do, save that too.

    All under the code's lock: an edit comes before it or marks the code pending again.
    """
    with run.saving():
        if made is not None:
            made.save()
        run.read()
        if run.code.sync_status == SyncStatus.CONFLICT:
            # Found meanwhile: the owner has the word.
            run.end()
            return None
        step = _next_step(run)
        if step is None:
            run.end(
                sync_status=SyncStatus.SYNCED,
                sync_error="",
                synced_at=run.now,
                sync_attempts=0,
                next_try_at=terms.next_change_at(run.code, run.now),
            )
        return step


def _next_step(run: Run) -> Step | None:
    """Return what to do first about the difference between the code and Stripe; None when there is none."""
    rows = list(run.code.stripe_promotion_codes.select_related("stripe_coupon").order_by("generation"))
    for row in rows:
        if row.is_left_active:
            return partial(generations.switch_off, run, row)
        if row.state == State.CREATING:
            return partial(generations.finish, run, row)
    for row in rows:
        if row.state == State.CURRENT:
            changed = terms.outstanding(run.code, row, now=run.now)
            return partial(generations.change, run, row) if changed else None
    number = rows[-1].generation + 1 if rows else 1
    return generations.begin(run, number) if terms.is_wanted(run.code, now=run.now) else None


def _try_later(run: Run, reason: str) -> None:
    logger.warning("Code %s could not be pushed yet: %s", run.code.pk, reason)
    attempts = run.code.sync_attempts + 1
    run.end(
        sync_status=SyncStatus.PENDING,
        sync_error=reason,
        sync_attempts=attempts,
        next_try_at=run.now + leases.wait(attempts),
    )


def _give_up(run: Run, status: SyncStatus, reason: str) -> None:
    """Save that only the owner can help, unless the code was edited since: then what it wants now is tried."""
    tried = _wish(run.code)
    with run.saving():
        run.read()
        if _wish(run.code) == tried:
            run.end(sync_status=status, sync_error=reason, next_try_at=None)
        else:
            run.end(sync_status=SyncStatus.PENDING, sync_error=reason, next_try_at=None)


def _wish(code: PromoCode) -> tuple[object, ...]:
    """Return what an edit of the code or its offer changes."""
    return (code.updated_at, code.offer_id, terms.of_offer(code.offer))
