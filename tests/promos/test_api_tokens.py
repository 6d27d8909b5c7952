import json
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from promos import api_tokens
from promos.models import ApiToken

pytestmark = pytest.mark.django_db


def test_issue_keeps_only_a_hash_of_the_key(owner: User, now: datetime) -> None:
    token, key = api_tokens.issue(owner, name="shop", now=now)
    kept = ApiToken.objects.filter(pk=token.pk).values().get()
    assert key not in str(kept)
    assert key.startswith(token.hint)
    assert api_tokens.find(key, now=now) == token


def test_find_refuses_what_is_over_or_unknown(owner: User, now: datetime) -> None:
    token, key = api_tokens.issue(owner, name="shop", now=now, expires_at=now + timedelta(days=1))
    assert api_tokens.find(key + "x", now=now) is None
    assert api_tokens.find(key, now=now + timedelta(days=2)) is None
    api_tokens.revoke(token, now=now)
    assert api_tokens.find(key, now=now) is None


def test_find_refuses_the_key_of_a_user_who_left(owner: User, now: datetime) -> None:
    _token, key = api_tokens.issue(owner, name="shop", now=now)
    User.objects.update(is_active=False)
    assert api_tokens.find(key, now=now) is None


def test_find_notes_the_use_now_and_then(owner: User, now: datetime) -> None:
    token, key = api_tokens.issue(owner, name="shop", now=now)
    for minutes in (0, 2, 9):
        api_tokens.find(key, now=now + timedelta(minutes=minutes))
    token.refresh_from_db()
    assert token.used_at == now + timedelta(minutes=9)


def run(*words: str) -> str:
    printed = StringIO()
    call_command("api_token", *words, stdout=printed)
    return printed.getvalue().strip()


def test_command_prints_a_key_once_and_revokes_it(owner: User, now: datetime) -> None:
    key = run("issue", owner.email, "--name", "shop", "--days", "7")
    token = api_tokens.find(key, now=now)
    assert token
    assert key not in run("list", owner.email)
    run("revoke", str(token.pk))
    assert api_tokens.find(key, now=now) is None


def test_command_answers_programs_in_json(owner: User, now: datetime) -> None:
    made = json.loads(run("issue", owner.email, "--name", "shop", "--json"))
    (listed,) = json.loads(run("list", owner.email, "--json"))["tokens"]
    assert api_tokens.find(made["key"], now=now)
    assert (listed["id"], listed["name"], listed["state"]) == (made["id"], "shop", "good")
    assert json.loads(run("revoke", str(made["id"]), "--json")) == {"revoked": made["id"]}


def test_command_lists_how_each_key_stands(owner: User, now: datetime) -> None:
    assert run("list", owner.email) == "owner@example.com has no key."
    api_tokens.issue(owner, name="shop", now=now, expires_at=timezone.now() - timedelta(days=1))
    assert "over, last used never" in run("list", owner.email)


def test_command_lists_everybodys_keys(
    owner: User, stranger: User, now: datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    assert run("list") == "There is no key."
    for user in (owner, stranger):
        api_tokens.issue(user, name="shop", now=now)
    with django_assert_num_queries(1):
        first, second = run("list").splitlines()
    assert (owner.email in first, stranger.email in second) == (True, True)


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--days", "0", "from 1 to 3650"),
        ("--days", "-3", "from 1 to 3650"),
        ("--name", "x" * 101, "at most 100"),
    ],
)
def test_command_refuses_a_key_that_nobody_could_use(
    owner: User, option: str, value: str, sentence: str
) -> None:
    with pytest.raises(CommandError, match=sentence):
        run("issue", owner.email, "--name", "shop", f"{option}={value}")


@pytest.mark.parametrize("words", [("issue", "nobody@example.com", "--name", "x"), ("revoke", "7")])
def test_command_says_what_is_not_there(db: None, words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match=r"Nobody here|no key 7"):
        run(*words)
