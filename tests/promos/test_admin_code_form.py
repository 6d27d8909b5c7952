"""The one form for a code and what it gives."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError
from django.db.models.signals import pre_save
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from promos.models import Offer, PromoCode
from tests import factories

pytestmark = pytest.mark.django_db
ADD = reverse("admin:promos_promocode_add")
#: A form as the browser sends it when nothing but the essentials are filled in.
FORM = {
    "code": "LAUNCH20",
    "kind": "percent",
    "percent_off": "20",
    "duration": "once",
    **dict.fromkeys(
        ("amount_off", "currency", "list_price_id", "fixed_price_amount", "duration_in_months"), ""
    ),
    **dict.fromkeys(("name", "campaign", "customer", "description", "max_redemptions"), ""),
    **dict.fromkeys(("starts_at_0", "starts_at_1", "expires_at_0", "expires_at_1"), ""),
    **dict.fromkeys(("max_redemptions_per_customer", "minimum_amount", "minimum_amount_currency"), ""),
}
FIXED = {"kind": "fixed_price", "list_price_id": "price_monthly", "fixed_price_amount": "70.00"}


@pytest.fixture
def office(owner: User, client: Client) -> Client:
    factories.PriceFactory(id="price_monthly", amount=9950)
    factories.PriceFactory(currency="jpy", amount=15000)
    client.force_login(owner)
    return client


def add(office: Client, **fields: Any) -> PromoCode:
    answer = office.post(ADD, FORM | fields)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    return PromoCode.objects.select_related("offer").get()


def errors(office: Client, **fields: Any) -> dict[str, list[str]]:
    answer = office.post(ADD, FORM | fields)
    assert answer.status_code == 200
    assert not PromoCode.objects.exclude(code="TAKEN").exists()
    assert not Offer.objects.exclude(promo_codes__code="TAKEN").exists()
    return dict(answer.context["adminform"].form.errors)


def change_address(code: PromoCode) -> str:
    return reverse("admin:promos_promocode_change", args=[code.pk])


def test_add_makes_code_and_offer_at_once_while_stripe_is_down(office: Client) -> None:
    code = add(office, code=" launch20 ", duration="repeating", duration_in_months="3")
    assert code.code == "LAUNCH20"
    assert code.offer.name == "20% off for 3 months"
    assert code.sync_status == PromoCode.SyncStatus.PENDING


def test_add_that_collides_with_another_is_looked_at_again(office: Client) -> None:
    """Of a double click both are checked before one is saved; the database then refuses the second."""

    def refuse(sender: type[PromoCode], **kwargs: object) -> None:
        pre_save.disconnect(refuse, sender=PromoCode)
        raise IntegrityError("promos_promocode_code_unique")

    pre_save.connect(refuse, sender=PromoCode)
    assert add(office).code == "LAUNCH20"
    assert PromoCode.objects.count() == Offer.objects.count() == 1


def test_add_without_text_generates_one(office: Client) -> None:
    assert len(add(office, code="").code) == 10


def test_add_amount_is_typed_in_currency_units(office: Client) -> None:
    code = add(office, kind="amount", amount_off="29.50", currency="usd")
    assert (code.offer.amount_off, code.offer.percent_off) == (2950, None)


def test_add_fixed_price_derives_what_is_off(office: Client) -> None:
    code = add(office, **FIXED, duration="forever")
    assert (code.offer.fixed_price_amount, code.offer.amount_off, code.offer.currency) == (7000, 2950, "usd")
    assert code.offer.name == "$70.00 instead of $99.50, for ever"


def test_add_clears_what_the_kind_hides(office: Client) -> None:
    code = add(
        office, kind="free", amount_off="5.00", currency="usd", fixed_price_amount="1", percent_off="3"
    )
    offer = code.offer
    assert (offer.percent_off, offer.amount_off, offer.fixed_price_amount, offer.currency) == (
        100,
        None,
        None,
        "",
    )


def test_add_with_every_limit_keeps_them(office: Client) -> None:
    customer, campaign = factories.CustomerFactory(), factories.CampaignFactory()
    code = add(
        office,
        campaign=campaign.pk,
        customer=customer.pk,
        max_redemptions="100",
        max_redemptions_per_customer="1",
        first_time_only="on",
        minimum_amount="50.00",
        minimum_amount_currency="usd",
        expires_at_0="2030-01-01",
        expires_at_1="00:00:00",
    )
    assert (code.campaign, code.customer, code.minimum_amount) == (campaign, customer, 5000)
    assert (code.max_redemptions, code.max_redemptions_per_customer, code.first_time_only) == (100, 1, True)


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"percent_off": "0"}, "percent_off", "above 0"),
        ({"percent_off": "101"}, "percent_off", "at most 100"),
        ({"percent_off": "ten"}, "percent_off", "number"),
        ({"percent_off": ""}, "percent_off", "Enter the percentage"),
        ({"name": "x" * 41}, "name", "at most 40 characters"),
        ({**FIXED, "fixed_price_amount": "99.50"}, "fixed_price_amount", "below the list price of $99.50"),
        ({**FIXED, "fixed_price_amount": "120"}, "fixed_price_amount", "below the list price of $99.50"),
        ({**FIXED, "fixed_price_amount": "-1"}, "fixed_price_amount", "price that the customer pays"),
        ({**FIXED, "fixed_price_amount": ""}, "fixed_price_amount", "price that the customer pays"),
        ({**FIXED, "list_price_id": ""}, "list_price_id", "Choose the plan"),
        ({**FIXED, "list_price_id": "price_gone"}, "list_price_id", "not one of the available choices"),
        ({"kind": "amount", "amount_off": "0", "currency": "usd"}, "amount_off", "above zero"),
        ({"kind": "amount", "amount_off": "-5", "currency": "usd"}, "amount_off", "above zero"),
        ({"kind": "amount", "amount_off": "5.005", "currency": "usd"}, "amount_off", "2 decimals"),
        ({"kind": "amount", "amount_off": "5.5", "currency": "jpy"}, "amount_off", "no decimals"),
        ({"kind": "amount", "amount_off": "1e99999", "currency": "usd"}, "amount_off", "such as 99.50"),
        ({"kind": "amount", "amount_off": "5"}, "currency", "Choose the currency"),
        ({"kind": "other"}, "kind", "not one of the available choices"),
        ({"duration": "repeating"}, "duration_in_months", "number of months"),
        (
            {"duration": "repeating", "duration_in_months": "0"},
            "duration_in_months",
            "greater than or equal to 1",
        ),
        ({"code": "TWENTY %"}, "code", "letters A to Z"),
        ({"code": "ÉTÉ"}, "code", "letters A to Z"),
        ({"code": "X" * 256}, "code", "at most 255"),
        ({"code": "taken"}, "code", "already a code with this text"),
        ({"max_redemptions": "0"}, "max_redemptions", "at least one use"),
        ({"minimum_amount": "50"}, "minimum_amount_currency", "Choose the currency"),
        ({"minimum_amount": "0", "minimum_amount_currency": "usd"}, "minimum_amount", "above zero"),
        ({"product_ids": ["prod_gone"]}, "product_ids", "not one of the available choices"),
        (
            {
                "starts_at_0": "2030-01-02",
                "starts_at_1": "00:00",
                "expires_at_0": "2030-01-01",
                "expires_at_1": "00:00",
            },
            "expires_at",
            "must end after it starts",
        ),
        ({"expires_at_0": "2020-01-01"}, "expires_at", "would already be over"),
    ],
)
def test_add_refuses_beside_the_field(fields: dict[str, Any], field: str, words: str, office: Client) -> None:
    factories.PromoCodeFactory(code="TAKEN")
    found = errors(office, **fields)
    assert list(found) == [field]
    assert words in " ".join(found[field])


def test_add_tells_of_several_mistakes_at_once(office: Client) -> None:
    assert set(errors(office, code="A B", percent_off="101", minimum_amount="x", name="x" * 41)) == {
        "code",
        "percent_off",
        "minimum_amount_currency",
        "name",
    }


def test_dates_without_times_are_whole_days(office: Client, settings: Settings) -> None:
    settings.TIME_ZONE = "Europe/Vienna"
    code = add(office, starts_at_0="2030-01-01", expires_at_0="2030-01-31")
    assert code.starts_at == datetime(2029, 12, 31, 23, tzinfo=UTC)
    assert code.expires_at == datetime(2030, 1, 31, 22, 59, 59, tzinfo=UTC)
    assert "until the end of that day, Europe/Vienna." in office.get(ADD).content.decode()


def test_change_shows_terms_as_typed(office: Client) -> None:
    code = add(office, kind="amount", amount_off="29.50", currency="usd")
    form = office.get(change_address(code)).context["adminform"].form
    assert (form.initial["amount_off"], form.initial["kind"], form.initial["currency"]) == (
        "29.50",
        "amount",
        "usd",
    )


def test_change_edits_the_offer_it_has(office: Client) -> None:
    code = add(office)
    office.post(change_address(code), FORM | {"percent_off": "25", "name": code.offer.name})
    code.offer.refresh_from_db()
    assert code.offer.percent_off == 25
    assert Offer.objects.count() == 1


def test_change_of_value_renews_the_name_that_says_it(office: Client) -> None:
    code = add(office)
    form = office.get(change_address(code)).context["adminform"].form
    office.post(change_address(code), FORM | {"percent_off": "25", "name": form.initial["name"]})
    code.offer.refresh_from_db()
    assert code.offer.name == "25% off, once"


def test_change_with_mistake_changes_nothing(office: Client) -> None:
    code = add(office)
    answer = office.post(change_address(code), FORM | {"percent_off": "250", "code": "OTHER"})
    assert answer.status_code == 200
    code.refresh_from_db()
    assert (code.code, code.offer.percent_off) == ("LAUNCH20", 20)


def test_change_of_code_in_a_group_cannot_touch_shared_terms(office: Client) -> None:
    code = add(office)
    factories.PromoCodeFactory(offer=code.offer)
    office.post(change_address(code), FORM | {"percent_off": "99", "description": "for partners"})
    code.refresh_from_db()
    code.offer.refresh_from_db()
    assert (code.offer.percent_off, code.description) == (20, "for partners")


def test_change_of_code_whose_terms_only_stripe_knows_leaves_them_alone(office: Client) -> None:
    offer = factories.OfferFactory(kind="other", percent_off=None, name="Script coupon")
    code = factories.PromoCodeFactory(offer=offer)
    page = office.get(change_address(code)).content.decode()
    assert "Terms kept in Stripe" in page
    assert 'name="percent_off"' not in page
    assert office.post(change_address(code), FORM | {"description": "theirs"}).status_code == 403
    offer.refresh_from_db()
    assert (offer.kind, offer.percent_off, offer.name) == ("other", None, "Script coupon")


def test_archived_code_cannot_be_changed(office: Client, now: datetime) -> None:
    code = factories.PromoCodeFactory(archived_at=now)
    assert office.get(change_address(code)).status_code == 200
    assert office.post(change_address(code), FORM).status_code == 403


def test_change_page_says_what_stripe_answered(office: Client) -> None:
    code = factories.PromoCodeFactory()
    PromoCode.objects.update(sync_status="error", sync_error="Stripe refused: <no> such coupon")
    page = office.get(change_address(code)).content.decode()
    assert "Stripe refused: &lt;no&gt; such coupon" in page


def test_code_cannot_be_deleted(office: Client) -> None:
    code = factories.PromoCodeFactory()
    assert (
        office.post(reverse("admin:promos_promocode_delete", args=[code.pk]), {"post": "yes"}).status_code
        == 403
    )


@pytest.mark.parametrize("kind", ["promocode", "codebatch", "campaign"])
def test_add_begins_with_the_currency_when_there_is_one(kind: str, owner: User, client: Client) -> None:
    def chosen() -> str:
        form = client.get(reverse(f"admin:promos_{kind}_add")).context["adminform"].form
        return str(form["currency"].value())

    client.force_login(owner)
    factories.PriceFactory(currency="usd")
    assert chosen() == "usd"
    factories.PriceFactory(currency="eur")
    assert chosen() == ""
