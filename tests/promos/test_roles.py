"""Every page and every action of the admin, with every role: who gets in, and who does not."""

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from analytics.pages import registry
from promos import roles
from promos.admin import pages
from promos.models import ApiToken, PromoCode
from promos.roles import MARKETER, OWNER, SUPPORT, VIEWER
from tests import factories
from tests.promos import test_admin_actions as actions
from tests.promos.test_admin_pages import _one_of_each, address  # noqa: F401

pytestmark = pytest.mark.django_db
ROLES = (OWNER, MARKETER, SUPPORT, VIEWER)
EVERYBODY = frozenset(ROLES)
NOBODY: frozenset[str] = frozenset()
JUST_OWNER = frozenset({OWNER})
MAKERS = frozenset({OWNER, MARKETER})

#: Who may add rows of a model; of others nobody.
ADDS = {
    "promos.PromoCode": MAKERS,
    "promos.Campaign": MAKERS,
    "promos.CodeBatch": MAKERS,
    "promos.Customer": JUST_OWNER,
    "promos.ApiToken": JUST_OWNER,
    "auth.User": JUST_OWNER,
    "auth.Group": JUST_OWNER,
    "account.EmailAddress": JUST_OWNER,
}
#: Who may run a model's actions; of others only the owner.
ACTS = {"promos.PromoCode": MAKERS, "promos.Campaign": MAKERS, "promos.CodeBatch": MAKERS}
#: Who may open a page of a model's own; others everybody who may look at the model.
PAGES = {"import_file": MAKERS, "goodwill": frozenset({OWNER, SUPPORT})}


def lookers(model: type[Model]) -> frozenset[str]:
    is_everybodys = model._meta.app_label in {"promos", "analytics"} and model is not ApiToken
    return EVERYBODY if is_everybodys else JUST_OWNER


def cells() -> Iterator[tuple[str, str, frozenset[str]]]:
    """Every page with its address and who may open it."""
    for model, page in admin.site._registry.items():
        label = model._meta.label
        yield f"{label} list", address(model, "changelist"), lookers(model)
        yield f"{label} add", address(model, "add"), ADDS.get(label, NOBODY)
        row = model._default_manager.order_by("-pk").first()
        if row is not None:
            for name in ("change", "history"):
                yield f"{label} {name}", address(model, name, row.pk), lookers(model)
        for own in pages.of(page):
            key = [row.pk if row else 0] if "<" in own.route else []
            yield f"{label} {own.name}", address(model, own.name, *key), PAGES.get(own.name, lookers(model))
    for figures in registry.PAGES:
        yield f"figures {figures.slug}", figures.address, EVERYBODY


@pytest.fixture
def person(db: None, request: pytest.FixtureRequest) -> User:
    user = factories.user(f"{request.param}@example.com", "person", is_staff=True)
    user.groups.add(Group.objects.get(name=request.param))
    return user


@pytest.mark.slow
@pytest.mark.parametrize("person", ROLES, indirect=True, ids=ROLES)
@pytest.mark.usefixtures("_one_of_each")
def test_pages_open_for_whom_they_should(
    person: User, client: Client, request: pytest.FixtureRequest
) -> None:
    role = request.node.callspec.params["person"]
    client.force_login(person)
    expected, found = {}, {}
    for name, url, allowed in cells():
        expected[name] = role in allowed
        found[name] = client.get(url).status_code != 403
    assert len(found) > 80
    assert found == expected


@pytest.mark.slow
@pytest.mark.parametrize("person", ROLES, indirect=True, ids=ROLES)
def test_actions_run_for_whom_they_should(
    person: User, client: Client, request: pytest.FixtureRequest
) -> None:
    role = request.node.callspec.params["person"]
    client.force_login(person)
    expected, found = {}, {}
    for model, name in actions.ACTIONS:
        allowed = JUST_OWNER if name == "approve" else ACTS.get(model._meta.label, JUST_OWNER)
        row = actions.ROWS[model]()
        before = actions.state(row)
        cell = f"{model._meta.label} {name}"
        answer = client.post(actions.action_address(row, name), actions.SUBMITTED)
        expected[cell], found[cell] = role in allowed, answer.status_code != 403
        if role not in allowed:
            selected = {"action": name, "_selected_action": [row.pk], "confirmed": "1", **actions.SUBMITTED}
            client.post(actions.address(model, "changelist"), selected)
            assert actions.state(row) == before, cell
    assert found == expected


@pytest.mark.parametrize("person", [SUPPORT, VIEWER], indirect=True)
def test_who_only_looks_cannot_save(person: User, client: Client) -> None:
    client.force_login(person)
    for factory in ("PromoCodeFactory", "OfferFactory", "CampaignFactory", "CustomerFactory"):
        row = getattr(factories, factory)()
        assert client.post(address(type(row), "change", row.pk), {"name": "mine"}).status_code == 403


@pytest.mark.parametrize("person", [MARKETER, SUPPORT, VIEWER], indirect=True)
def test_only_the_owner_deals_with_people(person: User, client: Client, owner: User) -> None:
    client.force_login(person)
    assert client.post(address(User, "change", person.pk), {"is_superuser": "on"}).status_code == 403
    assert client.post(reverse("admin:auth_user_password_change", args=[owner.pk])).status_code == 403


@pytest.mark.parametrize("person", [OWNER], indirect=True)
def test_owner_cannot_become_superuser_or_touch_one(person: User, client: Client, owner: User) -> None:
    client.force_login(person)
    client.post(
        address(User, "change", person.pk),
        {
            "username": person.username,
            "email": person.email,
            "is_active": "on",
            "is_staff": "on",
            "is_superuser": "on",
        },
    )
    person.refresh_from_db()
    assert not person.is_superuser
    assert client.post(address(User, "change", owner.pk), {"username": "mine"}).status_code == 403
    assert client.post(address(User, "delete", owner.pk), {"post": "yes"}).status_code == 403
    page = reverse("admin:auth_user_password_change", args=[owner.pk])
    assert client.post(page, {"password1": "x", "password2": "x"}).status_code == 403


def test_roles_are_completed_and_nothing_else_is_taken_away() -> None:
    group = Group.objects.get(name=VIEWER)
    extra = group.permissions.model.objects.get(codename="add_promocode")
    group.permissions.set([extra])
    roles.grant_after_migrate(app_config=apps.get_app_config("promos"), using="default")
    names = set(group.permissions.values_list("codename", flat=True))
    assert {"add_promocode", "view_promocode"} <= names
    assert not any("historical" in name for name in names)


def test_support_sees_goodwill_but_not_the_forms(client: Client) -> None:
    user = factories.user("support@example.com", "support", is_staff=True)
    user.groups.add(Group.objects.get(name=SUPPORT))
    client.force_login(user)
    factories.PriceFactory(id="price_monthly")
    customer = factories.CustomerFactory()
    client.post(reverse("admin:promos_codecheck_goodwill"), {"customer": customer.pk, "percent_off": "10"})
    assert PromoCode.objects.get().customer == customer


def test_owner_sees_all_roles_at_once_and_what_they_are_for(owner: User, client: Client) -> None:
    client.force_login(owner)
    page = client.get(reverse("admin:auth_user_change", args=[owner.pk])).content.decode()
    assert page.count('type="checkbox" name="groups"') == len(roles.RIGHTS)
    assert all(f"{role}: " in page for role in roles.RIGHTS)
