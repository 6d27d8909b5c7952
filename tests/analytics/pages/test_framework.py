"""What every page of figures does alike: filters, rights, exports. Shown on the page of revenue."""

import csv
import json
import re
from datetime import datetime, timedelta
from io import StringIO
from itertools import product

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from analytics.blocks import Table
from analytics.pages import registry
from tests.analytics.builders import redeem, renew
from tests.analytics.pages.conftest import Open
from tests.factories import (
    LONG_AGO,
    CampaignFactory,
    CodeBatchFactory,
    CustomerFactory,
    PriceFactory,
    PromoCodeFactory,
    UsageFactory,
)

pytestmark = pytest.mark.django_db
SLUGS = [page.slug for page in registry.PAGES]
#: The session and who asks are among them.
MOST_QUERIES = {
    "questions": 37,
    "revenue": 13,
    "codes": 21,
    "funnel": 16,
    "plans": 14,
    "customers": 21,
    "cohorts": 18,
    "campaigns": 8,
    "commitments": 22,
    "times": 10,
}


@pytest.mark.parametrize("slug", SLUGS)
def test_page_opens_with_nothing_and_with_something(slug: str, opened: Open, now: datetime) -> None:
    assert "<form" in opened(slug)
    redeem(PromoCodeFactory(code="<b>BOLD</b>", campaign=CampaignFactory()), at=now, is_new_customer=True)
    page = opened(slug)
    assert "<b>" not in page
    assert "Formula" in page


@pytest.mark.parametrize("slug", SLUGS)
def test_page_asks_as_often_for_many_codes_as_for_one(slug: str, opened: Open, now: datetime) -> None:
    def asked_after_more() -> int:
        for code in (
            PromoCodeFactory(campaign=CampaignFactory()),
            PromoCodeFactory(batch=CodeBatchFactory()),
        ):
            redeem(code, at=now, plan=PriceFactory().id, customer=CustomerFactory(country="AT"))
        with CaptureQueriesContext(connection) as asked:
            opened(slug)
        return len(asked)

    asked_after_more()  # what a process looks up once is not counted
    few, many = asked_after_more(), asked_after_more()
    assert many == few <= MOST_QUERIES[slug]


@pytest.mark.parametrize("slug", SLUGS)
def test_page_answers_wrong_filters_with_sentences(slug: str, opened: Open, now: datetime) -> None:
    redeem(PromoCodeFactory(), at=now)
    wrong = {
        "currency": "\0",
        "campaign": "9" * 30,
        "plan": "price_nobody",
        "segment": "rich",
        "country": "XX",
        "part": "-1",
    }
    page = opened(slug, **wrong, export="xml", order="x", by="x")
    alert = page.partition('role="alert">')[2].partition("</div>")[0]
    assert alert.count("<p>") >= len(wrong)


@pytest.mark.parametrize("slug", SLUGS)
def test_page_is_narrowed_and_exported(slug: str, signed_in: Client, now: datetime) -> None:
    code = PromoCodeFactory(campaign=CampaignFactory())
    price = PriceFactory()
    redeem(code, at=now, plan=price.id, is_new_customer=True)
    query = {"currency": "usd", "campaign": str(code.campaign_id), "plan": price.id, "segment": "new"}
    for kind in ("csv", "json"):
        response = signed_in.get(f"/admin/analytics/{slug}/", {**query, "export": kind})
        assert response.status_code == 200
        assert response["Content-Disposition"].endswith(f'.{kind}"')


