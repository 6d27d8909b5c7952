"""A database that does not work for a while, or not yet: told in a sentence, never in a traceback."""

from __future__ import annotations

import logging
from copy import copy

from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor


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
    """Say whether the database, not a statement of ours, is at fault; SQLite tells both by one class."""
    is_generic = getattr(error.__cause__, "sqlite_errorname", "") == "SQLITE_ERROR"
    return isinstance(error, (OperationalError, InterfaceError)) and not is_generic


def in_words(error: Exception) -> str:
    """Return a sentence for whoever called a command that ended in this error; none when only we can mend it."""
    if is_outage(error):
        return f"The database does not work: {_in_line(error)}"
    if isinstance(error, DatabaseError) and _lacks_migrations():
        return "The database is not prepared for this version: run manage.py promo_db."
    return ""


def _in_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _lacks_migrations() -> bool:
    connection.close()
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
