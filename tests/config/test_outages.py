"""What the log says when the database does not work, and when our code does not."""

import logging
import sqlite3
import sys

import pytest
from django.db import OperationalError

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


def test_outage_of_the_database_is_one_line() -> None:
    error = OperationalError("could not extend file: No space left on device\nHINT:  Check free disk space.")
    assert told(error) == (
        "ERROR: Event evt_1 waits: could not extend file: No space left on device HINT: Check free disk space."
    )


def test_full_disk_on_sqlite_is_one_line() -> None:
    assert told(of_sqlite("CREATE TABLE t (x)")) == "ERROR: Event evt_1 waits: database or disk is full"


@pytest.mark.parametrize("error", [of_sqlite("SELECT x FROM t"), ValueError("wrong")])
def test_fault_of_the_code_keeps_its_traceback(error: Exception) -> None:
    assert "Traceback" in told(error)


def test_log_is_written_in_this_way(settings) -> None:
    assert settings.LOGGING["formatters"]["plain"]["()"] == f"{Formatter.__module__}.{Formatter.__name__}"
