"""The page of customers: segments, savers and one customer's history."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from analytics.pages.page import PERMISSIONS
from tests.analytics.builders import buy, pay_back, redeem
from tests.analytics.pages.conftest import Open
from tests.analytics.subscribers import month, subscribe_many
from tests.factories import CustomerFactory, PriceFactory, PromoCodeFactory

pytestmark = pytest.mark.django_db
JANUARY = {"from": "2026-01-01", "to": "2026-01-31"}


def test_page_says_which_segments_use_which_codes(opened: Open) -> None:
    PriceFactory(id="price_monthly", nickname="Team monthly")
    subscribe_many(24, PromoCodeFactory(code="WELCOME"), at=month(1))
    for _ in range(6):
        redeem(PromoCodeFactory(code="COMEBACK") if _ == 0 else PromoCodeFactory(), at=month(1))

    page = opened("customers", **JANUARY)

    assert "24 of 30 redemptions are by new customers (80.0 %); new customers use WELCOME most (24);" in page
    assert "Team monthly" in page


def test_segments_have_their_shares_and_formulas(signed_in: Client) -> None:
    subscribe_many(24, PromoCodeFactory(code="WELCOME"), at=month(1))
    for _ in range(6):
        redeem(PromoCodeFactory(), at=month(1))

    for slug, title, value, share in (
        ("customers", "Redemptions by new customers", 24, 0.8),
        ("customers", "Redemptions by returning customers", 6, 0.2),
        ("times", "By new customers", 24, 0.8),
    ):
        document = signed_in.get(f"/admin/analytics/{slug}/", {**JANUARY, "export": "json"}).json()
        (card,) = (card for card in document["sections"][0]["figures"] if card["title"] == title)
        assert (card["value"], next(iter(card["lines"].values()))) == (value, share)
        assert "the share: ÷ redemptions" in card["formula"]


def test_favourite_is_told_over_all_plans(opened: Open) -> None:
    spread, narrow = PromoCodeFactory(code="SPREAD"), PromoCodeFactory(code="NARROW")
    for plan in ("price_a", "price_b"):
        subscribe_many(2, spread, at=month(1), plan=plan)
    subscribe_many(3, narrow, at=month(1), plan="price_a")

    page = opened("customers", **JANUARY)

    assert "7 of 7 redemptions are by new customers; new customers use SPREAD most (4)." in page
    assert "new customers use SPREAD most (4)." in opened("questions", **JANUARY)


def test_few_redemptions_get_no_percentage(opened: Open) -> None:
    redeem(PromoCodeFactory(code="ONCE"), at=month(1))

    assert "0 of 1 redemptions are by new customers; returning customers use ONCE most (1)." in opened(
        "customers", **JANUARY
    )


def test_savers_lead_to_their_history(opened: Open) -> None:
    saver = CustomerFactory(email="saver@example.com")
    usage = redeem(
        PromoCodeFactory(code="WELCOME"), customer=saver, gross=10_000, discount=2_500, at=month(1)
    )
    pay_back(usage, 1_000, at=month(3))
    buy(customer=saver, gross=500, at=month(2))

    assert f'href="?from=2026-01-01&to=2026-01-31&customer={saver.pk}">saver@example.com</a>' in opened(
        "customers", **JANUARY
    )
    page = opened("customers", customer=str(saver.pk), **JANUARY)
    assert "$25.00 saved in 2 orders since 2026-01-15 12:00" in page
    for shown in ("WELCOME", "Refund", "−$10.00", "$70.00"):
        assert shown in page


def test_a_long_history_comes_in_parts(opened: Open) -> None:
    customer = CustomerFactory(stripe_customer_id="cus_faithful")
    for _ in range(51):
        buy(customer=customer, at=month(1))

    first = opened("customers", customer="cus_faithful")
    second = opened("customers", customer="cus_faithful", part="2")

    assert "1 to 50" in first
    assert 'href="?customer=cus_faithful&part=2"' in first
    assert "51 to 51" in second


@pytest.mark.parametrize("asked", ["7777", "cus_nobody", "9" * 30, "\0"])
def test_an_unknown_customer_gets_a_sentence_and_everybody(asked: str, opened: Open) -> None:
    redeem(PromoCodeFactory(code="ONCE"), at=month(1))

    page = opened("customers", customer=asked, **JANUARY)

    assert "There is no customer" in page
    assert "ONCE" in page


def test_a_customer_without_orders_gets_a_sentence(opened: Open) -> None:
    assert "has not paid for anything yet" in opened("customers", customer=str(CustomerFactory().pk))


def test_names_are_only_for_who_may_see_customers(client: Client) -> None:
    helper = User.objects.create_user("helper", is_staff=True)
    names = [permission.split(".")[1] for permission in PERMISSIONS]
    helper.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(helper)

    assert client.get("/admin/analytics/revenue/").status_code == 200
    assert client.get("/admin/analytics/customers/").status_code == 403


def test_countries_lead_to_their_own_figures(opened: Open) -> None:
    for code, country in (("SERVUS", "AT"), ("HOWDY", "US")):
        redeem(PromoCodeFactory(code=code), customer=CustomerFactory(country=country), at=month(1))

    page = opened("customers", **JANUARY, country="at")

    assert "SERVUS" in page
    assert "HOWDY" not in page
    assert '<option value="US"' in page
    assert "customer__country__exact=AT" in page
