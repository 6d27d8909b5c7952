"""The brake on guessing: how many answers about codes an account, a session and a network may get.

Every answer counts, whatever it was, and what is counted leaks away with time.
Only the same question again is free for a while, whatever its answer: were it
free for codes that exist alone, the brake itself would tell which do.
The counters are rows, locked while they are looked at, so that the limits hold
over any number of processes. A limit on everybody together counts refusals
only: a rush of customers with good codes must not close the shop.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.dispatch import Signal
from django.utils.crypto import salted_hmac

from promos import eligibility
from promos.models import BrakeCounter, CodeCheck, Customer

logger = logging.getLogger(__name__)

#: Sent once per jump of failed checks, with ``now`` and ``failed``, about how many failed in the last hour.
guessing_suspected = Signal()

EVERYBODY = "everybody"
#: A jump: so many failed checks within about an hour, and so many times what is usual.
ALARM_AT, ALARM_FACTOR = 200, 5
USUAL_OVER = timedelta(days=7)
ALARM_AGAIN_AFTER = timedelta(hours=1)
#: The same question again within this time is one question: pages ask again when the plan changes back and forth.
REPEATS_WITHIN = timedelta(minutes=30)
#: By then every counter has leaked empty.
FORGET_AFTER = timedelta(days=2)


@dataclass(frozen=True)
class Limit:
    """A leaky count of answers. In no hour are there more than ``most`` + ``per_hour`` of them.

    After ``freely`` answers in a row the waits grow: two seconds, four, eight…
    """

    freely: int
    most: int
    per_hour: int

    def leaked(self, count: float, *, since: timedelta) -> float:
        """Return what is left of a count after some time."""
        return max(0.0, count - self.per_hour * max(since, timedelta()) / timedelta(hours=1))

    def wait(self, count: float, *, since: timedelta) -> timedelta:
        """Return how long the next answer has to wait, with ``count`` left of those before, the last one ``since``."""
        if count + 1 > self.most:
            return (count + 1 - self.most) * timedelta(hours=1) / self.per_hour
        if count <= self.freely - 1:
            return timedelta()
        return max(timedelta(), timedelta(seconds=2 ** (count - self.freely + 1)) - since)


PERSON = Limit(freely=8, most=15, per_hour=15)
NETWORK = Limit(freely=100, most=100, per_hour=400)
ALL_REFUSALS = Limit(freely=3000, most=3000, per_hour=6000)
#: Left of what one gets freely by a page that asks while somebody types: who types slowly must not be braked for that.
LEFT_BY_TYPING = 4


class Braked(Exception):
    """Too much was tried; nothing was looked up."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(f"Wait {wait}")
        self.wait = wait


class LeftForLater(Braked):
    """Nothing more for now to who still types: what is left is for when they press a button."""

    def __init__(self) -> None:
        super().__init__(timedelta())


@dataclass(frozen=True)
class Visitor:
    """Whence a request came: any texts that tell one session or network from another; empty when not known."""

    session: str = ""
    network: str = ""

    def limits(self, customer: Customer | None) -> dict[str, Limit]:
        """Return what an answer to this visitor counts for: counter key -> limit."""
        limits = {}
        if customer:
            limits[f"account:{customer.pk}"] = PERSON
        if self.session:
            limits[f"session:{_hashed(self.session)}"] = PERSON
        if self.network:
            limits[f"network:{_hashed(self.network)}"] = NETWORK
        return limits


@transaction.atomic
def take_about(text: str, visitor: Visitor, *, customer: Customer, now: datetime, leaving: int = 0) -> None:
    """Count one answer about this text, unless the customer had one lately; so many more have to be ``leaving``.

    Raises:
        Braked: as ``take``.
    """
    key = f"asked:{customer.pk}:{_hashed(text)}"
    if BrakeCounter.objects.filter(key=key, counted_at__gt=now - REPEATS_WITHIN).exists():
        return
    take(visitor, customer=customer, now=now, leaving=leaving)
    BrakeCounter.objects.bulk_create(
        [BrakeCounter(key=key, counted_at=now)],
        update_conflicts=True,
        unique_fields=["key"],
        update_fields=["counted_at"],
    )


