"""Taking over codes from another system's CSV, with the rules of a code made by hand."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User

from promos import codes
from promos.imports import importer, tables
from promos.imports.importer import Mismatch, Outcome, Report, Request, Unreadable
from promos.models import Offer, PromoCode
from promos.sync import push
from tests.factories import CampaignFactory, PromoCodeFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 10, 1, tzinfo=UTC)


def run(text: str, **options: Any) -> Report:
    return importer.run(Request(text.encode(), **options), now=NOW)


def only(text: str, **options: Any) -> PromoCode:
    """Import a file of one row and return its code."""
    report = run(text, **options)
    assert (report.refusal, report.count(Outcome.IMPORTED)) == ("", 1), report.rows
    return PromoCode.objects.get()


def refusal_of(text: str, **options: Any) -> str:
    """Return why the one row of a file is refused."""
    report = run(text, **options)
    assert not PromoCode.objects.exists()
    [row] = report.rows
    assert row.outcome == Outcome.REFUSED
    return row.reason


def test_import_makes_pending_codes_with_their_terms() -> None:
    code = only(
        "code,percent_off,max_redemptions,expires_at,description\n summer20 ,12.5,100,2026-12-31,From Acme\n"
    )
    assert (code.code, code.max_redemptions, code.description) == ("SUMMER20", 100, "From Acme")
    assert (code.offer.kind, code.offer.percent_off, code.offer.name) == (
        "percent",
        Decimal("12.5"),
        "12.5% off, once",
    )
    assert code.expires_at == datetime(2027, 1, 1, tzinfo=UTC)
    assert (code.sync_status, codes.status(code, NOW)) == ("pending", codes.Status.ACTIVE)


def test_imported_code_can_be_pushed(standin: object, now: datetime) -> None:
    code = only("code,amount_off,currency,products\nTEN,10.00,EUR,\n")
    push.work(now)
    code.refresh_from_db()
    assert (code.sync_status, code.sync_error) == ("synced", "")


def test_rows_of_equal_terms_share_one_offer() -> None:
    run("code,percent_off\nA,20\nB,20.00\nC,30\n")
    assert PromoCode.objects.get(code="A").offer == PromoCode.objects.get(code="B").offer
    assert Offer.objects.count() == 2


def test_headers_of_other_systems_are_understood() -> None:
    text = (
        "Coupon Code;Discount Type;Coupon Amount;Currency;Usage Limit;Usage count;Expiry Date;Free shipping\n"
        "Hello;fixed_cart;1,234.50;usd;10;4;2026-12-31 23:59:59 -0500;no\n"
    )
    report = run(text)
    code = PromoCode.objects.get()
    assert (code.offer.amount_off, code.offer.currency, code.max_redemptions) == (123450, "usd", 6)
    assert code.expires_at == datetime(2027, 1, 1, 4, 59, 59, tzinfo=UTC)
    assert report.ignored == ["Free shipping"]


@pytest.mark.parametrize(
    ("row", "amount"), [("9.50,usd", 950), ("950,jpy", 950), ("1.234,kwd", 1234), ("$5,USD", 500)]
)
def test_amounts_are_in_the_currencys_units(row: str, amount: int) -> None:
    assert only(f"code,amount_off,currency\nA,{row}\n").offer.amount_off == amount


@pytest.mark.parametrize(
    ("row", "kind", "duration"),
    [
        ("free,,", "free", "forever"),
        ("percent,20,", "percent", "once"),
        ("percentage,20%,3", "percent", "repeating"),
    ],
)
def test_type_and_value_beside_each_other(row: str, kind: str, duration: str) -> None:
    offer = only(f"code,type,amount,months\nA,{row}\n").offer
    assert (offer.kind, offer.duration) == (kind, duration)


def test_code_switched_off_over_there_is_paused_here() -> None:
    assert only("code,percent_off,status\nA,20,disabled\n").paused_at == NOW


def test_campaign_is_found_by_name() -> None:
    campaign = CampaignFactory(name="Spring")
    assert only("code,percent_off,campaign\nA,20,spring\n").campaign == campaign


def test_columns_can_be_named_and_values_set_for_all_rows() -> None:
    code = only(
        "Gutschein,Wert\nA,5.00\n",
        mapping={"code": "gutschein", "amount_off": "Wert"},
        constants={"currency": "eur"},
    )
    assert (code.offer.amount_off, code.offer.currency) == (500, "eur")


@pytest.mark.parametrize(
    ("header", "row", "words"),
    [
        ("code,percent_off", "NO SPACES,20", "code: Use letters A to Z, digits and hyphens only."),
        ("code,percent_off", ",20", "code: Use letters"),
        ("code,percent_off", "A,0", "percent_off: 0 could be"),
        ("code,percent_off", "A,0.2", "0.2 could be 0.2% or 20%"),
        ("code,percent_off", "A,101", "percent_off: The percentage must be at most 100."),
        ("code,percent_off", "A,", "percent_off: Give one value"),
        ("code,percent_off,amount_off,currency", "A,20,5,usd", "Give one value"),
        ("code,discount", "A,20", "could be a percentage or an amount"),
        ("code,type,value", "A,free_shipping,1", "type: “free_shipping” is not known"),
        ("code,amount_off", "A,5", "currency: An amount needs its currency"),
        ("code,amount_off,currency", 'A,"29,50",usd', "amount_off: Enter an amount such as 99.50."),
        ("code,amount_off,currency", "A,9.5,jpy", "amount_off: JPY has no decimals."),
        ("code,amount_off,currency", "A,-5,usd", "amount_off: The amount must be above zero."),
        ("code,percent_off,name", f"A,20,{'x' * 41}", "name: Ensure this value has at most 40 characters"),
        ("code,percent_off,expires_at", "A,20,31.12.2026", "expires_at: Write a time such as 2026-12-31"),
        ("code,percent_off,starts_at,expires_at", "A,20,2027-02-01,2027-01-01", "must end after it starts"),
        ("code,percent_off,max_redemptions", "A,20,many", "max_redemptions: Write a whole number"),
        ("code,percent_off,max_per_customer", "A,20,0", "Allow at least one use"),
        ("code,percent_off,duration", "A,20,weekly", "duration: Write once, repeating or forever."),
        ("code,percent_off,duration", "A,20,repeating", "duration_in_months: Enter for how many months."),
        ("code,percent_off,duration,months", "A,20,once,3", "months: A number of months goes with"),
        ("code,percent_off,campaign", "A,20,Nowhere", "There is no campaign “Nowhere”"),
        ("code,percent_off,first_time", "A,20,perhaps", "first_time: Write yes or no."),
        ("code,percent_off,active", "A,20,perhaps", "active: Write active or inactive."),
        ("code,percent_off", "A,20,30", "It has 3 cells, the header 2"),
    ],
)
def test_bad_row_is_refused_in_words(header: str, row: str, words: str) -> None:
    assert words in refusal_of(f"{header}\n{row}\n")


@pytest.mark.parametrize(
    ("header", "row", "words"),
    [
        ("code,percent_off,expires_at", "A,20,2026-09-29", "It expired on 2026-09-30."),
        ("code,percent_off,max_redemptions,used", "A,20,5,5", "It is used up: 5 of 5."),
        ("code,percent_off,status", "A,20,Expired", "It is “Expired” over there."),
    ],
)
def test_code_of_no_more_use_is_skipped(header: str, row: str, words: str) -> None:
    report = run(f"{header}\n{row}\n")
    assert (report.refusal, report.rows[0].outcome, report.rows[0].reason) == ("", Outcome.SKIPPED, words)


def test_one_bad_row_keeps_the_whole_file_out() -> None:
    report = run("code,percent_off\nA,20\nB,200\nC,30\n")
    assert report.refusal == "1 of 3 rows cannot be imported, so none is."
    assert [row.outcome for row in report.rows] == [Outcome.READY, Outcome.REFUSED, Outcome.READY]
    assert not PromoCode.objects.exists()
    assert not Offer.objects.exists()


def test_bad_rows_can_be_left_out() -> None:
    report = run("code,percent_off\nA,20\nB,200\n", skip_bad=True)
    assert (report.refusal, report.count(Outcome.IMPORTED), report.count(Outcome.REFUSED)) == ("", 1, 1)
    assert PromoCode.objects.get().code == "A"


def test_codes_are_imported_in_somebodys_name(owner: User) -> None:
    importer.run(Request(b"code,percent_off\nA,20\n"), now=NOW, by=owner)
    assert PromoCode.objects.get().terms_changed_by == owner


def test_dry_run_saves_nothing() -> None:
    report = run("code,percent_off\nA,20\n", dry_run=True)
    assert (report.count(Outcome.READY), PromoCode.objects.count(), Offer.objects.count()) == (1, 0, 0)


def test_second_import_passes_over_what_exists() -> None:
    run("code,percent_off\nA,20\n")
    report = run("code,percent_off\na,20\nB,30\n")
    assert [row.outcome for row in report.rows] == [Outcome.SKIPPED, Outcome.IMPORTED]
    assert (PromoCode.objects.count(), Offer.objects.count()) == (2, 2)


def test_text_of_an_archived_code_is_free() -> None:
    PromoCodeFactory(code="A", archived_at=NOW - timedelta(days=1))
    assert run("code,percent_off\nA,20\n").count(Outcome.IMPORTED) == 1


def test_same_code_twice_in_the_file_is_refused_with_both_lines() -> None:
    report = run('code,percent_off,description\nA,20,"two\nlines"\n\na,30,\n')
    assert [(row.line, row.reason) for row in report.rows] == [
        (2, ""),
        (5, "code: Line 2 has the same code."),
    ]


def test_code_made_meanwhile_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    PromoCodeFactory(code="B")
    monkeypatch.setattr(importer, "_skip_existing", lambda rows: None)
    report = run("code,percent_off\nA,20\nB,20\n")
    assert "at the same moment" in report.refusal
    assert not PromoCode.objects.filter(code="A").exists()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "The file is empty"),
        ("code,percent_off\nA,20\nÄ,20\n".encode("latin-1"), "Line 3 is not UTF-8"),
        ("code,percent_off\nA,20\n".encode("utf-16"), "The file is UTF-16"),
        (b"PK\x03\x04\0\0", "This is not a text file."),
        (b'code,percent_off\nA,20\n"B,20\n', "The row that begins on line 3 cannot be read"),
        (b"code\n" + b"A" * tables.MAX_BYTES, "larger than 25 MiB"),
    ],
)
def test_unreadable_file_is_refused_in_words(data: bytes, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        importer.run(Request(data), now=NOW)


def test_file_of_too_many_rows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_ROWS", 2)
    with pytest.raises(Unreadable, match="more than 2 rows"):
        run("code,percent_off\nA,20\nB,20\nC,20\n")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_found_and_a_byte_order_mark_passed_over(delimiter: str) -> None:
    only("\ufeff" + "code,percent_off\nA,20\n".replace(",", delimiter))


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("name,percent_off\n", {}, "No column is the code"),
        ("Coupon,Promo code,percent_off\n", {}, "Both “Coupon” and “Promo code” could be the code"),
        ("code\n", {"mapping": {"colour": "code"}}, "There is no “colour” here"),
        ("code\n", {"mapping": {"percent_off": "Rabatt"}}, "The file has no column “Rabatt”"),
        ("code\n", {"constants": {"colour": "red"}}, "There is no “colour” here"),
    ],
)
def test_columns_that_cannot_be_told_are_refused(text: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(Mismatch, match=words):
        run(text, **options)
