"""``promo_db`` on databases of its own, as a newcomer runs it: a process, a file or a server's database."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import fresh

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def database_url(tmp_path: Path) -> Iterator[str]:
    with fresh.database(tmp_path) as address:
        yield address


def test_promo_db_makes_a_fresh_database_that_migrations_agree_with(database_url: str) -> None:
    first = json.loads(fresh.manage(database_url, "promo_db", "--json"))
    assert (first["ok"], first["was_empty"]) == (True, True)
    fresh.manage(database_url, "migrate", "--check")
    assert json.loads(fresh.manage(database_url, "promo_db", "--json"))["was_empty"] is False
    figures = json.loads(fresh.manage(database_url, "manage_promo_codes", "status", "--json"))
    assert figures["codes"] == []


def test_promo_db_finishes_what_was_interrupted(database_url: str) -> None:
    fresh.manage(database_url, "promo_db")
    forget = "from django.db import connection as c; c.cursor().execute('DELETE FROM django_migrations WHERE app = %s', ['djstripe'])"
    fresh.manage(database_url, "shell", "--no-imports", "-c", forget)
    fresh.manage(database_url, "promo_db")
    fresh.manage(database_url, "migrate", "--check")
