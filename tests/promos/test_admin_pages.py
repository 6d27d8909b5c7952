"""Every page of the admin opens, for the owner, with rows of every kind."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils.html import strip_tags
from djstripe.models import APIKey, Coupon, Event, PromotionCode, WebhookEndpoint
from pytest_django import DjangoAssertNumQueries
from unfold.templatetags import unfold_list

from analytics.models import Alert, AlertMessage
from promos.admin import rows as drawing
from promos.admin.site import MENU
from promos.models import CodeView, Customer, Journey
from tests import factories
from tests.factories import LONG_AGO

pytestmark = pytest.mark.django_db
PAGES = sorted(admin.site._registry, key=lambda model: model._meta.label)


@pytest.fixture
def office(owner: User, client: Client) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture
def _one_of_each(owner: User) -> None:
    code = factories.PromoCodeFactory(campaign=factories.CampaignFactory())
    factories.PriceFactory(id="price_monthly")
    usage = factories.UsageFactory(promo_code=code)
    factories.LedgerEntryFactory(usage=usage)
    factories.CodeCheckFactory(promo_code=code)
    factories.WebhookEventFactory(payload={"note": "<script>alert(1)</script>"})
    factories.AccountFactory()
    Coupon.objects.create(id="SCRIPT", stripe_data={"id": "SCRIPT", "percent_off": None, "amount_off": None})
    PromotionCode.objects.create(id="promo_1", stripe_data={"code": "HELLO"})
    Event.objects.create(id="evt_1", type="price.created", data={}, stripe_data={})
    APIKey.objects.create(type="secret", secret="sk_test_" + "x" * 40, livemode=False)
    WebhookEndpoint.objects.create(
        id="we_1", url="https://example.com", secret="whsec_hidden", enabled_events=["*"], status="enabled"
    )
    factories.ApiTokenFactory(user=owner)
    journey = Journey.objects.create(
        uid=uuid4(), first_touch={"utm_source": "<b>"}, started_at=LONG_AGO, seen_at=LONG_AGO
    )
    CodeView.objects.create(text=code.code, promo_code=code, journey=journey, viewed_at=LONG_AGO)
    alert = Alert.objects.create(kind="budget", link="/admin/", opened_at=LONG_AGO, seen_at=LONG_AGO)
    AlertMessage.objects.create(alert=alert, event="opened", channel="mail", created_at=LONG_AGO)
    Group.objects.create(name="Interns")


def address(model: type[Model], page: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def rows() -> Iterator[Model]:
    for model in PAGES:
        yield from model._default_manager.all()[:1]


@pytest.mark.parametrize("model", PAGES, ids=lambda model: model._meta.label)
@pytest.mark.usefixtures("_one_of_each")
def test_list_opens_and_is_searched(model: type[Model], office: Client) -> None:
    for query in ({}, {"q": "a'\"%"}, {"q": "x" * 300}):
        assert office.get(address(model, "changelist"), query).status_code == 200


@pytest.mark.usefixtures("_one_of_each")
def test_lists_draw_each_cell_as_unfold_would(office: Client) -> None:
    drawn = 0
    for model in PAGES:
        answer = office.get(address(model, "changelist"))
        ours, theirs = (
            [
                words("".join(row))
                for row in draw({"request": answer.wsgi_request}, answer.context["cl"])["results"]
            ]
            for draw in (drawing.rows, unfold_list.result_list)
        )
        assert ours == theirs
        drawn += len(ours)
    assert drawn >= 20


@pytest.mark.parametrize(
    "factory", ["UsageFactory", "LedgerEntryFactory", "WebhookEventFactory", "CustomerFactory"]
)
def test_long_list_takes_as_many_queries_for_one_row_as_for_a_page(
    factory: str, office: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make = getattr(factories, factory)
    listed = address(type(make()), "changelist")
    office.get(listed)
    with django_assert_num_queries(5):  # Session, person, count, keys, rows.
        office.get(listed)
    make.create_batch(55)
    with django_assert_num_queries(5):
        assert len(office.get(listed).context["cl"].result_list) == 50


def words(html: str) -> str:
    """Return HTML without what does not show: Unfold's class for dates has no style."""
    return "".join(html.replace(" nowrap", "").split())


@pytest.mark.usefixtures("_one_of_each")
def test_pages_of_rows_open(office: Client) -> None:
    opened = [office.get(address(type(row), "change", row.pk)).status_code for row in rows()]
    assert len(opened) >= 15
    assert set(opened) == {200}


@pytest.mark.parametrize("model", PAGES, ids=lambda model: model._meta.label)
def test_form_for_a_new_row_opens_or_is_refused(model: type[Model], office: Client) -> None:
    answer = office.get(address(model, "add"))
    may_add = admin.site._registry[model].has_add_permission(answer.wsgi_request)
    assert answer.status_code == (200 if may_add else 403)


