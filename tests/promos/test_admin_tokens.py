"""Keys to the API in the admin: shown once, for nobody above the one who makes it, revoked for good."""

import re
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from promos import api_tokens
from promos.models import ApiToken
from promos.roles import OWNER
from tests import factories

pytestmark = pytest.mark.django_db
ADD = "/admin/promos/apitoken/add/"
LIST = "/admin/promos/apitoken/"


@pytest.fixture
def partner(client: Client) -> User:
    """An owner by role, signed in; no superuser."""
    user = factories.user("partner@example.com", "partner", is_staff=True)
    user.groups.add(Group.objects.get(name=OWNER))
    client.force_login(user)
    return user


def test_key_is_shown_once_and_works(client: Client, partner: User, now: datetime) -> None:
    answer = client.post(ADD, {"user": partner.pk, "name": "Shop"})
    [key] = re.findall(r'data-copy="(pdk_[\w-]+)"', answer.content.decode())
    token = api_tokens.find(key, now=now)
    assert token
    assert (token.user, token.name) == (partner, "Shop")
    assert "no-store" in answer["Cache-Control"]
    page = reverse("admin:promos_apitoken_change", args=[token.pk])
    assert all(key not in client.get(where).content.decode() for where in (LIST, page, "/admin/"))
    assert key not in str(client.session.items()) + str(client.cookies)


def test_owner_makes_no_key_of_a_superuser(client: Client, partner: User, owner: User) -> None:
    answer = client.post(ADD, {"user": owner.pk, "name": "Mine"})
    assert answer.status_code == 200
    assert "not one of the available choices" in answer.content.decode()
    assert not ApiToken.objects.exists()


def test_key_that_is_over_before_it_begins_is_refused(client: Client, partner: User, now: datetime) -> None:
    yesterday = now - timedelta(days=1)
    answer = client.post(
        ADD,
        {
            "user": partner.pk,
            "name": "Late",
            "expires_at_0": yesterday.date().isoformat(),
            "expires_at_1": "12:00:00",
        },
    )
    assert "Choose a time to come." in answer.content.decode()
    assert not ApiToken.objects.exists()


def test_revoked_key_is_shut_out(client: Client, partner: User, now: datetime) -> None:
    token, key = api_tokens.issue(partner, name="Shop", now=now)
    url = reverse("admin:promos_apitoken_revoke", args=[token.pk])
    assert client.get(url).status_code == 200
    assert api_tokens.find(key, now=now) == token
    client.post(url, {"_form_submitted": "on"})
    assert api_tokens.find(key, now=now) is None
    assert "Revoked" in client.get(LIST).content.decode()


def test_token_is_never_changed_by_hand(client: Client, partner: User, now: datetime) -> None:
    token, _ = api_tokens.issue(partner, name="Shop", now=now)
    page = reverse("admin:promos_apitoken_change", args=[token.pk])
    assert client.post(page, {"user": partner.pk, "name": "Other"}).status_code == 403
    assert (
        client.post(reverse("admin:promos_apitoken_delete", args=[token.pk]), {"post": "yes"}).status_code
        == 403
    )
