"""Stopping a push dead at a named point, as a kill would: nothing behind the point runs, open transactions roll back.

The product has no hooks for this. A point lies before or after a function that
the push calls; the function is wrapped while the test runs. ``save`` is the
commit of one of its transactions.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest

from promos import leases, stripe_gateway
from promos.sync import coupons, generations, push
from promos.sync.run import Run


class Killed(BaseException):
    """Not an Exception: no error handler of the product may catch it."""


@dataclass(frozen=True)
class Point:
    """The moment before or after the n-th call of a function (from 1)."""

    name: str
    owner: Any
    function: str
    is_before: bool

    def __str__(self) -> str:
        return f"{'before' if self.is_before else 'after'} {self.name}"


_PLACES = {
    "claim": (leases, "claim"),
    "decision": (push, "_next_step"),
    "lease": (Run, "keep_lease"),
    "look": (stripe_gateway, "retrieve_promotion_code"),
    "coupon choice": (coupons, "_chosen"),
    "coupon send": (stripe_gateway, "create_coupon"),
    "coupon save": (coupons, "_mark_live"),
    "begin": (generations, "begin"),
    "create": (generations, "_create"),
    "code send": (stripe_gateway, "create_promotion_code"),
    "code save": (generations.Made, "save"),
    "retire": (generations, "_retire"),
    "retired off": (generations, "switch_off"),
    "switch send": (stripe_gateway, "update_promotion_code"),
    "switch save": (generations, "_save_active"),
    "save": (Run, "saving"),
    "ack": (Run, "end"),
}


def points(*names: str) -> list[Point]:
    """Return the points before and after each of these places."""
    return [Point(name, *_PLACES[name], is_before) for name in names for is_before in (True, False)]


class Watch:
    """Says whether the point was reached."""

    was_reached = False

    def kill(self) -> None:
        self.was_reached = True
        raise Killed


@contextmanager
def killed_at(point: Point, *, call: int = 1) -> Iterator[Watch]:
    """Run the block until the point is reached at that call."""
    watch, count = Watch(), itertools.count(1)
    original = getattr(point.owner, point.function)
    wrap = _wrapped_commit if point.name == "save" else _wrapped
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(point.owner, point.function, wrap(original, point, lambda: next(count) == call, watch))
        with suppress(Killed):
            yield watch


def _wrapped(
    original: Callable[..., Any], point: Point, is_it: Callable[[], bool], watch: Watch
) -> Callable[..., Any]:
    def stopping(*args: Any, **kwargs: Any) -> Any:
        is_now = is_it()
        if is_now and point.is_before:
            watch.kill()
        answer = original(*args, **kwargs)
        if is_now:
            watch.kill()
        return answer

    return stopping


def _wrapped_commit(
    original: Callable[..., Any], point: Point, is_it: Callable[[], bool], watch: Watch
) -> Callable[..., Any]:
    @contextmanager
    def stopping(run: Run) -> Iterator[None]:
        is_now = is_it()
        with original(run):
            yield
            if is_now and point.is_before:
                watch.kill()
        if is_now:
            watch.kill()

    return stopping
