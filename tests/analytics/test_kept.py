"""The kept totals answer as the rows do, or are not asked."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics import kept, queries
from analytics.measures import top_codes
from analytics.periods import ALWAYS, Period, since_until
from analytics.queries import Scope
from promos.models import CodeBatch, CodeTotal, LedgerEntry, PromoCode
from tests.analytics.builders import after, buy, pay_back, redeem, renew
from tests.factories import OfferFactory, PromoCodeFactory

pytestmark = pytest.mark.django_db
BERLIN, LONDON = ZoneInfo("Europe/Berlin"), ZoneInfo("Europe/London")
ALWAYS_IN_BERLIN = Period(ALWAYS.first_day, ALWAYS.end_day, BERLIN)
PERIODS = {
    "all time": ALWAYS,
    "all time in Berlin": ALWAYS_IN_BERLIN,
    "a day": Period(date(2026, 1, 1), date(2026, 1, 2)),
    "days of one week": Period(date(2026, 1, 6), date(2026, 1, 11)),
    "whole weeks": Period(date(2026, 1, 5), date(2026, 2, 2)),
    "weeks and days around them": Period(date(2026, 1, 1), date(2026, 2, 3)),
    "days around no week": Period(date(2026, 1, 10), date(2026, 1, 14)),
}


@pytest.fixture
def batch() -> CodeBatch:
    return CodeBatch.objects.create(offer=OfferFactory(), prefix="B-", pattern="####", requested=2)


@pytest.fixture
def _sales(batch: CodeBatch) -> None:
    """Something on every second day of January, by a code alone and two of a batch."""
    for place, code in enumerate(
        (PromoCodeFactory(), PromoCodeFactory(batch=batch), PromoCodeFactory(batch=batch))
    ):
        for day in range(place, 34, 2):
            usage = redeem(
                code, gross=1_000 + day, discount=10 * place, at=after(day), is_new_customer=day % 3 == 0
            )
        renew(usage, gross=77, discount=0, at=after(35))
        pay_back(usage, 5, at=after(9))
        pay_back(usage, 6, kind=LedgerEntry.Kind.DISPUTE, at=after(12))
        redeem(code, currency="eur", at=after(11))
        buy(plan="price_b", at=after(place))


def answers(period: Period) -> tuple[object, ...]:
    scope = Scope(period)
    return (
        queries.money(scope),
        queries.redemptions(scope, with_customers=False),
        queries.money_by_day(scope),
        queries.redemptions_by_day(scope),
        queries.orders_by_plan(scope),
        top_codes.most_redeemed(period, limit=3),
    )


def without_customers(found: tuple[object, ...]) -> tuple[object, ...]:
    counts = [(row.currency, row.redemptions, row.new_customer_redemptions) for row in found[1]]
    return (found[0], counts, *found[2:])


@pytest.mark.usefixtures("_sales")
@pytest.mark.parametrize("period", PERIODS.values(), ids=PERIODS)
def test_totals_answer_as_the_rows_do(period: Period, monkeypatch: pytest.MonkeyPatch) -> None:
    by_totals = answers(period)
    for condition in ("is_exact", "has_same_days"):
        monkeypatch.setattr(kept, condition, lambda period: False)
    assert without_customers(by_totals) == without_customers(answers(period))


@pytest.mark.usefixtures("_sales")
def test_totals_are_what_answers() -> None:
    CodeTotal.objects.filter(currency="eur").update(gross_amount=1)
    assert queries.money(Scope())[0].gross_amount == 1 + 1  # of the code, and of the batch
    with CaptureQueriesContext(connection) as asked:
        answers(PERIODS["weeks and days around them"])
    # Beside one for each question the names of codes and of batches, and orders with several codes.
    assert len(asked) == 6 + 2 + 1
    of_the_ledger = [query["sql"] for query in asked if "promos_ledgerentry" in query["sql"]]
    assert ["share" in sql for sql in of_the_ledger] == [True]


@pytest.mark.parametrize("zone", [ZoneInfo("UTC"), LONDON, BERLIN, ZoneInfo("Pacific/Auckland")], ids=str)
def test_all_time_is_read_from_its_own_totals(zone: ZoneInfo) -> None:
    redeem(PromoCodeFactory(), gross=1_000, at=after(-0.02))
    with CaptureQueriesContext(connection) as asked:
        (found,) = queries.money(Scope(since_until(None, None, zone=zone)))
    assert found.gross_amount == 1_000
    shares, totals = (query["sql"] for query in asked)
    assert "share" in shares
    assert "promos_codetotal" in totals


@pytest.mark.parametrize(
    ("period", "is_exact", "has_same_days"),
    [
        (Period(date(2026, 1, 1), date(2026, 2, 1)), True, True),
        (Period(date(2026, 1, 1), date(2026, 2, 1), BERLIN), False, False),
        (ALWAYS_IN_BERLIN, True, False),
        (Period(date(2026, 1, 1), date(2026, 2, 1), LONDON), True, True),
        # Summer time lies within.
        (Period(date(2026, 1, 1), date(2026, 12, 1), LONDON), True, False),
        (Period(date(2026, 6, 1), date(2026, 12, 1), LONDON), False, False),
    ],
)
def test_totals_are_asked_for_days_of_utc_only(period: Period, is_exact: bool, has_same_days: bool) -> None:
    assert (kept.is_exact(period), kept.has_same_days(period)) == (is_exact, has_same_days)


def test_days_of_another_zone_are_read_from_the_rows() -> None:
    code = PromoCodeFactory()
    redeem(code, gross=1_000, discount=0, at=after(-0.02))  # 23:31 in UTC, the new year in Berlin
    for zone, gross in ((BERLIN, 1_000), (LONDON, None)):
        found = queries.money(Scope(Period(date(2026, 1, 1), date(2026, 2, 1), zone)))
        assert [row.gross_amount for row in found] == [gross] * (gross is not None)


def test_one_code_of_a_batch_is_read_from_the_rows(batch: CodeBatch) -> None:
    first, second = (redeem(PromoCodeFactory(batch=batch), gross=1_000) for _ in range(2))
    assert queries.money(Scope(promo_code_ids=(first.promo_code_id,)))[0].gross_amount == 1_000
    assert queries.money(Scope())[0].gross_amount == 2_000
    assert second.promo_code_id != first.promo_code_id


def test_top_codes_limit_each_currency_and_tell_a_batch_as_one(batch: CodeBatch) -> None:
    often, seldom = PromoCodeFactory(code="OFTEN"), PromoCodeFactory(code="SELDOM")
    for code in (often, often, often, seldom, *PromoCodeFactory.create_batch(2, batch=batch)):
        redeem(code)
    redeem(seldom, currency="eur")
    found = top_codes.most_redeemed(ALWAYS, limit=2)
    named = {currency: [(code.name, code.redemptions) for code in top] for currency, top in found.items()}
    assert named == {"usd": [("OFTEN", 3), (f"Batch {batch}", 2)], "eur": [("SELDOM", 1)]}
    assert PromoCode.objects.count() == 4
