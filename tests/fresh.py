"""Commands as a newcomer runs them: a process, on a database that has nothing yet."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

from django.conf import settings
from django.db import connection


@contextmanager
def database(folder: Path) -> Iterator[str]:
    """The address of a database that does not exist yet (SQLite) or has no table (PostgreSQL)."""
    if connection.vendor == "sqlite":
        yield f"sqlite:///{folder}/folder/fresh.sqlite3"
        return
    name = f"fresh_{uuid4().hex[:12]}"
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    try:
        yield urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))
    finally:
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def manage(database_url: str, *arguments: str, **environment: str) -> str:
    """Run a command and return what it says; it must succeed."""
    done = subprocess.run(  # noqa: S603 - our own commands
        [sys.executable, "-W", "ignore", "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DATABASE_URL": database_url, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
