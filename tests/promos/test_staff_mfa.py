"""Staff with a second factor: a password alone does not get in."""

import pytest
from allauth.mfa.totp.internal import auth as totp
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from tests.conftest import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_fresh_cache")]
INDEX = reverse("admin:index")
LIST = reverse("admin:promos_promocode_changelist")


@pytest.fixture(autouse=True)
def _required(settings: Settings) -> None:
    settings.REQUIRE_STAFF_MFA = True


def with_password(client: Client, user: User) -> str:
    """Sign in with the password and return where that leads."""
    return client.post(reverse("account_login"), {"login": user.email, "password": PASSWORD}).headers[
        "Location"
    ]


def activate(user: User) -> str:
    secret = totp.generate_totp_secret()
    totp.TOTP.activate(user, secret)
    return secret


def code_of(secret: str) -> str:
    return totp.format_hotp_value(totp.hotp_value(secret, next(iter(totp.yield_hotp_counters_from_time()))))


def test_without_a_second_factor_staff_are_sent_to_set_one_up(owner: User, client: Client) -> None:
    with_password(client, owner)
    for page in (INDEX, LIST):
        assert client.get(page).headers["Location"] == reverse("mfa_activate_totp")
    assert client.post(LIST, {"action": "pause"}).headers["Location"] == reverse("mfa_activate_totp")


def test_a_password_alone_does_not_get_in(owner: User, client: Client) -> None:
    activate(owner)
    assert with_password(client, owner) == reverse("mfa_authenticate")
    assert client.get(INDEX).headers["Location"].startswith(reverse("admin:login"))


def test_password_and_code_get_in(owner: User, client: Client) -> None:
    secret = activate(owner)
    with_password(client, owner)
    client.post(reverse("mfa_authenticate"), {"code": code_of(secret)})
    assert client.get(INDEX).status_code == 200


def test_wrong_code_does_not_get_in(owner: User, client: Client) -> None:
    secret = activate(owner)
    with_password(client, owner)
    wrong = f"{(int(code_of(secret)) + 1) % 1_000_000:06}"
    client.post(reverse("mfa_authenticate"), {"code": wrong})
    assert client.get(INDEX).status_code == 302


def test_customers_need_no_second_factor(stranger: User, client: Client) -> None:
    client.force_login(stranger)
    assert client.get(reverse("billing:plans")).status_code == 200


def test_without_the_setting_a_password_is_enough(owner: User, client: Client, settings: Settings) -> None:
    settings.REQUIRE_STAFF_MFA = False
    with_password(client, owner)
    assert client.get(INDEX).status_code == 200