@pytest.mark.parametrize("slug", SLUGS)
def test_every_figure_has_its_formula(slug: str, signed_in: Client, now: datetime) -> None:
    redeem(PromoCodeFactory(campaign=CampaignFactory()), at=now, is_new_customer=True)
    document = signed_in.get(f"/admin/analytics/{slug}/", {"export": "json"}).json()
    shown = [one for section in document["sections"] for one in section["figures"] + section["tables"]]
    assert shown
    assert [one["title"] for one in shown if not one["formula"]] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("from", "2026-02-31"),
        ("from", "\0"),
        ("days", "9" * 30),
        ("currency", "\0"),
        ("campaign", "9" * 30),
        ("campaign", "²"),
        ("campaign", "-1"),
        ("plan", "x" * 3_000),
        ("part", "0"),
        ("part", "9" * 30),
    ],
)
def test_wrong_value_is_never_an_error(name: str, value: str, opened: Open) -> None:
    assert 'role="alert"' in opened("revenue", **{name: value})


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"currency": "xyz"}, "Nothing was sold in XYZ; shown are all currencies."),
        ({"campaign": "7777"}, "There is no campaign 7777; shown are all."),
        ({"plan": "price_nobody"}, "There is no plan price_nobody; shown are all."),
        ({"segment": "rich"}, "Customers are “new” or “returning”; shown are all."),
        ({"country": "atlantis"}, "No customer lives in ATLANTIS; shown are all countries."),
        (
            {"from": "2026-02-01", "to": "2026-01-01"},
            "before it starts (2026-02-01). Shown are the last 30 days.",
        ),
        ({"from": "1900-01-01", "to": "2100-01-01"}, "Shown are the last 30 days."),
    ],
)
def test_wrong_filter_gets_a_sentence_and_everything(
    query: dict[str, str], sentence: str, opened: Open, now: datetime
) -> None:
    redeem(PromoCodeFactory(), gross=10_000, discount=2_000, at=now)
    page = opened("revenue", **query)
    assert sentence in page
    assert "$80.00" in page


def test_filters_narrow_the_figures(opened: Open, now: datetime) -> None:
    campaign = CampaignFactory()
    price = PriceFactory(id="price_team")
    redeem(PromoCodeFactory(campaign=campaign), gross=700, discount=0, at=now)
    redeem(PromoCodeFactory(), gross=500, discount=0, at=now, is_new_customer=True)
    redeem(PromoCodeFactory(), gross=300, discount=0, at=now, plan=price.id)
    redeem(PromoCodeFactory(), gross=100, discount=0, at=now, currency="eur")
    for query, shown in (
        ({}, "$15.00"),
        ({"campaign": str(campaign.pk)}, "$7.00"),
        ({"segment": "new"}, "$5.00"),
        ({"plan": "price_team"}, "$3.00"),
        ({"currency": "eur"}, "€1.00"),
    ):
        page = opened("revenue", **query)
        assert f">{shown}</a>" in page, query
        assert 'role="alert"' not in page


def test_figures_link_to_exactly_their_rows(signed_in: Client, opened: Open, now: datetime) -> None:
    campaign = CampaignFactory()
    for code in (PromoCodeFactory(campaign=campaign), PromoCodeFactory()):
        for is_new, plan in product((True, False), ("price_a", "price_b")):
            redeem(code, at=now, is_new_customer=is_new, plan=plan)
    query = {"campaign": str(campaign.pk), "segment": "new", "plan": "price_a", "currency": "usd"}
    links = set(re.findall(r'href="(/admin/promos/ledgerentry/\?[^"]+)"', opened("revenue", **query)))
    assert len(links) == 2
    for link in links:
        response = signed_in.get(link)
        assert response.status_code == 200, link  # a filter that is not allowed would redirect
        assert response.context["cl"].result_count == 1, link


def test_a_segment_has_no_rate_over_all_orders(signed_in: Client, now: datetime) -> None:
    for _ in range(30):
        renew(redeem(PromoCodeFactory(), at=now, is_new_customer=True), gross=10_000, discount=2_000, at=now)
    for query, rate in (({}, 0.2), ({"segment": "new"}, "—")):
        response = signed_in.get("/admin/analytics/revenue/", {**query, "export": "json"})
        (*_, card) = response.json()["sections"][0]["figures"]
        assert (card["value"], card["lines"]) == (0.2, {"Over all orders": rate})


def test_a_batch_links_to_its_used_codes(signed_in: Client, opened: Open) -> None:
    batch = CodeBatchFactory()
    used, _ = (PromoCodeFactory(batch=batch, used_count=count) for count in (1, 0))
    (link,) = re.findall(r'href="(/admin/promos/promocode/\?[^"]*batch[^"]*)"', opened("codes"))
    assert list(signed_in.get(link).context["cl"].result_list) == [used]


