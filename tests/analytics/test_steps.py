"""The funnel on rows whose figures were worked out by hand."""

from dataclasses import replace
from datetime import date
from uuid import uuid4

import pytest
from pytest_django import DjangoAssertNumQueries

from analytics.formulas import Ratio
from analytics.measures import steps
from analytics.measures.steps import Checkouts, Checks, Conversion, Refusal
from analytics.pages import funnel as page
from analytics.periods import Period
from analytics.selection import Selection
from promos.models import CheckoutAttempt, CodeView, Journey
from tests.analytics.builders import after, buy, redeem
from tests.factories import (
    LONG_AGO,
    CampaignFactory,
    CodeCheckFactory,
    CustomerFactory,
    PriceFactory,
    PromoCodeFactory,
)

pytestmark = pytest.mark.django_db
JANUARY = Selection(Period(date(2026, 1, 1), date(2026, 2, 1)))


def test_viewed_counts_visitors_once_and_untracked_views(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    code, journey = (
        PromoCodeFactory(),
        Journey.objects.create(uid=uuid4(), started_at=LONG_AGO, seen_at=LONG_AGO),
    )
    for text, of, whose, at in (
        ("A", code, journey, 0),
        ("A", code, journey, 1),
        ("A", code, None, 1),
        ("A", code, None, 40),
        ("DEAD", None, None, 1),
    ):
        CodeView.objects.create(text=text, promo_code=of, journey=whose, viewed_at=after(at))

    with django_assert_num_queries(1):
        assert steps.viewed(JANUARY) == 2


def test_viewed_is_unknown_where_a_filter_does_not_reach_it() -> None:
    campaign = CampaignFactory()
    for code in (PromoCodeFactory(campaign=campaign), PromoCodeFactory()):
        CodeView.objects.create(text=code.code, promo_code=code, viewed_at=LONG_AGO)

    assert steps.viewed(replace(JANUARY, campaign_id=campaign.pk)) == 1
    assert steps.viewed(replace(JANUARY, plan="price_a")) is None


def test_checks_count_outcomes_and_customers(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    one, other = CustomerFactory.create_batch(2)
    for person, reason in ((one, ""), (one, ""), (one, "expired"), (other, "expired"), (None, "not_found")):
        CodeCheckFactory(text="A", customer=person, reason=reason)
    CodeCheckFactory(text="A", checked_at=after(-1))

    with django_assert_num_queries(2):
        found = steps.checks(JANUARY)

    assert found == Checks(5, 2, customers=2, accepted_customers=1, refused={"expired": 2, "not_found": 1})
    assert found.success_rate == Ratio(2, 5)


def test_checkouts_count_customers_who_began_and_completed(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    code, (one, other) = PromoCodeFactory(), CustomerFactory.create_batch(2)
    for person, state, of in (
        (one, "expired", code),
        (one, "completed", code),
        (other, "open", code),
        (other, "completed", None),
    ):
        CheckoutAttempt.objects.create(
            customer=person,
            promo_code=of,
            plan="price_a",
            state=state,
            created_at=LONG_AGO,
            expires_at=LONG_AGO,
        )

    with django_assert_num_queries(1):
        assert steps.checkouts(JANUARY) == Checkouts(started=2, paid=1)


def test_filters_reach_checks() -> None:
    campaign, known, new = CampaignFactory(), CustomerFactory(), CustomerFactory()
    PriceFactory(id="price_eur", currency="eur")
    buy(customer=known, at=after(-5))
    CodeCheckFactory(promo_code=PromoCodeFactory(campaign=campaign), customer=known, plan="price_eur")
    CodeCheckFactory(text="A", customer=new, plan="price_usd")
    CodeCheckFactory(text="A", customer=new, plan="price_usd")

    narrowed = [
        steps.checks(replace(JANUARY, **chosen)).checks
        for chosen in (
            {"campaign_id": campaign.pk},
            {"plan": "price_usd"},
            {"currency": "eur"},
            {"segment": "new"},
            {"segment": "returning"},
            {"country": "AT"},
        )
    ]

    assert narrowed == [1, 2, 1, 2, 1, 0]


def test_refusals_are_the_commonest_first(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for text, reason in (("OLD", "expired"), ("OLD", "expired"), ("NOPE", "not_found"), ("GOOD", "")):
        CodeCheckFactory(text=text, reason=reason)

    with django_assert_num_queries(1):
        found = steps.refusals(JANUARY)

    assert found == [Refusal("OLD", "expired", 2), Refusal("NOPE", "not_found", 1)]


def test_conversion_follows_customers_for_thirty_days(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    code, other = PromoCodeFactory(code="A"), PromoCodeFactory(code="B")
    soon, late, elsewhere = CustomerFactory.create_batch(3)
    for person in (soon, soon, late, elsewhere):
        CodeCheckFactory(promo_code=code, customer=person, checked_at=after(5))
    CodeCheckFactory(promo_code=other, customer=soon, checked_at=after(5))
    redeem(code, customer=soon, at=after(34.9))
    redeem(code, customer=late, at=after(35))
    redeem(other, customer=elsewhere, at=after(6))

    with django_assert_num_queries(2):
        whole, by_code = steps.conversion(JANUARY), steps.conversion_by_code(JANUARY)

    assert whole == Ratio(1, 3)
    assert by_code == [Conversion(code.pk, "A", 3, 1), Conversion(other.pk, "B", 1, 0)]


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        (Ratio(0, 0), "Nobody entered a code validly in this period."),
        (
            Ratio(2, 29),
            "2 of 29 customers who entered a code validly bought with it within 30 days, too few for a percentage.",
        ),
        (
            Ratio(15, 30),
            "15 of 30 customers who entered a code validly bought with it within 30 days: 50.0 %.",
        ),
    ],
)
def test_sentence_is_computed(ratio: Ratio, said: str) -> None:
    assert page.sentence(ratio) == said
