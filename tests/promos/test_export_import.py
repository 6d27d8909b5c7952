"""Codes that are exported, and imported again where there are none."""

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from promos.imports import importer
from promos.models import Offer, PromoCode
from tests import factories
from tests.promos.test_admin_code_pages import EXPORT, IMPORT, exported

pytestmark = pytest.mark.django_db

FURTHER = {"eur": 900, "jpy": 1000}
OFFERS: dict[str, dict[str, Any]] = {
    "percent": {"percent_off": "12.5", "duration": "repeating", "duration_in_months": 3},
    "amount": {
        "amount_off": 1050,
        "currency": "usd",
        "currency_amounts": FURTHER,
        "product_ids": ["prod_eur", "prod_team"],
    },
    "free": {"percent_off": 100, "duration": "forever"},
    "fixed_price": {
        "list_price_id": "price_monthly",
        "fixed_price_amount": 7000,
        "amount_off": 3000,
        "currency": "usd",
        "list_price_amount": 10_000,
        "product_ids": ["prod_team"],
    },
}
LIMITS: dict[str, Any] = {
    "starts_at": datetime(2030, 1, 1, 12, 30, 15, tzinfo=UTC),
    "expires_at": datetime(2031, 1, 1, tzinfo=UTC),
    "max_redemptions": 10,
    "max_redemptions_per_customer": 2,
    "first_time_only": True,
    "minimum_amount": 5000,
    "minimum_amount_currency": "gbp",
    "minimum_currency_amounts": {"kwd": 1500},
}


@pytest.fixture
def office(owner: User, client: Client) -> Client:
    factories.PriceFactory(id="price_monthly", amount=10_000, product__id="prod_team")
    factories.PriceFactory(currency="eur", product__id="prod_eur")
    factories.PriceFactory(currency="jpy")
    client.force_login(owner)
    return client


def made(kind: str, **fields: Any) -> PromoCode:
    terms = {"percent_off": None, "name": "As agreed"} | OFFERS[kind]
    return factories.PromoCodeFactory(offer=factories.OfferFactory(kind=kind, **terms), **fields)


def imported_again(office: Client) -> list[dict[str, str]]:
    """Export all codes, forget them, import the file by the pages, and return what is exported then."""
    file = BytesIO(b"".join(office.get(EXPORT).streaming_content))
    file.name = "codes.csv"
    PromoCode.objects.all().delete()
    Offer.objects.all().delete()
    checked = office.post(IMPORT, {"file": file}).context["checked"]
    assert [row.reason for row in checked.trouble] == []
    office.post(IMPORT, {"token": checked.token})
    return exported(office)


def lasting(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Leave out when a code was made and whether Stripe has it: both begin anew."""
    return [row | {"created_at": "", "stripe": ""} for row in sorted(rows, key=lambda row: row["code"])]


@pytest.mark.parametrize("limits", [{}, LIMITS], ids=["for everybody", "limited"])
@pytest.mark.parametrize("kind", OFFERS)
def test_exported_code_comes_back_the_same(kind: str, limits: dict[str, Any], office: Client) -> None:
    made(kind, **limits)
    before = exported(office)
    assert lasting(imported_again(office)) == lasting(before)


def test_exported_code_keeps_whose_it_is_and_how_it_stands(office: Client) -> None:
    anna, campaign = factories.CustomerFactory(email="anna@example.com"), factories.CampaignFactory()
    made("free", code="ANNA", customer=anna, campaign=campaign, paused_at=factories.LONG_AGO)
    made("percent", code="MORE", description="'=1+1")
    made("percent", code="SUM", description="=1+1")
    imported_again(office)
    code = PromoCode.objects.get(code="ANNA")
    assert (code.customer, code.campaign) == (anna, campaign)
    assert code.paused_at
    descriptions = dict(PromoCode.objects.values_list("code", "description"))
    assert (descriptions["MORE"], descriptions["SUM"]) == ("'=1+1", "=1+1")


def test_exported_codes_of_one_text_come_back_to_each_customer(office: Client) -> None:
    both = [factories.CustomerFactory(email=f"{name}@example.com") for name in ("anna", "ben")]
    for customer in (*both, None):
        made("free", code="VIP", customer=customer)
    imported_again(office)
    owners = PromoCode.objects.filter(code="VIP").values_list("customer", flat=True)
    assert set(owners) == {both[0].pk, both[1].pk, None}


def test_import_skips_the_code_that_its_customer_has(office: Client) -> None:
    anna = factories.CustomerFactory(email="anna@example.com")
    made("free", code="VIP", customer=anna)
    text = "code,type,customer\nVIP,free,anna@example.com\nVIP,free,\nVIP,free,ANNA@example.com\n"
    report = importer.run(importer.Request(text.encode(), dry_run=True), now=factories.LONG_AGO)
    assert [row.outcome for row in report.rows] == ["skipped", "ready", "refused"]
    assert report.rows[2].reason == "code: Line 2 has the same code."


@pytest.mark.parametrize(
    ("further", "unit"), [("EUR 9; EUR 10", "EUR"), ("EUR 9; usd 7", "USD")], ids=["twice", "main"]
)
@pytest.mark.parametrize("column", ["further_amounts", "further_minimums"])
def test_import_refuses_two_amounts_in_a_currency(
    column: str, further: str, unit: str, office: Client
) -> None:
    text = f"code,type,amount_off,currency,minimum_amount,{column}\nA,amount,5,usd,50,{further}\n"
    report = importer.run(importer.Request(text.encode()), now=factories.LONG_AGO)
    assert report.rows[0].reason == f"{column}: There are two amounts in {unit}."


def test_exported_code_keeps_the_uses_that_are_left(office: Client) -> None:
    made("percent", max_redemptions=10, used_count=4)
    [row] = imported_again(office)
    assert (row["max_redemptions"], row["used"]) == ("6", "0")


def test_import_of_an_export_uses_every_column_but_those_for_people(office: Client) -> None:
    made("percent")
    text = b"".join(office.get(EXPORT).streaming_content)
    report = importer.run(importer.Request(text), now=factories.LONG_AGO)
    assert report.ignored == ["gives", "status", "stripe", "created_at"]
    assert [row.reason for row in report.rows] == ["A code with this text exists here."]


def test_fixed_price_lasts_for_ever_unless_told_otherwise(office: Client) -> None:
    text = "code,fixed_price,list_price_id,currency\nA,70,price_monthly,USD\n"
    importer.run(importer.Request(text.encode()), now=factories.LONG_AGO)
    assert Offer.objects.get().duration == "forever"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (
            "free,,,,nobody@example.com",
            "customer: There is no customer “nobody@example.com”; add them first.",
        ),
        ("fixed_price,70,price_monthly,EUR,", "currency: The list price is in USD."),
        ("fixed_price,70,price_gone,USD,", "list_price_id: Choose one of your Stripe prices."),
        ("fixed_price,170,price_monthly,USD,", "fixed_price_amount: The price must be below the list price"),
        ("other,,,,", "type: What this code gives can be made in Stripe only; it comes from there."),
    ],
)
def test_import_refuses_what_is_not_here(row: str, words: str, office: Client) -> None:
    text = f"code,type,fixed_price,list_price_id,currency,customer\nA,{row}\n"
    report = importer.run(importer.Request(text.encode()), now=factories.LONG_AGO)
    assert report.rows[0].reason.startswith(words)
    assert not PromoCode.objects.exists()