def test_codes_used_link_to_exactly_the_codes_counted(signed_in: Client, opened: Open) -> None:
    campaign = CampaignFactory()
    used = PromoCodeFactory(campaign=campaign, used_count=1, archived_at=LONG_AGO)
    back = PromoCodeFactory(campaign=campaign)
    UsageFactory(promo_code=back, is_given_back=True)
    UsageFactory(promo_code=PromoCodeFactory(campaign=campaign), status="pending")
    PromoCodeFactory(campaign=campaign, used_count=1, approved_at=None)
    other = PromoCodeFactory(used_count=1)
    for query, codes in (({"campaign": str(campaign.pk)}, {used, back}), ({}, {used, back, other})):
        (link,) = re.findall(r'href="(/admin/promos/promocode/\?uses=ever[^"]*)"', opened("codes", **query))
        assert set(signed_in.get(link).context["cl"].result_list) == codes


def test_codes_used_are_told_as_on_the_home(signed_in: Client) -> None:
    PromoCodeFactory.create_batch(2)
    PromoCodeFactory(used_count=1)
    pages = [signed_in.get(f"/admin/{path}").content.decode() for path in ("", "analytics/codes/")]
    home, ranking = (re.findall(r"<h3>Codes used</h3>.*?</dl>", page, re.DOTALL) for page in pages)
    assert ranking == home
    assert ">1 of 3</a>" in home[0]
    answer = signed_in.get("/admin/analytics/codes/", {"export": "json"}).json()
    (card,) = answer["sections"][-1]["figures"]
    assert (card["value"], card["lines"]) == ("too few", {"Too few for a percentage": "1 of 3"})


def test_tables_of_many_words_take_the_whole_width() -> None:
    def is_wide(headers: str, numbers: int) -> bool:
        return Table(headers.split(), rows=[], numbers=numbers).is_wide

    assert not is_wide("Customer Orders Saved Net", 3)
    assert is_wide("Code Plan Customers Redemptions", 1)
    assert is_wide("Plan Gross Discount Net Average Rate", 5)


def test_charts_of_money_name_its_currency(signed_in: Client, now: datetime) -> None:
    redeem(PromoCodeFactory(), at=now, currency="eur")

    for slug, unit in (("revenue", "EUR"), ("questions", "EUR"), ("plans", "")):
        chart = signed_in.get(f"/admin/analytics/{slug}/").context["sections"][slug == "questions"].charts[0]
        axes = json.loads(chart.options)["scales"].values()
        assert [axis["title"]["text"] for axis in axes if "title" in axis] == [unit]


def test_ranking_of_nothing_says_so(opened: Open) -> None:
    PromoCodeFactory()
    assert "Nothing in this period." in opened("codes")


def test_links_keep_the_filters(opened: Open, now: datetime) -> None:
    redeem(PromoCodeFactory(), at=now)
    page = opened("revenue", currency="usd", days="7", nonsense="x")
    assert 'href="?days=90&currency=usd"' in page
    assert 'href="?days=7&currency=usd&export=csv"' in page


def test_period_is_compared_with_the_one_before(opened: Open, now: datetime) -> None:
    code = PromoCodeFactory()
    redeem(code, gross=10_000, discount=1_234, at=now - timedelta(days=10))
    page = opened("revenue", days="7")
    assert "$12.34 in the 7 days before" in page
    assert "6 of these 7 days are over; what is beside them is of 7 whole days." in page


def test_where_nothing_is_compared_no_days_are_counted(opened: Open, now: datetime) -> None:
    usage = redeem(PromoCodeFactory(), at=now)
    assert "of these 7 days are over" in opened("customers", days="7")
    assert "of these 7 days are over" not in opened("customers", days="7", customer=str(usage.customer_id))
    assert "of these 7 days are over" not in opened("customers", days="7", segment="new")


def test_codes_and_plans_stand_beside_the_period_before(signed_in: Client, now: datetime) -> None:
    code = PromoCodeFactory()
    for days, gross in ((0, 5_000), (10, 3_000), (11, 4_000)):
        redeem(code, gross=gross, discount=1_000, at=now - timedelta(days=days))
    for slug, column, before in (
        ("codes", "Net before", {"amount": 5_000, "currency": "usd"}),
        ("plans", "Period before", 2),
    ):
        response = signed_in.get(f"/admin/analytics/{slug}/", {"days": "7", "export": "json"})
        tables = response.json()["sections"][0]["tables"]
        (table,) = (table for table in tables if column in table["headers"])
        assert [row[table["headers"].index(column)] for row in table["rows"]] == [before]


