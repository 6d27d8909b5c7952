"""A push that is stopped dead at any point, with Stripe failing now and then, is finished by the next ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from promos.models import PromoCode
from promos.standin.server import Standin
from promos.sync import push
from tests import audit
from tests.factories import PromoCodeFactory
from tests.flows import naive_push
from tests.flows.crashing import Point, killed_at, points
from tests.standin.faults import Faults
from tests.standin.keys import KeyBook

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

REPETITIONS = 20
FAULTY_SHARE = 0.15

Work = Callable[[datetime], int]


class Stage:
    """A stand-in that fails by chance, the book of its keys, and a clock that only the test moves."""

    def __init__(self, standin: Standin, now: datetime) -> None:
        self.faults, self.now = Faults(standin), now
        self.book = KeyBook(standin)

    def work(self, work: Work = push.work) -> None:
        while work(self.now):
            pass

    def later(self) -> None:
        """Let every lease run out and every wait end."""
        self.now += timedelta(minutes=20)

    def heal(self, work: Work = push.work, *, rounds: int = 8) -> list[str]:
        """Let workers run as long as they need, first beside faults, then without, and return what is wrong."""
        for round_ in range(rounds):
            if round_ == 1:
                self.faults.clear()
            self.later()
            self.work(work)
        return audit.problems(self.book, now=self.now)


@pytest.fixture
def stage(standin: Standin, now: datetime) -> Iterator[Stage]:
    built = Stage(standin, now)
    yield built
    built.faults.clear()


def create(stage: Stage) -> None:
    PromoCodeFactory(max_redemptions=10)


def edit_into_a_successor(stage: Stage) -> None:
    code = _pushed(stage)
    code.code, code.max_redemptions = f"{code.code}-NEW", 20
    code.offer.percent_off = Decimal(30)
    code.offer.save()
    code.save()


def archive(stage: Stage) -> None:
    code = _pushed(stage)
    code.archived_at = stage.now
    code.save()


def _pushed(stage: Stage) -> PromoCode:
    stage.faults.clear()
    code = PromoCodeFactory(max_redemptions=10)
    stage.work()
    return PromoCode.objects.get(pk=code.pk)


EVERYWHERE = points("claim", "decision", "lease", "save", "ack")
CREATING = points("coupon choice", "coupon send", "coupon save", "begin", "create", "code send", "code save")
SWITCHING = points("look", "switch send", "switch save")
RETIRING = points("retire", "retired off")
CASES = [
    *((create, point) for point in EVERYWHERE + CREATING),
    *((edit_into_a_successor, point) for point in EVERYWHERE + CREATING + RETIRING + SWITCHING),
    *((archive, point) for point in EVERYWHERE + SWITCHING),
]


@pytest.mark.parametrize(("operation", "point"), CASES, ids=lambda each: getattr(each, "__name__", str(each)))
def test_push_killed_at_any_point_is_finished_by_the_next(
    stage: Stage, operation: Callable[[Stage], None], point: Point
) -> None:
    reached = 0
    for seed in range(REPETITIONS):
        operation(stage)
        stage.faults.by_chance(FAULTY_SHARE if seed % 2 else 0, seed=seed)
        with killed_at(point, call=1 + seed % 3) as watch:
            stage.work()
        reached += watch.was_reached
        stage.later()
        stage.work()
    assert reached >= REPETITIONS / 4
    assert stage.heal() == []


@pytest.mark.parametrize("point", points("coupon send", "code send"), ids=str)
def test_naive_push_does_not_survive_a_kill_after_sending(stage: Stage, point: Point) -> None:
    for _ in range(REPETITIONS):
        create(stage)
        with killed_at(point):
            stage.work(naive_push.work)
    wrong = stage.heal(naive_push.work)
    assert bool(wrong) is (not point.is_before and point.name == "code send")
