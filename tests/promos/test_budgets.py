"""A code that changes its campaign takes along what it gave away, promised and holds."""

from datetime import datetime, timedelta

import pytest

from promos import budgets, campaigns, promo_codes
from promos.models import Campaign, CheckoutAttempt, PromoCode
from tests import factories

pytestmark = pytest.mark.django_db


def campaign(currency: str = "usd", **amounts: int) -> Campaign:
    return factories.CampaignFactory(currency=currency, **amounts)


def code_in(source: Campaign | None, now: datetime) -> PromoCode:
    """A code that gave away 500, promised 300 and holds 200 (and 70 euros), as counted in its campaign."""
    code = factories.PromoCodeFactory(campaign=source)
    factories.UsageFactory(promo_code=code, discount_amount=500, promised_amount=300)
    factories.UsageFactory(promo_code=code, discount_amount=70, currency="eur")
    CheckoutAttempt.objects.create(
        customer=factories.CustomerFactory(),
        promo_code=code,
        plan="price_monthly",
        state="open",
        currency="usd",
        held_amount=200 if source else 0,
        created_at=now,
        expires_at=now + timedelta(minutes=30),
    )
    return code


def amounts(row: Campaign) -> tuple[int, int, int]:
    row.refresh_from_db()
    return row.spent_amount, row.promised_amount, row.held_amount


def test_move_carries_the_amounts(now: datetime) -> None:
    old, new = campaign(spent_amount=900, promised_amount=300, held_amount=200), campaign(spent_amount=10)
    code = code_in(old, now)
    assert promo_codes.move(code, to=new)
    assert (amounts(old), amounts(new)) == ((400, 0, 0), (510, 300, 200))
    assert not promo_codes.move(code, to=new)


def test_change_in_the_form_carries_them_too(now: datetime) -> None:
    old, new = campaign(spent_amount=500, promised_amount=300, held_amount=200), campaign()
    code = code_in(old, now)
    code.campaign = new
    promo_codes.change(code, offer=code.offer, now=now)
    assert (amounts(old), amounts(new)) == ((0, 0, 0), (500, 300, 200))


def test_move_out_of_every_campaign_frees_the_holds(now: datetime) -> None:
    old = campaign(spent_amount=500, promised_amount=300, held_amount=200)
    promo_codes.move(code_in(old, now), to=None)
    assert amounts(old) == (0, 0, 0)
    assert CheckoutAttempt.objects.get().held_amount == 0


def test_move_to_another_currency_counts_that_currency(now: datetime) -> None:
    old, new = campaign(spent_amount=500, promised_amount=300, held_amount=200), campaign("eur")
    promo_codes.move(code_in(old, now), to=new)
    assert (amounts(old), amounts(new)) == ((0, 0, 0), (70, 0, 0))


def test_another_currency_recounts_the_campaign(now: datetime) -> None:
    old = campaign(spent_amount=500, promised_amount=300, held_amount=200)
    code_in(old, now)
    old.currency = "eur"
    campaigns.save(old, by=None)
    assert amounts(old) == (70, 0, 0)


def test_save_of_a_campaign_overwrites_nothing_that_redemptions_wrote(now: datetime) -> None:
    stale = campaign()
    Campaign.objects.update(spent_amount=500)
    stale.name = "Renamed"
    campaigns.save(stale, by=None)
    assert amounts(stale) == (500, 0, 0)


def test_carry_takes_as_many_queries_for_one_code_as_for_many(
    now: datetime, django_assert_max_num_queries
) -> None:
    old, new = campaign(), campaign()
    keys = [code_in(old, now).pk for _ in range(5)]
    with django_assert_max_num_queries(12):
        budgets.carry(keys, to=new)
    assert amounts(new) == (2500, 1500, 1000)
