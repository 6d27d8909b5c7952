"""What open codes may still cost, expected and at most, with figures worked out by hand."""

from datetime import timedelta
from decimal import Decimal

import pytest
from pytest_django import DjangoAssertNumQueries

from analytics.measures import exposure, exposure_limits
from analytics.measures.exposure import Exposure
from analytics.selection import Selection
from promos.models import Offer, PromoCode
from promos.plans import Plan, SetupFee
from tests.analytics.builders import redeem
from tests.analytics.subscribers import month
from tests.factories import CampaignFactory, CodeBatchFactory, OfferFactory, PriceFactory, PromoCodeFactory

NOW = month(3)
MONTHLY = Plan(
    "price_m",
    "prod_m",
    "Team",
    "usd",
    10_000,
    "month",
    setup_fee=SetupFee("price_s", "prod_s", "Setup", 5_000),
)
YEARLY = Plan("price_y", "prod_y", "Team", "usd", 90_000, "year")


@pytest.fixture
def price() -> None:
    PriceFactory(amount=10_000)


def found(chosen: Selection | None = None, **committed: int) -> dict[str, Exposure]:
    by_offer = {("usd", int(offer.removeprefix("offer_"))): amount for offer, amount in committed.items()}
    return exposure.exposure(chosen or Selection(), by_offer, now=NOW)


def use(code: PromoCode, times: int, *, days_ago: int = 5, **fields: object) -> None:
    for _ in range(times):
        redeem(code, discount=2_000, at=NOW - timedelta(days=days_ago), **fields)


@pytest.mark.django_db
def test_expected_is_the_pace_until_the_codes_end(
    price: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    code = PromoCodeFactory(expires_at=NOW + timedelta(days=10))
    use(code, 30)

    with django_assert_num_queries(7):
        exposed = found()["usd"]

    # One a day, ten days, 20.00 each.
    assert (exposed.codes[0].expected_uses, exposed.expected_amount) == (10, 20_000)


@pytest.mark.django_db
@pytest.mark.usefixtures("price")
def test_expected_of_a_code_without_an_end_is_of_one_year() -> None:
    use(PromoCodeFactory(), 30)

    (exposed,) = found()["usd"].codes

    assert (exposed.expected_uses, exposed.expected_amount) == (365, 730_000)


@pytest.mark.django_db
@pytest.mark.usefixtures("price")
def test_expected_is_no_more_than_the_uses_left() -> None:
    code = PromoCodeFactory(max_redemptions=34, used_count=30, held_count=1)
    use(code, 30)

    (exposed,) = found()["usd"].codes

    assert (exposed.uses_left, exposed.expected_amount) == (3, 6_000)


@pytest.mark.django_db
@pytest.mark.usefixtures("price")
def test_average_counts_what_is_committed_and_every_code_of_the_offer() -> None:
    code = PromoCodeFactory(max_redemptions=40, used_count=30)
    use(code, 10)
    use(PromoCodeFactory(offer=code.offer, paused_at=NOW), 20, days_ago=90)

    # (30 × 2,000 + 30,000) ÷ 30 for each of ten uses
    assert found(**{f"offer_{code.offer_id}": 30_000})["usd"].expected_amount == 30_000


@pytest.mark.django_db
@pytest.mark.usefixtures("price")
def test_an_offer_with_few_redemptions_expects_nothing() -> None:
    use(PromoCodeFactory(), 29)

    exposed = found()["usd"]

    assert (exposed.expected_amount, exposed.unknown_codes) == (0, 1)


@pytest.mark.django_db
@pytest.mark.usefixtures("price")
def test_a_code_that_is_not_open_costs_nothing() -> None:
    use(PromoCodeFactory(archived_at=NOW), 30)
    use(PromoCodeFactory(expires_at=NOW), 30)

    assert (found()["usd"].codes, found()["usd"].maximum_amount) == ([], 0)


@pytest.mark.django_db
@pytest.mark.usefixtures("price")
def test_a_batch_has_the_pace_of_its_used_codes() -> None:
    batch, offer = CodeBatchFactory(), OfferFactory()
    for _ in range(30):
        use(PromoCodeFactory(batch=batch, offer=offer, max_redemptions=1, used_count=1), 1)
    PromoCodeFactory.create_batch(5, batch=batch, offer=offer, max_redemptions=1)

    (exposed,) = found()["usd"].codes

    assert (exposed.unit.batch_id, exposed.uses_left, exposed.expected_amount) == (batch.pk, 5, 10_000)


@pytest.mark.django_db
@pytest.mark.usefixtures("price")
def test_uses_left_are_shared_among_currencies_as_they_were_used() -> None:
    code = PromoCodeFactory(max_redemptions=190, used_count=90)
    use(code, 60)
    use(code, 30, currency="eur")

    assert {currency: each.expected_amount for currency, each in found().items()} == {
        "eur": 66_667,  # a third of 100 uses, 2,000 each
        "usd": 133_333,
    }


@pytest.mark.django_db
@pytest.mark.usefixtures("price")
def test_maximum_is_every_use_left() -> None:
    PromoCodeFactory(max_redemptions=10, used_count=4)
    PromoCodeFactory(max_redemptions=5)

    assert found()["usd"].maximum_amount == 11 * 2_000


@pytest.mark.django_db
@pytest.mark.usefixtures("price")
def test_maximum_has_no_limit_where_uses_have_none() -> None:
    PromoCodeFactory(max_redemptions=10)
    PromoCodeFactory()

    assert found()["usd"].maximum_amount is None


@pytest.mark.django_db
@pytest.mark.usefixtures("price")
def test_maximum_is_no_more_than_the_budget_has_left() -> None:
    campaign = CampaignFactory(
        currency="usd", budget_amount=10_000, spent_amount=3_000, promised_amount=500, held_amount=500
    )
    PromoCodeFactory(campaign=campaign)
    PromoCodeFactory(max_redemptions=1)

    assert found()["usd"].maximum_amount == 6_000 + 2_000
    assert found(Selection(campaign_id=campaign.pk))["usd"].maximum_amount == 6_000


@pytest.mark.django_db
@pytest.mark.usefixtures("price")
def test_maximum_of_few_uses_is_not_the_whole_budget() -> None:
    campaign = CampaignFactory(currency="usd", budget_amount=10_000)
    PromoCodeFactory(campaign=campaign, max_redemptions=2)

    assert found()["usd"].maximum_amount == 2 * 2_000


@pytest.mark.parametrize(
    ("duration", "months", "plans", "expected"),
    [
        ("once", None, [MONTHLY], 3_000),  # 20 % of 10,000 and of the setup fee
        ("repeating", 3, [MONTHLY], 7_000),
        ("repeating", 3, [MONTHLY, YEARLY], 18_000),
        ("forever", None, [MONTHLY], None),
        ("once", None, [], 0),
    ],
)
def test_lifetime_discount_is_the_highest_of_the_plans(
    duration: str, months: int | None, plans: list[Plan], expected: int | None
) -> None:
    offer = Offer(percent_off=Decimal(20), duration=duration, duration_in_months=months)

    assert exposure_limits.lifetime_discount(offer, plans) == expected


def test_an_offer_in_no_currency_of_a_plan_takes_nothing_off() -> None:
    offer = Offer(kind="amount", amount_off=500, currency="eur", duration="forever")

    assert exposure_limits.lifetime_discount(offer, [MONTHLY]) == 0