@pytest.mark.usefixtures("_one_of_each")
def test_secrets_are_never_shown(office: Client) -> None:
    pages = [address(model, "changelist") for model in (APIKey, WebhookEndpoint)]
    pages += [
        address(type(row), "change", row.pk) for row in rows() if type(row) in (APIKey, WebhookEndpoint)
    ]
    text = "".join(office.get(page).content.decode() for page in pages)
    assert "x" * 40 not in text
    assert "whsec_hidden" not in text


@pytest.mark.usefixtures("_one_of_each")
def test_payload_of_event_is_escaped(office: Client) -> None:
    event = factories.WebhookEventFactory(payload={"note": "<script>alert(1)</script>", "secret": "hush"})
    page = office.get(address(type(event), "change", event.pk)).content.decode()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page
    assert "hush" not in page


@pytest.mark.parametrize("term", ["a", "code", "'", "%", "x" * 500])
@pytest.mark.usefixtures("_one_of_each")
def test_command_search_answers(term: str, office: Client) -> None:
    answer = office.get(reverse("admin:search"), {"s": term, "extended": "1"})
    assert answer.status_code == 200


@pytest.mark.usefixtures("_one_of_each")
def test_command_search_finds_codes(office: Client) -> None:
    code = factories.PromoCodeFactory(code="WELCOME")
    for _ in range(2):  # The second answer comes from the cache.
        answer = office.get(reverse("admin:search"), {"s": "welcom", "extended": "1"}).content.decode()
        assert address(type(code), "change", code.pk) in answer


def test_only_mirrored_models_of_djstripe_have_pages() -> None:
    shown = {model.__name__ for model in PAGES if model._meta.app_label == "djstripe"}
    assert shown == {
        "Account",
        "APIKey",
        "Coupon",
        "Event",
        "Price",
        "Product",
        "PromotionCode",
        "WebhookEndpoint",
    }


@pytest.mark.parametrize("page", ["add", "delete"])
@pytest.mark.usefixtures("_one_of_each")
def test_mirror_cannot_be_edited(page: str, office: Client) -> None:
    for row in rows():
        if row._meta.app_label == "djstripe":
            args = () if page == "add" else (row.pk,)
            assert office.post(address(type(row), page, *args), {"post": "yes"}).status_code == 403


@pytest.mark.usefixtures("_one_of_each")
def test_command_search_finds_redemptions_by_code_customer_and_id(office: Client) -> None:
    usage = factories.UsageFactory(redemption_key="sub_searched", stripe_session_id="cs_searched")
    url = address(type(usage), "change", usage.pk)
    for term in (usage.promo_code.code.lower(), usage.customer.email.upper(), "sub_searched", "cs_searched"):
        answer = office.get(reverse("admin:search"), {"s": term, "extended": "1"}).content.decode()
        assert url in answer, term


def test_menu_calls_rows_what_their_pages_call_them() -> None:
    names = {
        title: apps.get_model(label)._meta.verbose_name_plural for _, *e in MENU for title, _, label in e
    }
    # Whose first word for it says little to an owner.
    assert names.pop("Second factors") == "authenticators"
    assert [title for title, name in names.items() if title.casefold() not in str(name).casefold()] == []


def heading(office: Client, url: str) -> str:
    page = office.get(url).content.decode()
    return " ".join(strip_tags(page[page.index("<h1") : page.index("</h1>")]).split())


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("promos_webhookevent_health", "Health"),
        ("promos_codecheck_why", "Why was it refused?"),
        ("promos_promocode_import_file", "Import codes"),
    ],
)
def test_page_of_its_own_is_headed_by_its_title(page: str, title: str, office: Client) -> None:
    assert heading(office, reverse(f"admin:{page}")) == title


def test_row_is_headed_by_its_name_as_it_is_written(office: Client) -> None:
    customer = factories.CustomerFactory(email="ada@example.com")
    assert heading(office, address(Customer, "change", customer.pk)).endswith("ada@example.com")


def test_form_for_something_new_is_headed_so(office: Client) -> None:
    assert heading(office, address(Customer, "add")).endswith("Add customer")


def test_only_a_narrowed_list_offers_all(office: Client) -> None:
    factories.CustomerFactory(email="ada@example.com")
    url = address(Customer, "changelist")
    assert heading(office, url).endswith("Customers")
    assert heading(office, f"{url}?q=ada").endswith("1 result (Show all)")


def test_moments_are_written_as_on_the_pages_of_figures(office: Client) -> None:
    row = factories.CustomerFactory()
    Customer.objects.update(created_at=datetime(2026, 3, 31, 18, 5, tzinfo=UTC))
    for url in (address(Customer, "changelist"), address(Customer, "change", row.pk)):
        assert "2026-03-31 18:05" in office.get(url).content.decode()


def test_empty_list_says_whether_anything_was_left_out(office: Client) -> None:
    url = address(Customer, "changelist")
    assert "Nothing here yet." in office.get(url).content.decode()
    assert "Nothing matches the search and filters." in office.get(url, {"q": "ada"}).content.decode()
