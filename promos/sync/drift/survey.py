"""What one run of the doctor carries along, and what it says of a difference."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from itertools import islice
from typing import TypeVar

from promos.models import DriftFinding, Offer, PromoCode, StripePromotionCode

Kind = DriftFinding.Kind
#: A page of Stripe's lists, and of ours.
PAGE = 100

Item = TypeVar("Item")


@dataclass(frozen=True)
class Difference:
    """A suspicion, in one sentence.

    ``look`` asks whether it still holds and changes nothing. ``repair`` puts it
    right and says whether it did hold; without one it is for the owner.
    """

    kind: Kind
    sentence: str
    code: PromoCode | None = None
    offer: Offer | None = None
    stripe_id: str = ""
    look: Callable[[], bool] = field(default=lambda: True, compare=False)
    repair: Callable[[], bool] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Gap:
    """Uses of a promotion code that Stripe counts and nobody here has recorded."""

    generation: StripePromotionCode
    uses: int


class Death(Enum):
    """Why nobody can redeem a coupon any more."""

    EXPIRED = "expired"
    USED_UP = "used up"
    DELETED = "deleted"


class Survey:
    """One run: its clock, and what one part of it tells the next."""

    def __init__(self, started_at: datetime) -> None:
        self.started_at, self.began = started_at, time.monotonic()
        self.objects_seen = 0
        self.dead_coupons: dict[str, Death] = {}
        self.gaps: list[Gap] = []

    @property
    def now(self) -> datetime:
        return self.started_at + timedelta(seconds=time.monotonic() - self.began)

    def pages(self, found: Iterable[Item]) -> Iterator[list[Item]]:
        """Yield what a list at Stripe has, a page at a time."""
        for page in pages(found):
            self.objects_seen += len(page)
            yield page


def pages(items: Iterable[Item]) -> Iterator[list[Item]]:
    iterator = iter(items)
    while page := list(islice(iterator, PAGE)):
        yield page
