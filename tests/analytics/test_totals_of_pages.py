"""Pages read kept totals where these have their very sums: both sources must say the same."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from random import Random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from analytics import kept
from analytics.measures import plan_mix, ranking, revenue, times
from analytics.measures.ranking import Order
from analytics.measures.times import Step
from analytics.measures.units import Unit
from analytics.periods import Period
from analytics.selection import Selection
from promos.models import CodeBatch, LedgerEntry, PromoCode
from tests.analytics.builders import after, buy, pay_back, redeem, renew, take_more_off
from tests.factories import OfferFactory, PromoCodeFactory

pytestmark = pytest.mark.django_db
QUARTER = Selection(Period(date(2026, 1, 1), date(2026, 4, 1)))
QUESTIONS: dict[str, Callable[[Selection], object]] = {
    "impact": revenue.impact,
    "orders": revenue.orders,
    "over time": revenue.over_time,
    "plans": plan_mix.orders,
    "net": lambda selection: ranking.net_amounts(
        replace(selection, currency="usd"),
        [
            *(Unit(code.pk) for code in PromoCode.objects.filter(batch=None)),
            *(Unit(0, batch.pk) for batch in CodeBatch.objects.all()),
        ],
    ),
    "days": lambda selection: times.over_time(selection, Step.DAY),
    "weeks": lambda selection: times.over_time(selection, Step.WEEK),
    "months": lambda selection: times.over_time(selection, Step.MONTH),
    **{
        order: lambda selection, order=order: ranking.ranking(
            replace(selection, currency="usd"), order, start=1, limit=4
        )
        for order in Order
    },
}


@pytest.fixture
def trade() -> None:
    """Orders of four codes, two of them in a batch, and of nobody's code, over three months."""
    dice = Random(5)  # noqa: S311 - a story, not a secret
    batch = CodeBatch.objects.create(offer=OfferFactory(), prefix="B-", pattern="XXX", requested=2)
    codes = [*PromoCodeFactory.create_batch(4), *(PromoCodeFactory(batch=batch) for _ in range(2))]
    for number in range(30):
        usage = redeem(
            codes[number % len(codes)],
            gross=dice.randrange(1_000, 9_000),
            discount=dice.randrange(0, 900, 300),
            at=after(dice.uniform(0, 85)),
            currency=dice.choice(("usd", "eur")),
            plan=dice.choice(("price_a", "price_b")),
            is_new_customer=number % 4 == 0,
        )
        if number % 3 == 0:
            take_more_off(usage, codes[(number + 1) % len(codes)], 250)
        renew(usage, gross=500, discount=0, at=after(dice.uniform(0, 85)))
        kind = dice.choice((LedgerEntry.Kind.REFUND, LedgerEntry.Kind.DISPUTE))
        pay_back(usage, dice.randrange(1, 400), kind=kind, at=after(dice.uniform(0, 85)))
        buy(at=after(dice.uniform(0, 85)), plan=dice.choice(("price_b", "price_c")))


@pytest.mark.usefixtures("trade")
def test_net_of_some_codes_reads_only_theirs() -> None:
    wanted = Unit(PromoCode.objects.filter(batch=None)[0].pk)

    with CaptureQueriesContext(connection) as asked:
        found = ranking.net_amounts(replace(QUARTER, currency="usd"), [wanted])

    assert list(found) == [wanted]
    assert f'"promo_code_id" IN ({wanted.promo_code_id})' in asked[0]["sql"]


@pytest.mark.parametrize("chosen", [{}, {"currency": "eur"}], ids=str)
@pytest.mark.usefixtures("trade")
def test_totals_and_rows_say_the_same(chosen: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    selection = replace(QUARTER, **chosen)
    by_totals = {words: ask(selection) for words, ask in QUESTIONS.items()}
    monkeypatch.setattr(kept, "is_exact", lambda period: False)
    monkeypatch.setattr(kept, "has_same_days", lambda period: False)

    assert selection.has_totals is False
    assert by_totals == {words: ask(selection) for words, ask in QUESTIONS.items()}
    assert all(by_totals.values())


@pytest.mark.usefixtures("trade")
def test_totals_of_a_plan_and_rows_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    selection = replace(QUARTER, plan="price_b")
    by_totals = (revenue.orders(selection), plan_mix.orders(selection))
    monkeypatch.setattr(kept, "is_exact", lambda period: False)

    assert by_totals == (revenue.orders(selection), plan_mix.orders(selection))
    assert {row.plan for row in by_totals[1]} == {"price_b"}


def test_narrowed_selections_have_no_totals_of_codes() -> None:
    for chosen in ({"campaign_id": 1}, {"plan": "price_a"}, {"segment": "new"}, {"country": "AT"}):
        assert not replace(QUARTER, **chosen).has_totals
        assert not replace(QUARTER, **chosen).has_totals_by_day


@pytest.mark.usefixtures("trade")
def test_totals_are_read_by_one_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for question in ("orders", "over time", "plans", "days"):
        with django_assert_num_queries(1):
            QUESTIONS[question](QUARTER)
    with django_assert_num_queries(2):  # orders with several codes are looked up
        QUESTIONS["impact"](QUARTER)
