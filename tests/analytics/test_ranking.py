"""Codes ranked, and codes as they stand, on rows whose figures were worked out by hand."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from analytics.formulas import Ratio
from analytics.measures import ranking, stock
from analytics.measures.ranking import CodeFigures, Order
from analytics.measures.revenue import Impact
from analytics.measures.stock import BatchUse
from analytics.measures.units import Unit
from analytics.pages import codes as page
from analytics.periods import Period
from analytics.queries import Issued
from analytics.selection import Selection
from promos.models import CodeBatch
from tests.analytics.builders import pay_back, redeem, renew
from tests.factories import (
    LONG_AGO,
    CampaignFactory,
    CodeBatchFactory,
    OfferFactory,
    PromoCodeFactory,
    UsageFactory,
)

pytestmark = pytest.mark.django_db
JANUARY = Selection(Period(date(2026, 1, 1), date(2026, 2, 1)), currency="usd")


def names(order: Order, **part: int) -> list[str]:
    found = ranking.ranking(JANUARY, order, **{"start": 0, "limit": 10, **part})
    return [code.name for code in found]


def test_ranking_has_every_figure_of_a_code(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    code = PromoCodeFactory(code="SPRING")
    usage = redeem(code, gross=10_000, discount=2_000, is_new_customer=True)
    renew(usage, gross=5_000, discount=0)
    pay_back(usage, 1_000)
    redeem(code, gross=3_000, discount=1_000)
    redeem(code, gross=777, currency="eur")

    with django_assert_num_queries(2):
        [found] = ranking.ranking(JANUARY, Order.NET, start=0, limit=10)

    assert found == CodeFigures(
        Unit(promo_code_id=code.pk), "SPRING", "usd", 2, 1, 18_000, 3_000, 1_000, 14_000, 2, 13_000
    )
    assert (found.average_discount_amount, found.new_customer_share) == (1_500, Ratio(1, 2))


def test_ranking_orders_by_any_figure() -> None:
    often, dear = PromoCodeFactory(code="OFTEN"), PromoCodeFactory(code="DEAR")
    for _ in range(3):
        redeem(often, gross=1_000, discount=100)
    pay_back(redeem(dear, gross=9_000, discount=3_000, is_new_customer=True), 5_999)
    first = {order: names(order)[0] for order in Order}

    assert first == dict.fromkeys(Order, "DEAR") | {Order.NET: "OFTEN", Order.REDEMPTIONS: "OFTEN"}


def test_ranking_takes_parts_of_a_long_list() -> None:
    for number in range(5):
        redeem(PromoCodeFactory(code=f"CODE-{number}"), gross=1_000 * (number + 1), discount=0)

    assert names(Order.GROSS, start=2, limit=2) == ["CODE-2", "CODE-1"]
    assert names(Order.GROSS, start=5, limit=2) == []


def test_ranking_counts_codes_of_a_batch_as_one() -> None:
    batch = CodeBatch.objects.create(offer=OfferFactory(), prefix="FAIR-", pattern="XXX", requested=2)
    for text in ("FAIR-ABC", "FAIR-DEF"):
        redeem(PromoCodeFactory(code=text, batch=batch), gross=1_000, discount=100)
    redeem(PromoCodeFactory(code="ALONE"), gross=1_500, discount=0)

    by_use, by_money = (
        ranking.ranking(JANUARY, order, start=0, limit=5) for order in (Order.REDEMPTIONS, Order.NET)
    )

    assert by_use == by_money
    first = by_use[0]
    assert (first.unit, first.redemptions, first.net_amount) == (Unit(0, batch.pk), 2, 1_800)
    assert "FAIR-" in first.name


def test_ranking_of_nothing_is_empty() -> None:
    assert ranking.ranking(JANUARY, Order.NET, start=0, limit=5) == []


def test_never_used_leaves_out_what_a_refund_gave_back(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    PromoCodeFactory(code="NEW")
    redeem(PromoCodeFactory(code="GIVEN-BACK", used_count=0), is_given_back=True, status="refunded")
    PromoCodeFactory(used_count=1)
    PromoCodeFactory(archived_at=LONG_AGO)
    PromoCodeFactory(approved_at=None)

    with django_assert_num_queries(2):
        found = stock.never_used(JANUARY)

    assert ([code.code for code in found.codes], found.count) == (["NEW"], 1)


def test_batches_tell_how_many_of_their_codes_were_used(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    campaign = CampaignFactory()
    older, newer, _unmade = CodeBatchFactory.create_batch(3)
    PromoCodeFactory(batch=older)
    PromoCodeFactory(batch=older, used_count=2)
    UsageFactory(promo_code=PromoCodeFactory(batch=older), is_given_back=True)
    PromoCodeFactory(batch=older, approved_at=None)
    PromoCodeFactory.create_batch(30, batch=newer, campaign=campaign)

    with django_assert_num_queries(2):
        found = stock.batches(JANUARY)

    assert found == [BatchUse(newer, Issued(30, 0)), BatchUse(older, Issued(3, 2))]
    assert [str(one.usage_rate) for one in found] == ["0.0 %", "too few"]
    assert stock.batches(replace(JANUARY, campaign_id=campaign.pk)) == found[:1]


def test_expiring_codes_are_those_of_thirty_days_the_next_first() -> None:
    for text, left in (("GONE", 0), ("LATER", 30), ("SOON", 1), ("FAR", 31)):
        PromoCodeFactory(code=text, expires_at=LONG_AGO + timedelta(days=left))

    found = stock.expiring(JANUARY, LONG_AGO)

    assert [code.code for code in found.codes] == ["SOON", "LATER"]


def test_running_out_codes_are_the_fullest_first() -> None:
    for text, used in (("LOW", 7), ("HIGH", 8), ("HIGHER", 9), ("FULL", 10)):
        PromoCodeFactory(code=text, used_count=used, max_redemptions=10)

    assert [code.code for code in stock.running_out(JANUARY).codes] == ["HIGHER", "HIGH"]


def test_stock_is_narrowed_by_campaign_and_its_count_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = CampaignFactory()
    PromoCodeFactory.create_batch(3, campaign=campaign)
    PromoCodeFactory()
    monkeypatch.setattr(stock, "COUNTED_AT_MOST", 2)

    found = stock.never_used(replace(JANUARY, campaign_id=campaign.pk))

    assert (len(found.codes), found.shown_count) == (3, "2+")


@pytest.mark.parametrize(
    ("net", "orders", "said"),
    [
        (0, 0, "No code brought any net revenue in this period."),
        (5_000, 29, "SPRING drives the most revenue: $50.00 net with 3 redemptions."),
        (
            5_000,
            30,
            "SPRING drives the most revenue: $50.00 net with 3 redemptions, 62.5 % of all net revenue with a code.",
        ),
    ],
)
def test_sentence_is_computed(net: int, orders: int, said: str) -> None:
    best = CodeFigures(Unit(1), "SPRING", "usd", redemptions=3, net_amount=net)
    total = Impact("usd", net_amount=8_000, discounted_orders=orders)
    assert page.sentence([best], total) == said


def test_sentence_has_no_share_above_all_of_it() -> None:
    best = CodeFigures(Unit(1), "SPRING", "usd", redemptions=1, net_amount=9_000)
    total = Impact("usd", net_amount=8_000, discounted_orders=30)
    assert page.sentence([best], total).endswith("$90.00 net with 1 redemption.")
