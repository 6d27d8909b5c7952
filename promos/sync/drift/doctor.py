"""Running the doctor: by the hour, and on demand; what it found is kept."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from django.db import OperationalError
from django.db.models import Count, Min, QuerySet, Subquery

from promos import stripe_gateway
from promos.models import DriftFinding, PromoCode, ReconcileRun
from promos.models.drift import DriftFindingQuerySet
from promos.sync import pull
from promos.sync.drift import coupons, prices, promotion_codes, redemptions
from promos.sync.drift.survey import Difference, Kind, Survey

logger = logging.getLogger(__name__)

#: How long runs and what they found are kept.
KEEP = timedelta(days=30)

Outcome = DriftFinding.Outcome
SyncStatus = PromoCode.SyncStatus
#: Called with the number of objects seen so far.
Watch = Callable[[int], None]


def due(now: datetime) -> bool:
    """Say whether nobody has begun this hour's run yet."""
    return not ReconcileRun.objects.filter(hour=_hour(now)).exists()


def work(now: datetime) -> int:
    """Make this hour's run, if no other worker makes it, and return how many were made.

    Raises:
        stripe_gateway.NotAuthorised: the key is wrong.
    """
    if not due(now):
        return 0
    started = {"is_repairing": True, "started_at": now}
    row, is_ours = ReconcileRun.objects.get_or_create(hour=_hour(now), defaults=started)
    if is_ours:
        ReconcileRun.objects.filter(started_at__lt=now - KEEP).delete()
        _run(row, lambda seen: None)
    return int(is_ours)


def run(*, is_repairing: bool, now: datetime, watch: Watch = lambda seen: None) -> ReconcileRun:
    """Compare everything now; a run that Stripe cut short keeps what it found and says why in ``error``.

    Raises:
        stripe_gateway.NotAuthorised: the key is wrong.
    """
    row = ReconcileRun.objects.create(is_repairing=is_repairing, started_at=now)
    _run(row, watch)
    return row


def last() -> ReconcileRun | None:
    """Return the newest finished run."""
    return _finished().first()


def left() -> DriftFindingQuerySet:
    """Return what the newest run found and nobody has repaired."""
    return DriftFinding.objects.left().filter(run=Subquery(_finished().values("pk")[:1]))


def look_at_prices(now: datetime) -> None:
    """Let fixed prices follow a list price that an event has just told of; the owner finds it on the page.

    What no price can be found for waits for the next run: the new price's event may still be on its way.
    """
    for difference in prices.mirrored_differences():
        if difference.repair is not None:
            _keep(difference, run=None, is_repairing=True, now=now)


def _finished() -> QuerySet[ReconcileRun]:
    return ReconcileRun.objects.filter(finished_at__isnull=False).order_by("-started_at", "-pk")


def _hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)


def _run(row: ReconcileRun, watch: Watch) -> None:
    survey = Survey(row.started_at)
    try:
        for difference in _differences(survey):
            _keep(difference, run=row, is_repairing=row.is_repairing, now=survey.now)
            watch(survey.objects_seen)
    except stripe_gateway.StripeError as error:
        row.error = str(error)
        if isinstance(error, stripe_gateway.NotAuthorised):
            raise
    except Exception as error:
        # What comes after it was not compared, which the owner has to know.
        logger.exception("The comparison with Stripe broke off")
        row.error = f"{type(error).__name__}: {error}"
    finally:
        row.finished_at, row.objects_seen = survey.now, survey.objects_seen
        row.save(update_fields=["finished_at", "objects_seen", "error"])


def _differences(survey: Survey) -> Iterator[Difference]:
    """Yield what may be different; coupons before the codes that need them, and what is left to the owner last."""
    yield from prices.differences(survey)
    yield from coupons.differences(survey)
    yield from promotion_codes.differences(survey)
    yield from redemptions.differences(survey)
    yield from _waiting(SyncStatus.CONFLICT, Kind.CONFLICT, "waits for your word")
    yield from _waiting(SyncStatus.ERROR, Kind.NOT_PUSHED, "could not be pushed")


def _waiting(status: str, kind: Kind, what: str) -> Iterator[Difference]:
    """Yield one difference for all codes of an offer that stand alike."""
    rows = PromoCode.objects.filter(sync_status=status).values("offer")
    for group in rows.annotate(count=Count("pk"), first=Min("pk")).order_by("offer"):
        code = PromoCode.objects.select_related("offer").get(pk=group["first"])
        others = group["count"] - 1
        who = f"{code} and {others} more of {code.offer}" if others else str(code)
        yield Difference(kind, f"{who} {what}: {code.sync_error}", code, offer=code.offer)


def _keep(difference: Difference, *, run: ReconcileRun | None, is_repairing: bool, now: datetime) -> None:
    """Save a difference with what became of it, unless it turns out to be none."""
    try:
        is_real, outcome, problem = _treated(difference, is_repairing=is_repairing)
    except pull.InMotion:
        return
    if is_real:
        DriftFinding.objects.create(
            run=run,
            found_at=now,
            kind=difference.kind,
            sentence=f"{difference.sentence}{problem}",
            outcome=outcome,
            promo_code=difference.code,
            offer=difference.offer,
            stripe_id=difference.stripe_id,
        )


def _treated(difference: Difference, *, is_repairing: bool) -> tuple[bool, str, str]:
    """Return whether the difference was one, what became of it, and what stood in the way, in words."""
    if difference.repair is None:
        return True, Outcome.FOR_OWNER, ""
    if not is_repairing:
        return difference.look(), Outcome.FOUND, ""
    try:
        return difference.repair(), Outcome.REPAIRED, ""
    except stripe_gateway.Rejected as error:
        logger.warning("Could not repair: %s %s", difference.sentence, error)
        return True, Outcome.FOR_OWNER, f" It could not be repaired: {error}"
    except (stripe_gateway.StripeError, OperationalError):
        raise
    except Exception as error:
        # One strange object must not keep those behind it from being compared.
        logger.exception("Could not repair: %s", difference.sentence)
        return True, Outcome.FOR_OWNER, f" It could not be repaired: {type(error).__name__}: {error}"
