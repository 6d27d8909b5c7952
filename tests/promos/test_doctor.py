"""Each kind of unsound row is found and, where the repair is safe, mended; sound rows are left alone."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from promos.doctor import examination
from promos.doctor.findings import Finding, Repair
from promos.models import Offer, PromoCode, StripePromotionCode
from promos.standin.server import Standin
from tests.factories import (
    CampaignFactory,
    OfferFactory,
    PriceFactory,
    ProductFactory,
    PromoCodeFactory,
    SyncedPromoCodeFactory,
)
from tests.promos import sides

pytestmark = pytest.mark.django_db

AMOUNT = {"kind": "amount", "percent_off": None, "currency": "usd"}


@pytest.fixture
def unconstrained(db: None) -> Iterator[None]:
    """Let rows be written as another program would, or as before there were constraints."""
    tables = [Offer._meta.db_table, PromoCode._meta.db_table]
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA ignore_check_constraints = ON")
        else:
            # The test's transaction is rolled back, and this with it.
            for table in tables:
                found = connection.introspection.get_constraints(cursor, table)
                for name in (name for name, one in found.items() if one["check"]):
                    cursor.execute(f'ALTER TABLE "{table}" DROP CONSTRAINT "{name}"')
            cursor.execute("ALTER TABLE promos_offer ALTER name TYPE text, ALTER amount_off TYPE numeric")
    yield
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA ignore_check_constraints = OFF")


def examine(now: datetime) -> list[Finding]:
    return list(examination.examine(now))


def kinds(now: datetime) -> list[str]:
    return [finding.kind for finding in examine(now)]


def mend(now: datetime, **options: Any) -> list[examination.Mended]:
    return list(examination.mend(examine(now), now=now, **options))


def raw(row: Any, **values: Any) -> Any:
    type(row).objects.filter(pk=row.pk).update(**values)
    row.refresh_from_db()
    return row


def test_sound_rows_are_left_alone(now: datetime) -> None:
    price = PriceFactory()
    SyncedPromoCodeFactory(max_redemptions=3, used_count=3)
    SyncedPromoCodeFactory(
        offer=OfferFactory(**AMOUNT, name="$0.20 off", amount_off=20, currency_amounts={"eur": 18})
    )
    PromoCodeFactory(offer=OfferFactory(kind="free", percent_off=100, product_ids=[price.product.id]))
    PromoCodeFactory(offer=OfferFactory(name="0.5% for fun", percent_off=Decimal("0.5")))
    OfferFactory(**AMOUNT | {"kind": "fixed_price"}, amount_off=2950, fixed_price_amount=7000, list_price_amount=9950, list_price_id=price.id)  # fmt: skip
    OfferFactory(kind="other", percent_off=None, name="")
    raw(PromoCodeFactory(submitted_at=None), sync_status="synced")
    assert examine(now) == []


@pytest.mark.parametrize("amount_off", [20, 2000])
def test_percentage_stored_as_an_amount_is_made_one(now: datetime, amount_off: int) -> None:
    offer = OfferFactory(name="20% off", **AMOUNT, amount_off=amount_off)
    assert kinds(now) == ["percentage_as_amount"]
    [mended] = mend(now)
    offer.refresh_from_db()
    assert mended.before == {
        "kind": "amount",
        "percent_off": None,
        "amount_off": amount_off,
        "currency": "usd",
    }
    assert (offer.kind, offer.percent_off, offer.amount_off, offer.currency) == ("percent", 20, None, "")
    assert examine(now) == []


def test_fraction_in_an_amount_is_the_percentage_it_was(unconstrained: None, now: datetime) -> None:
    offer = OfferFactory(name="Spring", **AMOUNT, amount_off=20)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE promos_offer SET amount_off = 0.2 WHERE id = %s", [offer.pk])
    assert [(one.kind, one.sentence) for one in examine(now)] == [
        ("percentage_as_amount", "The amount off is 0.2, which is the percentage 20%.")
    ]
    mend(now)
    offer.refresh_from_db()
    assert (offer.kind, offer.percent_off, offer.amount_off) == ("percent", 20, None)


@pytest.mark.parametrize(
    ("name", "currency", "found"), [("SUMMER20", "usd", 1), ("$0.20 off", "usd", 0), ("SUMMER20", "jpy", 0)]
)
def test_amount_of_some_cents_is_asked_about(now: datetime, name: str, currency: str, found: int) -> None:
    OfferFactory(**AMOUNT | {"currency": currency}, name=name, amount_off=20)
    findings = examine(now)
    assert [one.kind for one in findings] == ["less_than_one"] * found
    assert all(one.sentence == "It takes off $0.20; 20% or $20.00 was probably meant." for one in findings)


@pytest.mark.parametrize("value", [AMOUNT | {"amount_off": 20}, {"percent_off": Decimal("0.5")}])
def test_small_value_made_in_stripe_is_meant(now: datetime, value: dict[str, Any]) -> None:
    code = SyncedPromoCodeFactory(offer=OfferFactory(name="Fair", **value))
    assert len(examine(now)) == 1
    code.offer.stripe_coupons.update(stripe_coupon_id="Z4OV52SU")
    assert examine(now) == []


def test_percentage_in_the_amount_of_a_percent_offer(unconstrained: None, now: datetime) -> None:
    offer = raw(OfferFactory(name="20% off"), percent_off=None, amount_off=20)
    mend(now)
    offer.refresh_from_db()
    assert (offer.kind, offer.percent_off, offer.amount_off) == ("percent", 20, None)
    assert examine(now) == []


def test_terms_that_stripe_has_are_not_mended_unasked(now: datetime) -> None:
    code = SyncedPromoCodeFactory(offer=OfferFactory(name="20% off", **AMOUNT, amount_off=20))
    [finding] = examine(now)
    assert (finding.repair.is_safe, mend(now)) == (False, [])
    assert finding.subject == f"Offer “20% off” (code {code.code})"
    assert "Stripe has a coupon of the old terms" in finding.repair.sentence


@pytest.mark.parametrize(("name", "is_safe"), [("20% off", True), ("Spring", False)])
def test_fraction_as_percentage_is_mended_when_its_name_agrees(
    now: datetime, name: str, is_safe: bool
) -> None:
    offer = OfferFactory(name=name, percent_off=Decimal("0.2"))
    [finding] = examine(now)
    mend(now)
    offer.refresh_from_db()
    assert (finding.kind, finding.repair.is_safe) == ("fraction_as_percentage", is_safe)
    assert offer.percent_off == (20 if is_safe else Decimal("0.2"))


@pytest.mark.parametrize(
    ("values", "kind", "after"),
    [
        ({"percent_off": 150}, "percentage_out_of_range", None),
        ({"amount_off": 500, "currency": "usd"}, "two_values", {"amount_off": None, "currency": ""}),
        ({"kind": "amount", "amount_off": 500, "currency": "usd"}, "two_values", {"percent_off": None}),
        ({"kind": "amount"}, "no_value", {"kind": "percent"}),
        ({"percent_off": None, "amount_off": 500, "currency": "usd"}, "no_value", {"kind": "amount"}),
        ({"percent_off": None}, "no_value", None),
        ({"kind": "free"}, "free_but_not_all", {"percent_off": 100}),
        ({"duration_in_months": 3}, "months_without_repeating", {"duration_in_months": None}),
        ({"duration": "repeating"}, "repeating_without_months", None),
    ],
)
def test_offer_that_contradicts_itself(
    unconstrained: None, now: datetime, values: dict[str, Any], kind: str, after: dict[str, Any] | None
) -> None:
    offer = raw(OfferFactory(name="Spring"), **values)
    assert kinds(now) == [kind]
    mend(now)
    offer.refresh_from_db()
    if after is None:
        assert kinds(now) == [kind]
    else:
        assert {name: getattr(offer, name) for name in after} == after
        assert examine(now) == []


def test_name_over_stripes_limit_is_cut(unconstrained: None, now: datetime) -> None:
    offer = raw(OfferFactory(), name="A very long name of an offer " * 2)
    assert kinds(now) == ["name_too_long"]
    mend(now)
    offer.refresh_from_db()
    assert offer.name == "A very long name of an offer A very long"


@pytest.mark.parametrize(("sold_in", "currency"), [(["eur"], "eur"), (["eur", "usd"], ""), ([], "")])
def test_missing_currency_is_the_one_that_everything_is_sold_in(
    unconstrained: None, now: datetime, sold_in: list[str], currency: str
) -> None:
    for one in sold_in:
        PriceFactory(currency=one)
    offer = raw(OfferFactory(**AMOUNT, amount_off=500), currency="")
    assert kinds(now) == ["currency_missing"]
    mend(now)
    offer.refresh_from_db()
    assert offer.currency == currency


def test_currencies_are_written_as_stripe_does(now: datetime) -> None:
    code = SyncedPromoCodeFactory(offer=OfferFactory(**AMOUNT, amount_off=500), minimum_amount=5, minimum_amount_currency="USD")  # fmt: skip
    offer = raw(code.offer, currency="USD", currency_amounts={"EUR": 450})
    assert kinds(now) == ["currency_misspelt", "minimum_misspelt"]
    mend(now)
    offer.refresh_from_db()
    assert (offer.currency, offer.currency_amounts) == ("usd", {"eur": 450})
    assert examine(now) == []


def test_fixed_price_must_lie_below_its_known_list_price(now: datetime) -> None:
    OfferFactory(name="Seventy", kind="fixed_price", percent_off=None, amount_off=1, currency="usd", fixed_price_amount=9950, list_price_amount=9950, list_price_id="price_gone")  # fmt: skip
    found = examine(now)
    assert [one.kind for one in found] == ["fixed_price_not_below_list", "list_price_unknown"]
    assert found[0].sentence == "The fixed price of $99.50 is not below the list price of $99.50."
    assert mend(now) == []


def test_amount_off_of_a_fixed_price_is_derived_again(now: datetime) -> None:
    price = PriceFactory()
    offer = OfferFactory(kind="fixed_price", percent_off=None, amount_off=7000, currency="usd", fixed_price_amount=7000, list_price_amount=9950, list_price_id=price.id)  # fmt: skip
    assert kinds(now) == ["fixed_price_misderived"]
    mend(now)
    offer.refresh_from_db()
    assert offer.amount_off == 2950


@pytest.mark.parametrize(
    ("named", "is_known"), [("price_1", True), ("Team", True), ("prod_elsewhere", False)]
)
def test_product_that_stripe_does_not_have(now: datetime, named: str, is_known: bool) -> None:
    product = ProductFactory(title="Team", name="Team")
    PriceFactory(id="price_1", product=product)
    offer = OfferFactory(product_ids=[named])
    assert kinds(now) == ["product_unknown"]
    mend(now)
    offer.refresh_from_db()
    assert offer.product_ids == ([product.id] if is_known else [named])


@pytest.mark.parametrize(
    ("text", "mended"), [("summer20", "SUMMER20"), (" A-1 ", "A-1"), ("SUMMER 20", None), ("Ä", None)]
)
def test_text_that_stripe_refuses(now: datetime, text: str, mended: str | None) -> None:
    code = raw(PromoCodeFactory(), code=text)
    assert kinds(now) == ["text_not_allowed"]
    mend(now)
    code.refresh_from_db()
    assert code.code == (mended or text)


def test_text_that_would_clash_is_left_to_the_owner(now: datetime) -> None:
    PromoCodeFactory(code="SUMMER20")
    raw(PromoCodeFactory(), code="summer20")
    [finding] = examine(now)
    assert finding.repair.sentence == "There is another code SUMMER20: archive one of them."
    assert mend(now) == []


def test_archived_codes_are_left_alone(now: datetime) -> None:
    raw(PromoCodeFactory(archived_at=now), code="ä", max_redemptions=1, used_count=2)
    assert examine(now) == []


def test_cap_below_the_uses_is_raised_to_them(now: datetime) -> None:
    code = SyncedPromoCodeFactory(max_redemptions=5, used_count=7)
    assert kinds(now) == ["cap_below_uses"]
    mend(now)
    code.refresh_from_db()
    assert (code.max_redemptions, examine(now)) == (7, [])
    assert code.history.latest().history_change_reason == "Mended by the data doctor"


def test_code_whose_days_contradict_each_other(unconstrained: None, now: datetime) -> None:
    raw(PromoCodeFactory(), starts_at=now + timedelta(days=2), expires_at=now + timedelta(days=1))
    PromoCodeFactory(campaign=CampaignFactory(ends_at=now), starts_at=now + timedelta(days=1))
    assert kinds(now) == ["ends_before_start", "outside_its_campaign"]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"max_redemptions": 0}, "cap_of_zero"),
        ({"max_redemptions_per_customer": 0}, "cap_of_zero"),
        ({"minimum_amount": 500}, "minimum_without_currency"),
    ],
)
def test_limit_that_makes_no_sense(
    unconstrained: None, now: datetime, values: dict[str, Any], kind: str
) -> None:
    raw(PromoCodeFactory(), **values)
    assert (kinds(now), mend(now)) == ([kind], [])


def test_synced_code_that_stripe_knows_nothing_of_is_pushed_again(now: datetime) -> None:
    code = raw(PromoCodeFactory(), sync_status="synced")
    assert kinds(now) == ["not_at_stripe"]
    mend(now)
    code.refresh_from_db()
    assert (code.sync_status, examine(now)) == ("pending", [])


def test_promotion_code_without_its_id_is_looked_up_again(now: datetime) -> None:
    code = SyncedPromoCodeFactory()
    StripePromotionCode.objects.update(stripe_promotion_code_id=None)
    assert kinds(now) == ["not_at_stripe", "generation_without_id"]
    mend(now)
    code.refresh_from_db()
    assert (code.sync_status, code.stripe_promotion_codes.get().state) == ("pending", "creating")


def test_promotion_code_without_its_id_is_made_anew_by_the_next_push(standin: Standin, now: datetime) -> None:
    code = sides.synced(now)
    made = sides.stripe_id(code)
    StripePromotionCode.objects.update(stripe_promotion_code_id=None)
    mend(now)
    sides.push_all(now)
    code.refresh_from_db()
    assert (code.sync_status, code.sync_error) == ("synced", "")
    assert sides.stripe_id(code) == made


def test_dry_run_shows_the_change_and_saves_nothing(now: datetime) -> None:
    code = SyncedPromoCodeFactory(max_redemptions=5, used_count=7)
    [mended] = mend(now, dry_run=True)
    code.refresh_from_db()
    assert (mended.before, mended.after) == ({"max_redemptions": 5}, {"max_redemptions": 7})
    assert code.max_redemptions == 5


def test_repair_that_the_database_refuses_is_told(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    def bad_advice(found: Any) -> Iterator[Finding]:
        for code in found:
            yield Finding("bad", code, "", Repair("", {"max_redemptions": 0}, is_safe=True))

    code = PromoCodeFactory()
    monkeypatch.setattr(examination, "rules", lambda now: {PromoCode: (bad_advice,)})
    [mended] = mend(now)
    code.refresh_from_db()
    assert "The database refused it" in mended.refusal
    assert code.max_redemptions is None
