"""Preparing a database: in seconds when it is new, by migrations when it has data.

dj-stripe's migrations take a minute and a half on any database, and end in the
tables that its models describe. A database without a single table gets those
tables from the models, and the migrations are noted as done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

Step = tuple[str, Callable[[], None]]


def steps() -> list[Step]:
    """Return what is to be done to the database at hand, in order, each with its name for people."""
    fresh = [
        ("accounts", lambda: _migrate("auth")),
        ("tables", _make_tables),
        ("history of migrations", lambda: _migrate("djstripe", fake=True)),
    ]
    grown = [("migrations (the first time of dj-stripe's takes minutes)", _migrate)]
    way = fresh if is_empty() or _is_half_made() else grown
    return [*way, ("cache", lambda: call_command("createcachetable", verbosity=0))]


def is_empty() -> bool:
    """Say whether the database has no table at all (one that does not exist yet, on SQLite, has none)."""
    if connection.vendor == "sqlite" and connection.settings_dict["NAME"] != ":memory:":
        _make_folder()
    return not connection.introspection.table_names()


def _is_half_made() -> bool:
    """Say whether an earlier run was stopped between dj-stripe's tables and the note that they are there."""
    has_tables = "djstripe_account" in connection.introspection.table_names()
    noted = MigrationRecorder(connection).applied_migrations()
    return has_tables and not any(app == "djstripe" for app, _ in noted)


def _make_folder() -> None:
    Path(connection.settings_dict["NAME"]).parent.mkdir(parents=True, exist_ok=True)


def _migrate(app: str | None = None, *, fake: bool = False) -> None:
    apps = [app] if app else []
    call_command("migrate", *apps, fake=fake, verbosity=0, interactive=False, skip_checks=True)


def _make_tables() -> None:
    with _migration_modules({**settings.MIGRATION_MODULES, "djstripe": None}):
        call_command("migrate", run_syncdb=True, verbosity=0, interactive=False, skip_checks=True)


@contextmanager
def _migration_modules(modules: Mapping[str, str | None]) -> Iterator[None]:
    before = settings.MIGRATION_MODULES
    settings.MIGRATION_MODULES = modules
    try:
        yield
    finally:
        settings.MIGRATION_MODULES = before