def test_json_has_the_figures_in_minor_units(signed_in: Client, now: datetime) -> None:
    redeem(PromoCodeFactory(), gross=10_000, discount=2_000, at=now)
    response = signed_in.get("/admin/analytics/revenue/", {"export": "json", "currency": "usd"})
    document = json.loads(response.content)
    assert document["filters"]["currency"] == "usd"
    [section] = document["sections"]
    assert section["figures"][0]["value"] == {"amount": 10_000, "currency": "usd"}
    assert section["tables"][-1]["rows"][0][1:4] == [
        {"amount": amount, "currency": "usd"} for amount in (10_000, 2_000, 8_000)
    ]
    assert "attachment" in response["Content-Disposition"]


@pytest.mark.parametrize(
    ("by", "first", "number"),
    [("week", "2026-01-30", 2), ("month", "2026-01-30", 2), ("hour", "2026-01-30T00:00:00", 120)],
)
def test_points_in_time_are_exported_as_such(signed_in: Client, by: str, first: str, number: int) -> None:
    redeem(PromoCodeFactory(), at=LONG_AGO + timedelta(days=30))
    query = {"from": "2026-01-30", "to": "2026-02-03", "by": by, "export": "json"}

    rows = signed_in.get("/admin/analytics/times/", query).json()["sections"][0]["tables"][0]["rows"]

    assert (rows[0][0], len(rows)) == (first, number)


def test_csv_has_the_figures_and_disarms_formulas(signed_in: Client, now: datetime) -> None:
    campaign = CampaignFactory(name='=HYPERLINK("x")')
    redeem(PromoCodeFactory(campaign=campaign), gross=500, discount=1_000, at=now)
    response = signed_in.get("/admin/analytics/revenue/", {"export": "csv"})
    lines = list(csv.reader(StringIO(response.content.decode("utf-8-sig"))))
    [line] = [line for line in lines if line and "HYPERLINK" in line[0]]
    assert line == ['\'=HYPERLINK("x")', "5.00", "10.00", "-5.00", "too few", "USD"]


def test_exported_numbers_can_be_reckoned_with(signed_in: Client) -> None:
    campaign = CampaignFactory(name="Spring")
    code = PromoCodeFactory(campaign=campaign)
    for _ in range(30):
        redeem(code, gross=1_000, discount=250, at=LONG_AGO)
    query = {"from": "2025-12-31", "to": "2026-12-31"}
    response = signed_in.get("/admin/analytics/revenue/", {**query, "export": "csv"})
    lines = list(csv.reader(StringIO(response.content.decode("utf-8-sig"))))
    assert ["Spring", "300.00", "75.00", "225.00", "3.00", "USD"] in lines
    assert ["2025-12-31", "300.00", "75.00", "225.00", "USD"] in lines
    assert next(line for line in lines if line and line[0] == "Discount rate")[1] == "0.2500"
    document = signed_in.get("/admin/analytics/revenue/", {**query, "export": "json"}).json()
    assert document["sections"][0]["figures"][3]["value"] == 0.25


@pytest.mark.parametrize("slug", SLUGS)
def test_page_is_closed_to_staff_without_the_right(slug: str, client: Client) -> None:
    client.force_login(User.objects.create_user("helper", is_staff=True))
    assert client.get(f"/admin/analytics/{slug}/").status_code == 403
    assert f"/admin/analytics/{slug}/" not in client.get("/admin/").content.decode()


@pytest.mark.parametrize("slug", SLUGS)
def test_page_asks_for_a_login_and_changes_nothing(slug: str, client: Client, owner: User) -> None:
    assert client.get(f"/admin/analytics/{slug}/").status_code == 302
    client.force_login(owner)
    assert client.post(f"/admin/analytics/{slug}/").status_code in (403, 405)
    assert f'href="/admin/analytics/{slug}/"' in client.get("/admin/").content.decode()
