"""Who gets into the admin, and what those see who may only look."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from promos.models import Campaign, Offer, PromoCode
from tests import factories
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
INDEX = reverse("admin:index")
LOGIN = reverse("admin:login")


@pytest.fixture
def looking(client: Client) -> Client:
    """A client of somebody on the staff who may view everything and change nothing."""
    user = factories.user("viewer@example.com", PASSWORD, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(user)
    return client


def change(row: Model) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def test_login_goes_through_the_account_pages(client: Client) -> None:
    answer = client.get(INDEX, follow=True)
    assert answer.redirect_chain[-1][0].startswith(reverse("account_login"))


def test_password_posted_to_the_admins_own_form_does_not_get_in(owner: User, client: Client) -> None:
    client.post(LOGIN, {"username": owner.username, "password": PASSWORD, "next": INDEX})
    assert client.get(INDEX).status_code == 302


def test_customer_is_not_let_in(stranger: User, client: Client) -> None:
    client.force_login(stranger)
    assert client.get(INDEX, follow=True).status_code == 403


def test_staff_without_rights_see_no_lists(client: Client) -> None:
    client.force_login(factories.user("new@example.com", PASSWORD, is_staff=True))
    for model in admin.site._registry:
        page = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        assert client.get(page).status_code == 403, page


def test_viewer_sees_terms_in_words_and_no_form(looking: Client) -> None:
    code = factories.PromoCodeFactory(minimum_amount=5000, minimum_amount_currency="usd")
    page = looking.get(change(code)).content.decode()
    assert "20% off, once" in page
    assert "$50.00" in page
    assert 'name="percent_off"' not in page


@pytest.mark.parametrize("factory", ["PromoCodeFactory", "OfferFactory", "CampaignFactory"])
def test_viewer_cannot_save(factory: str, looking: Client) -> None:
    row = getattr(factories, factory)()
    assert looking.get(change(row)).status_code == 200
    assert looking.post(change(row), {"name": "mine"}).status_code == 403


@pytest.mark.parametrize("model", [PromoCode, Campaign, Offer])
def test_viewer_cannot_add(model: type[Model], looking: Client) -> None:
    page = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add")
    assert looking.get(page).status_code == 403


def test_menu_shows_what_somebody_may_open(client: Client) -> None:
    user = factories.user("support@example.com", PASSWORD, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_promocode"))
    client.force_login(user)
    page = client.get(reverse("admin:promos_promocode_changelist")).content.decode()
    assert reverse("admin:promos_promocode_changelist") in page
    assert reverse("admin:djstripe_apikey_changelist") not in page


def test_error_leads_staff_back_to_where_they_work(owner: User, stranger: User, client: Client) -> None:
    for user, way in ((owner, "Go to the dashboard"), (stranger, "Go to the plans")):
        client.force_login(user)
        assert way in client.get("/admin/nothing/", follow=True).content.decode()


def test_error_elsewhere_asks_nobody_who_it_is(
    owner: User, client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.force_login(owner)
    with django_assert_num_queries(0):
        assert "Go to the plans" in client.get("/nothing/").content.decode()
