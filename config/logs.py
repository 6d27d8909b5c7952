"""How the log tells that the database does not work for a while: in a line each time, not in a traceback."""

from __future__ import annotations

import logging
from copy import copy

from django.db import InterfaceError, OperationalError


class Formatter(logging.Formatter):
    """Puts the database's own words behind the message when it is down, full, busy or read-only."""

    def format(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else None
        if error is None or not is_outage(error):
            return super().format(record)
        line = copy(record)
        line.msg, line.args = f"{record.getMessage()}: {' '.join(str(error).split())}", None
        line.exc_info = line.exc_text = line.stack_info = None
        return super().format(line)


def is_outage(error: BaseException) -> bool:
    """Say whether the database, not a statement of ours, is at fault; SQLite tells both by one class."""
    is_generic = getattr(error.__cause__, "sqlite_errorname", "") == "SQLITE_ERROR"
    return isinstance(error, (OperationalError, InterfaceError)) and not is_generic
