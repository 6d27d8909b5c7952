"""Whoever has no right to a code must not learn from the answer, nor from its time, whether there is one."""

import time
from datetime import datetime, timedelta
from itertools import combinations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from promos import plans
from promos.billing import code_checks, even_time
from promos.billing.bill import Bill
from promos.billing.code_checks import Entry
from promos.eligibility import NEUTRAL, Reason
from promos.models import CodeCheck, Customer
from tests import factories, shop
from tests.shop import Shop

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true", "HX-Trigger": "apply"}
CODES = ("NOSUCH", "EXPIRED", "USEDUP", "OTHERS")
ADDRESSES = ("/billing/check/", "/billing/checkout/")


@pytest.fixture
def plan(team: Shop) -> str:
    return team.monthly


@pytest.fixture
def bad_codes(plan: str, now: datetime) -> dict[str, str]:
    """One code for every neutral reason: text -> reason."""
    spent = factories.CampaignFactory(budget_amount=100, currency="usd", spent_amount=100)
    shop.give_code("SOON", starts_at=now + timedelta(days=1))
    shop.give_code("EXPIRED", expires_at=factories.LONG_AGO)
    shop.give_code("PAUSED", paused_at=factories.LONG_AGO)
    shop.give_code("USEDUP", max_redemptions=1, used_count=1)
    shop.give_code("OTHERS", customer=factories.CustomerFactory())
    shop.give_code("SPENT", campaign=spent)
    shop.give_code("WAITING", approved_at=None)
    return {
        "NOSUCH": "not_found",
        "SOON": "not_started",
        "EXPIRED": "expired",
        "PAUSED": "paused",
        "USEDUP": "used_up",
        "OTHERS": "other_customer",
        "SPENT": "budget_spent",
        "WAITING": "waiting_for_approval",
    }


def ask(buyer: Client, plan: str, text: str, address: str = ADDRESSES[0]) -> bytes:
    answer = buyer.post(address, {"plan": plan, "code": text}, headers=HTMX)
    # What was typed stands in the field and in links again, and Django masks its token anew for every page.
    token = answer.context["csrf_token"] if answer.context else ""
    page = answer.content.replace(str(token).encode(), b"").replace(f'value="{text}"'.encode(), b"")
    return page.replace(f"&amp;code={text}".encode(), b"")


@pytest.mark.parametrize("address", ADDRESSES)
def test_neutral_refusals_are_the_same_to_the_byte(
    buyer: Client, plan: str, bad_codes: dict[str, str], address: str
) -> None:
    assert {*bad_codes.values()} == {*NEUTRAL}
    assert len({ask(buyer, plan, text, address) for text in bad_codes}) == 1


def test_neutral_refusals_are_told_apart_in_the_log(
    buyer: Client, plan: str, bad_codes: dict[str, str]
) -> None:
    for text in bad_codes:
        ask(buyer, plan, text)
    assert dict(CodeCheck.objects.values_list("text", "reason")) == bad_codes


@pytest.mark.parametrize("address", ADDRESSES)
def test_neutral_refusals_take_the_same_queries(
    buyer: Client,
    plan: str,
    bad_codes: dict[str, str],
    django_assert_num_queries: DjangoAssertNumQueries,
    address: str,
) -> None:
    for text in bad_codes:
        ask(buyer, plan, text, address)
    with CaptureQueriesContext(connection) as first:
        ask(buyer, plan, "NOSUCH", address)
    for text in bad_codes:
        with django_assert_num_queries(len(first)):
            ask(buyer, plan, text, address)


def test_brake_tells_nothing_about_a_refused_code(
    plan: str, bad_codes: dict[str, str], now: datetime
) -> None:
    found = plans.get(plan)
    assert found
    told = set()
    for text in bad_codes:
        somebody = factories.CustomerFactory()
        # Six others, then the text as it is typed and as it is applied, and how many more there are before the brake.
        asked = [*(f"OTHER{number}" for number in range(6)), text, text, "ONE", "TWO"]
        entries = [Entry.BROUGHT] * 7 + [Entry.APPLIED] + [Entry.BROUGHT] * 2
        answers = [
            code_checks.check(each, customer=somebody, plan=found, now=now, entry=entry).public_reason
            for each, entry in zip(asked, entries, strict=True)
        ]
        told.add(tuple(answers))
    assert told == {(Reason.NOT_FOUND,) * 9 + (Reason.TRY_LATER,)}


@pytest.mark.parametrize("address", ADDRESSES)
def test_neutral_refusal_takes_a_full_step(
    buyer: Client, plan: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(even_time, "STEP_SECONDS", 0.3)
    began = time.perf_counter()
    ask(buyer, plan, "NOSUCH", address)
    assert time.perf_counter() - began >= 0.3


def test_exact_refusals_do_not_wait(buyer: Client, team: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.give_code("OTHERPLAN", offer={"product_ids": [team.yearly_product]})
    monkeypatch.setattr(even_time, "STEP_SECONDS", 5.0)
    began = time.perf_counter()
    ask(buyer, team.monthly, "OTHERPLAN")
    assert time.perf_counter() - began < 4


@pytest.mark.slow
def test_time_tells_nothing_about_a_refused_code(
    customer: Customer, plan: str, bad_codes: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A shorter step than in earnest: harder to keep to, and quicker to try.
    monkeypatch.setattr(even_time, "STEP_SECONDS", 0.006)
    times = measure(customer, plan, rounds=2000)
    for one, other in combinations(CODES, 2):
        assert 0.45 < chance_of_longer(times[one], times[other]) < 0.55, (one, other)


@pytest.mark.slow
def test_time_tells_which_codes_exist_without_care(
    customer: Customer, plan: str, bad_codes: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(even_time, "STEP_SECONDS", 1e-9)
    monkeypatch.setattr(code_checks, "HELD", {Reason.USED_UP, Reason.BUDGET_SPENT, Reason.CUSTOMER_LIMIT})
    times = measure(customer, plan, rounds=300)
    assert chance_of_longer(times["USEDUP"], times["NOSUCH"]) > 0.6


def measure(customer: Customer, plan_id: str, *, rounds: int) -> dict[str, list[float]]:
    """Ask for every code in turn, so that whatever slows the machine down slows all of them."""
    plan = plans.get(plan_id)
    assert plan
    times: dict[str, list[float]] = {text: [] for text in CODES}
    answers: set[Bill] = set()
    for _ in range(rounds):
        for text in CODES:
            began = time.perf_counter()
            verdict = code_checks.check(text, customer=customer, plan=plan, now=timezone.now())
            answers.add(Bill.of(plan, verdict))
            times[text].append(time.perf_counter() - began)
    assert len(answers) == 1
    return times


def chance_of_longer(one: list[float], other: list[float]) -> float:
    """Return how often a time of the one is longer than a time of the other: 0.5 when they tell nothing."""
    ranked = sorted([(seconds, 0) for seconds in one] + [(seconds, 1) for seconds in other])
    wins = shorter = 0
    for _seconds, whose in ranked:
        shorter += whose
        wins += 0 if whose else shorter
    return wins / (len(one) * len(other))
