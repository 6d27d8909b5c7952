"""Export, import and preview of codes."""

import csv
from io import BytesIO, StringIO

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from promos import spreadsheets
from promos.admin import importing
from promos.models import PromoCode
from tests import factories
from tests.promos.test_admin_code_form import FORM as CODE

pytestmark = pytest.mark.django_db
EXPORT = reverse("admin:promos_promocode_export")
IMPORT = reverse("admin:promos_promocode_import_file")
PREVIEW = reverse("admin:promos_promocode_preview")


@pytest.fixture
def office(owner: User, client: Client) -> Client:
    factories.PriceFactory(id="price_monthly", amount=10_000)
    client.force_login(owner)
    return client


def exported(office: Client, **query: str) -> list[dict[str, str]]:
    answer = office.get(EXPORT, query)
    assert answer.streaming
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(StringIO(text)))


def test_export_holds_what_is_filtered(office: Client) -> None:
    factories.PromoCodeFactory(code="USED", used_count=3, minimum_amount=5050, minimum_amount_currency="usd")
    factories.PromoCodeFactory(code="UNUSED")
    [row] = exported(office, uses="used")
    assert (row["code"], row["gives"], row["used"]) == ("USED", "20% off, once", "3")
    assert (row["minimum_amount"], row["minimum_currency"]) == ("50.50", "USD")


def test_export_takes_one_query_for_many_codes(office: Client, django_assert_max_num_queries) -> None:
    factories.PromoCodeFactory.create_batch(60)
    with django_assert_max_num_queries(12):
        assert len(exported(office)) == 60


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "  ="])
def test_export_disarms_formulas(start: str, office: Client) -> None:
    assert spreadsheets.safe(f"{start}1+1").startswith("'")
    factories.PromoCodeFactory(description=f"{start}HYPERLINK()")
    assert exported(office)[0]["description"].startswith("'")


@pytest.mark.parametrize(
    ("cell", "shown"), [("-20.6 %", "-20.6 %"), ("-5", "-5"), ("-5-5", "'-5-5"), ("-5%%", "'-5%%")]
)
def test_export_leaves_numbers_below_zero(cell: str, shown: str) -> None:
    assert spreadsheets.safe(cell) == shown


def upload(text: str) -> BytesIO:
    file = BytesIO(text.encode())
    file.name = "codes.csv"
    return file


def test_import_says_first_what_would_become_of_it(office: Client) -> None:
    answer = office.post(IMPORT, {"file": upload("code,percent\nSPRING,20\nSUMMER,30\n")})
    checked = answer.context["checked"]
    assert checked.counts == [("would be imported", 2)]
    assert "Show the codes" not in answer.content.decode()
    assert not PromoCode.objects.exists()
    answer = office.post(IMPORT, {"token": checked.token})
    assert answer.context["checked"].counts == [("imported", 2)]
    assert "Show the codes" in answer.content.decode()
    assert set(PromoCode.objects.values_list("code", flat=True)) == {"SPRING", "SUMMER"}


def test_import_names_the_columns_it_understands(office: Client) -> None:
    page = office.get(IMPORT).content.decode()
    assert "further_amounts, duration, months, products, max_redemptions" in page


def test_import_names_bad_rows_and_imports_none(office: Client) -> None:
    answer = office.post(IMPORT, {"file": upload("code,percent\nSPRING,20\nBAD ONE,20\nX,lots\n")})
    page = answer.content.decode()
    assert "2 of 3 rows cannot be imported" in page
    assert "Use letters A to Z, digits and hyphens only." in page
    assert "Import now" not in page


@pytest.mark.parametrize("text", ["", "nothing,that,is,known\n1,2,3,4\n", "code,percent\n\ufffd"])
def test_import_refuses_what_is_no_table_beside_the_field(text: str, office: Client) -> None:
    answer = office.post(IMPORT, {"file": upload(text)})
    assert answer.status_code == 200
    assert answer.context["checked"] is None or not answer.context["checked"].may_be_imported


def test_import_that_was_checked_by_another_or_too_long_ago_is_refused(office: Client) -> None:
    assert "choose it again" in office.post(IMPORT, {"token": "unknown"}).content.decode()


def test_upload_over_the_limit_is_refused_before_it_is_read(office: Client, settings: Settings) -> None:
    settings.UPLOAD_LIMIT_BYTES = 1000
    answer = office.post(IMPORT, {"file": upload("x" * 2000)})
    assert answer.status_code == 413


def test_import_form_refuses_a_large_file(monkeypatch: pytest.MonkeyPatch, office: Client) -> None:
    monkeypatch.setattr(importing.tables, "MAX_BYTES", 10)
    answer = office.post(IMPORT, {"file": upload("x" * 20)})
    assert "larger than" in answer.content.decode()


def test_preview_shows_the_price_on_each_plan(office: Client) -> None:
    page = office.post(PREVIEW, CODE | {"percent_off": "20"}).content.decode()
    assert "$100.00" in page
    assert "$80.00" in page
    assert "will be made in Stripe" in page
    assert not PromoCode.objects.exists()


def test_preview_waits_for_complete_terms(office: Client) -> None:
    page = office.post(PREVIEW, CODE | {"percent_off": ""}).content.decode()
    assert "Fill in" in page


def test_preview_says_what_stripe_locks(office: Client) -> None:
    code = factories.SyncedPromoCodeFactory()
    form = CODE | {"code": code.code}
    address = f"{PREVIEW}?code={code.pk}"
    page = office.post(address, form | {"percent_off": "30"}).content.decode()
    assert "Stripe cannot change this on a code that exists: percentage" in page
    page = office.post(address, form | {"percent_off": "20", "max_redemptions": "5"}).content.decode()
    assert "Stripe cannot change this on a code that exists: limit" in page
    code.refresh_from_db()
    assert code.offer.percent_off == 20
