from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from promos import brake
from promos.billing import visitors
from promos.brake import Braked, Limit, Visitor
from promos.models import BrakeCounter, CodeCheck, Customer
from tests import factories
from tests.crowd import at_once

HOUR = timedelta(hours=1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@given(st.lists(st.floats(0, 1200), max_size=300))
def test_no_hour_has_more_answers_than_the_limit_says(pauses: list[float]) -> None:
    """Somebody who asks whenever they like, and again exactly when they are told to."""
    limit, count, last, moment, answered = brake.PERSON, 0.0, 0.0, 0.0, []
    for pause in [*pauses, *[0.0] * 60]:
        moment += pause
        since = timedelta(seconds=moment - last)
        moment += limit.wait(limit.leaked(count, since=since), since=since).total_seconds()
        count = limit.leaked(count, since=timedelta(seconds=moment - last)) + 1
        last = moment
        answered.append(moment)
    assert all(sum(start <= at < start + 3600 for at in answered) <= 30 for start in answered)


def test_waits_grow_until_the_count_leaks() -> None:
    limit = Limit(freely=2, most=5, per_hour=5)
    waits = [limit.wait(count, since=timedelta()) for count in range(6)]
    assert [wait.total_seconds() for wait in waits] == [0, 0, 2, 4, 8, 720]


def ask(times: int, *, visitor: Visitor, customer: Customer | None = None, now: datetime = NOON) -> int:
    """Ask so many times at once and return how often there was an answer."""
    answers = 0
    for _ in range(times):
        try:
            brake.take(visitor, customer=customer, now=now)
        except Braked:
            continue
        answers += 1
    return answers


@pytest.mark.django_db
def test_take_brakes_an_account_over_all_its_sessions(customer: Customer) -> None:
    answers = [ask(5, visitor=Visitor(session=f"s{n}"), customer=customer) for n in range(3)]
    assert answers == [5, 3, 0]


@pytest.mark.django_db
def test_take_brakes_a_network_over_all_its_accounts() -> None:
    people = [factories.CustomerFactory() for _ in range(30)]
    visitor = Visitor(network="192.0.2.1")
    assert sum(ask(5, visitor=visitor, customer=person) for person in people) == brake.NETWORK.most
    assert ask(1, visitor=Visitor(network="192.0.2.2"), customer=people[-1]) == 1


@pytest.mark.django_db
def test_take_lets_go_on_after_a_while(customer: Customer) -> None:
    ask(20, visitor=Visitor(), customer=customer)
    assert ask(20, visitor=Visitor(), customer=customer, now=NOON + HOUR) == brake.PERSON.freely


@pytest.mark.django_db
def test_take_says_how_long_to_wait(customer: Customer) -> None:
    ask(8, visitor=Visitor(), customer=customer)
    with pytest.raises(Braked) as braked:
        brake.take(Visitor(), customer=customer, now=NOON)
    assert braked.value.wait == timedelta(seconds=2)


@pytest.mark.django_db
def test_take_brakes_everybody_when_too_many_codes_were_refused(customer: Customer) -> None:
    BrakeCounter.objects.create(key=brake.EVERYBODY, count=brake.ALL_REFUSALS.most, counted_at=NOON)
    assert ask(1, visitor=Visitor(), customer=customer) == 0


@pytest.mark.django_db
def test_counters_name_neither_addresses_nor_sessions() -> None:
    ask(1, visitor=Visitor(session="secret-session", network="192.0.2.1"))
    keys = " ".join(BrakeCounter.objects.values_list("key", flat=True))
    assert "secret" not in keys
    assert "192" not in keys


@pytest.fixture
def alarms() -> list[dict[str, object]]:
    heard: list[dict[str, object]] = []

    def hear(**told: object) -> None:
        heard.append(told)

    brake.guessing_suspected.connect(hear, weak=False)
    yield heard
    brake.guessing_suspected.disconnect(hear)


@pytest.mark.django_db
def test_jump_of_refusals_raises_one_alarm(alarms: list[dict[str, object]]) -> None:
    for _ in range(brake.ALARM_AT + 50):
        brake.refused(now=NOON)
    assert [alarm["failed"] for alarm in alarms] == [brake.ALARM_AT]


@pytest.mark.django_db
def test_usual_refusals_raise_no_alarm(alarms: list[dict[str, object]]) -> None:
    usual = 168 * brake.ALARM_AT // 2
    check = CodeCheck(text="NOPE", reason="not_found", checked_at=NOON - timedelta(days=1))
    CodeCheck.objects.bulk_create([check] * usual, batch_size=5000)
    for _ in range(brake.ALARM_AT + 50):
        brake.refused(now=NOON)
    assert alarms == []


@pytest.mark.django_db
def test_empty_finds_what_has_leaked_empty(customer: Customer) -> None:
    ask(3, visitor=Visitor(session="old"))
    ask(1, visitor=Visitor(), customer=customer, now=NOON + brake.FORGET_AFTER)
    [old] = brake.empty(NOON + brake.FORGET_AFTER + HOUR)
    assert old.key.startswith("session:")


@pytest.mark.parametrize(
    ("forwarded", "proxies", "network"),
    [
        ("", 0, "127.0.0.1"),
        ("203.0.113.9", 0, "127.0.0.1"),
        ("198.51.100.1, 203.0.113.9", 1, "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9", 2, "198.51.100.1"),
        ("2001:db8::1:2:3", 1, "2001:db8::/64"),
        ("::ffff:203.0.113.9", 1, "203.0.113.9"),
        ("junk", 1, ""),
        ("", 1, "127.0.0.1"),
    ],
)
def test_network_believes_only_our_own_proxies(
    forwarded: str, proxies: int, network: str, settings: Settings
) -> None:
    settings.TRUSTED_PROXY_COUNT = proxies
    request = RequestFactory().get("/", headers={"X-Forwarded-For": forwarded})
    assert visitors.network(request) == network


def naive_take(visitor: Visitor, *, customer: Customer | None, now: datetime) -> None:
    """The same without a lock: what several read at once, each of them writes."""
    limits = visitor.limits(customer)
    for key, limit in limits.items():
        counter = BrakeCounter.objects.filter(key=key).first() or BrakeCounter(key=key, counted_at=now)
        if limit.wait(counter.count, since=timedelta()):
            raise Braked(HOUR)
        BrakeCounter.objects.update_or_create(
            key=key, defaults={"count": counter.count + 1, "counted_at": now}
        )


def ask_at_once(take: Callable[..., None], customer: Customer) -> int:
    """Ask from many threads together, three times each; return how often there was an answer."""

    def client(_: int) -> int:
        answers = 0
        for _ in range(3):
            with suppress(Braked):
                take(Visitor(), customer=customer, now=NOON)
                answers += 1
        return answers

    return sum(at_once(client, range(12)))


@pytest.mark.slow
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_take_is_exact_when_many_ask_at_once(customer: Customer, stranger: User) -> None:
    people = [customer, *[factories.CustomerFactory() for _ in range(4)]]
    assert [ask_at_once(brake.take, person) for person in people] == [brake.PERSON.freely] * 5


@pytest.mark.slow
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_take_without_a_lock_answers_too_often(customer: Customer) -> None:
    people = [customer, *[factories.CustomerFactory() for _ in range(9)]]
    assert max(ask_at_once(naive_take, person) for person in people) > brake.PERSON.freely
