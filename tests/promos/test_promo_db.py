"""``promo_db`` on databases of its own, as a newcomer runs it: a process, a file or a server's database."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def database_url(tmp_path: Path) -> Iterator[str]:
    """The address of a database that does not exist yet (SQLite) or has no table (PostgreSQL)."""
    if connection.vendor == "sqlite":
        yield f"sqlite:///{tmp_path}/folder/fresh.sqlite3"
        return
    name = f"fresh_{uuid4().hex[:12]}"
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    yield urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name}")


def manage(database_url: str, *arguments: str) -> str:
    command = [sys.executable, "-W", "ignore", "manage.py", *arguments]
    environment = os.environ | {"DATABASE_URL": database_url}
    done = subprocess.run(  # noqa: S603
        command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_promo_db_makes_a_fresh_database_that_migrations_agree_with(database_url: str) -> None:
    first = json.loads(manage(database_url, "promo_db", "--json"))
    assert (first["ok"], first["was_empty"]) == (True, True)
    manage(database_url, "migrate", "--check")
    assert json.loads(manage(database_url, "promo_db", "--json"))["was_empty"] is False
    figures = json.loads(manage(database_url, "manage_promo_codes", "status", "--json"))
    assert figures["codes"] == []


def test_promo_db_finishes_what_was_interrupted(database_url: str) -> None:
    manage(database_url, "promo_db")
    forget = "from django.db import connection as c; c.cursor().execute('DELETE FROM django_migrations WHERE app = %s', ['djstripe'])"
    manage(database_url, "shell", "--no-imports", "-c", forget)
    manage(database_url, "promo_db")
    manage(database_url, "migrate", "--check")