@transaction.atomic
def take(visitor: Visitor, *, customer: Customer | None, now: datetime, leaving: int = 0) -> None:
    """Count one answer about a code, which the caller gives next.

    Raises:
        Braked: one of the limits is reached; with how long to wait. Nothing was counted.
        LeftForLater: one of them would be, with so many more as have to be ``leaving``.
    """
    limits = visitor.limits(customer)
    counters = _locked(limits, now=now)
    # Read without its lock, which every answer of everybody would queue for; a few too many do no harm here.
    everybody = BrakeCounter.objects.filter(key=EVERYBODY)
    waits = [_wait(counter, ALL_REFUSALS, now=now) for counter in everybody]
    waits += [_wait(counter, limits[counter.key], now=now) for counter in counters]
    if any(waits):
        raise Braked(max(waits))
    if any(_wait(counter, limits[counter.key], now=now, leaving=leaving) for counter in counters):
        raise LeftForLater
    _count(counters, limits, now=now)


def refused(*, now: datetime) -> None:
    """Count a refused code for everybody together, and raise the alarm when that makes a jump."""
    with transaction.atomic():
        [counter] = _locked([EVERYBODY], now=now)
        _count([counter], {EVERYBODY: ALL_REFUSALS}, now=now)
        is_jump = _is_jump(counter, now=now)
        if is_jump:
            BrakeCounter.objects.filter(pk=counter.pk).update(alarmed_at=now)
    if is_jump:
        logger.error("About %d codes were refused within an hour: somebody may be guessing", counter.count)
        guessing_suspected.send(sender=None, now=now, failed=int(counter.count))


def empty(now: datetime) -> QuerySet[BrakeCounter]:
    """Return the counters that have long leaked empty."""
    return BrakeCounter.objects.filter(counted_at__lt=now - FORGET_AFTER).exclude(key=EVERYBODY)


def _locked(keys: Iterable[str], *, now: datetime) -> list[BrakeCounter]:
    """Return the counters of these keys, made when they are new, locked in one order so that nobody deadlocks."""
    wanted = sorted(keys)
    counters = BrakeCounter.objects.select_for_update().filter(key__in=wanted).order_by("key")
    found = list(counters)
    if len(found) < len(wanted):
        missing = set(wanted) - {counter.key for counter in found}
        new = [BrakeCounter(key=key, counted_at=now) for key in sorted(missing)]
        BrakeCounter.objects.bulk_create(new, ignore_conflicts=True)
        found = list(counters.all())
    return found


def _count(counters: list[BrakeCounter], limits: Mapping[str, Limit], *, now: datetime) -> None:
    for counter in counters:
        counter.count = _left(counter, limits[counter.key], now=now) + 1
        counter.counted_at = max(now, counter.counted_at)
    BrakeCounter.objects.bulk_update(counters, ["count", "counted_at"])


def _wait(counter: BrakeCounter, limit: Limit, *, now: datetime, leaving: int = 0) -> timedelta:
    return limit.wait(_left(counter, limit, now=now) + leaving, since=now - counter.counted_at)


def _left(counter: BrakeCounter, limit: Limit, *, now: datetime) -> float:
    return limit.leaked(counter.count, since=now - counter.counted_at)


def _is_jump(counter: BrakeCounter, *, now: datetime) -> bool:
    """Say whether so many refusals are news; what is usual is counted only when there are many."""
    if counter.count < ALARM_AT or (counter.alarmed_at and now - counter.alarmed_at < ALARM_AGAIN_AFTER):
        return False
    recent = CodeCheck.objects.filter(checked_at__gt=now - USUAL_OVER, reason__in=eligibility.NEUTRAL)
    usual_per_hour = recent.count() / (USUAL_OVER / timedelta(hours=1))
    return counter.count >= ALARM_FACTOR * usual_per_hour


def _hashed(text: str) -> str:
    return salted_hmac("promos.brake", text).hexdigest()[:32]
