"""What the log says when the database does not work, and when our code does not."""

import logging
import sqlite3
import sys

import psycopg
import pytest
from django.db import Error, InternalError, OperationalError, ProgrammingError
from django.db.migrations.exceptions import MigrationSchemaMissing

from config import outages
from config.outages import Formatter


def told(error: Exception) -> str:
    """Return what the log says of an error that was met."""
    try:
        raise error
    except type(error):
        record = logging.LogRecord(
            "promos", logging.ERROR, "", 0, "Event %s waits", ("evt_1",), sys.exc_info()
        )
    return Formatter("{levelname}: {message}", style="{").format(record)


def of_sqlite(statement: str) -> OperationalError:
    """Return how Django tells what SQLite itself says to a statement, in a database of one page."""
    database = sqlite3.connect(":memory:")
    database.execute("PRAGMA max_page_count = 1")
    try:
        database.execute(statement)
    except sqlite3.OperationalError as cause:
        error = OperationalError(str(cause))
        error.__cause__ = cause
        return error
    raise AssertionError


def of_postgres(kind: type[Error], cause: type[psycopg.Error]) -> Error:
    """Return how Django tells an error of PostgreSQL's."""
    error = kind("told")
    error.__cause__ = cause("told")
    return error


def test_outage_of_the_database_is_one_line() -> None:
    error = OperationalError("could not extend file: No space left on device\nHINT:  Check free disk space.")
    assert told(error) == (
        "ERROR: Event evt_1 waits: could not extend file: No space left on device HINT: Check free disk space."
    )


def test_full_disk_on_sqlite_is_one_line() -> None:
    assert told(of_sqlite("CREATE TABLE t (x)")) == "ERROR: Event evt_1 waits: database or disk is full"


def test_database_that_only_reads_is_one_line() -> None:
    error = of_postgres(InternalError, psycopg.errors.ReadOnlySqlTransaction)
    assert told(error) == "ERROR: Event evt_1 waits: told"


@pytest.mark.parametrize(
    "error",
    [
        of_sqlite("SELECT x FROM t"),
        of_postgres(OperationalError, psycopg.errors.DeadlockDetected),
        of_postgres(OperationalError, psycopg.errors.StatementTooComplex),
        ValueError("wrong"),
    ],
)
def test_fault_of_the_code_keeps_its_traceback(error: Exception) -> None:
    assert "Traceback" in told(error)


def test_log_is_written_in_this_way(settings) -> None:
    assert settings.LOGGING["formatters"]["plain"]["()"] == f"{Formatter.__module__}.{Formatter.__name__}"


def test_what_preparing_does_not_mend_does_not_ask_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outages, "_lacks_migrations", lambda: True)
    missing = of_postgres(ProgrammingError, psycopg.errors.UndefinedTable)
    assert "promo_db" in outages.in_words(missing)
    assert "promo_db" in outages.in_words(of_sqlite("SELECT x FROM t"))
    assert outages.in_words(of_postgres(ProgrammingError, psycopg.errors.DuplicateTable)) == ""


def test_database_in_which_no_table_may_be_made_says_so() -> None:
    error = MigrationSchemaMissing("Unable to create the table (permission denied for schema public\nLINE 1)")
    assert outages.in_words(error) == (
        "The database does not work: Unable to create the table (permission denied for schema public LINE 1)"
    )
