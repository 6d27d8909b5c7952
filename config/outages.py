"""A database that does not work for a while, or not yet: told in a sentence, never in a traceback."""

from __future__ import annotations

import logging
import re
from copy import copy

from django.db import DatabaseError, Error, InterfaceError, OperationalError, connection
from django.db.migrations.exceptions import MigrationSchemaMissing
from django.db.migrations.executor import MigrationExecutor

#: What PostgreSQL tells them by: connection, read-only, login, no such database, resources, locks, operator, system.
#: Deadlocks (40) and limits of a statement (54) are ours.
OUTAGES = ("08", "25006", "28", "3D", "53", "55", "57", "58")
#: A table, a column.
MISSING = ("42P01", "42703")
MISSING_ON_SQLITE = re.compile("^no such (table|column)|has no column")


class Formatter(logging.Formatter):
    """Puts the database's own words behind the message when it is down, full, busy or read-only."""

    def format(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else None
        if error is None or not is_outage(error):
            return super().format(record)
        line = copy(record)
        line.msg, line.args = f"{record.getMessage()}: {_in_line(error)}", None
        line.exc_info = line.exc_text = line.stack_info = None
        return super().format(line)


def is_outage(error: BaseException) -> bool:
    """Say whether the database, not a statement of ours, is at fault; its driver's class tells both."""
    if not isinstance(error, Error):
        return False
    if state := getattr(error.__cause__, "sqlstate", None):
        return str(state).startswith(OUTAGES)
    is_generic = getattr(error.__cause__, "sqlite_errorname", "") == "SQLITE_ERROR"
    return isinstance(error, (OperationalError, InterfaceError)) and not is_generic


def in_words(error: Exception) -> str:
    """Return a sentence for whoever called a command that ended in this error; none when only we can mend it."""
    # Of the second kind is a database in which we may not make tables.
    if is_outage(error) or isinstance(error, MigrationSchemaMissing):
        return f"The database does not work: {_in_line(error)}"
    if _misses_something(error) and _lacks_migrations():
        return "The database is not prepared for this version: run manage.py promo_db."
    return ""


def _in_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _misses_something(error: BaseException) -> bool:
    """Say whether a table or a column is not there; any other fault is not mended by preparing the database."""
    is_told = getattr(error.__cause__, "sqlstate", "") in MISSING
    return isinstance(error, DatabaseError) and (is_told or bool(MISSING_ON_SQLITE.search(str(error))))


def _lacks_migrations() -> bool:
    connection.close()
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
