"""What the environment and an optional .env file say, each read as what it must be.

A value that cannot be meant is refused in one sentence that names the variable and what is
expected; an empty one is as good as none. Every reader raises ImproperlyConfigured.
"""

from __future__ import annotations

import io
import math
import os
import re
from collections.abc import Callable, Collection
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import environ
from django.core.exceptions import ImproperlyConfigured

FLAGS = {
    **dict.fromkeys(("true", "on", "yes", "y", "ok", "1"), True),
    **dict.fromkeys(("false", "off", "no", "n", "0"), False),
}
DATABASES = {"postgres", "postgresql", "psql", "pgsql", "sqlite"}
MAIL_ADDRESS = re.compile(r"([^<>]*<[^@\s<>]+@[^@\s<>]+>|[^@\s<>]+@[^@\s<>]+)")
_env = environ.Env()


def read(path: Path) -> None:
    """Take what a file sets, unless the environment itself does; ENV_FILE names another file.

    The defaults in the place of a file that was meant to be read would be another installation.
    """
    named = os.environ.get("ENV_FILE")
    try:
        lines = Path(named or path).read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        if isinstance(error, FileNotFoundError) and not named:
            return
        why = error.strerror if isinstance(error, OSError) else "it is not in UTF-8"
        raise ImproperlyConfigured(f"{named or path} cannot be read: {why}.") from None
    _env.read_env(io.StringIO(lines))


def text(name: str, *, default: str = "") -> str:
    return str(_env.str(name, default="")) or default


def flag(name: str, *, default: bool) -> bool:
    told = text(name).strip().lower()
    if told and told not in FLAGS:
        raise _refused(name, "true or false", told)
    return FLAGS.get(told, default)


def whole(name: str, *, default: int, least: int = 0, most: int | None = None, hint: str = "") -> int:
    """Return a whole number from ``least`` to ``most``; the hint ends the refusal."""
    told = text(name, default=str(default)).strip()
    is_in_range = re.fullmatch(r"-?[0-9]{1,9}", told) and least <= int(told) <= (most or math.inf)
    if not is_in_range:
        span = f"at least {least}" if most is None else f"from {least} to {most}"
        raise _refused(name, f"a whole number, {span}", told, hint)
    return int(told)


def number(name: str, *, default: float) -> float:
    """Return a number above 0."""
    found = _decimal(text(name, default=str(default)))
    if found is None or found <= 0:
        raise _refused(name, "a number above 0", text(name))
    return float(found)


def percent(name: str, *, default: str, may_be_nothing: bool) -> Decimal:
    """Return a percentage up to 100."""
    found = _decimal(text(name, default=default))
    if found is None or not 0 <= found <= 100 or not (found or may_be_nothing):
        raise _refused(
            name, f"a percentage {'from' if may_be_nothing else 'above'} 0 and up to 100", text(name)
        )
    return found


def amounts(name: str) -> dict[str, int]:
    """Return minor units by currency, written as ``usd=500,eur=450``."""
    pairs = [pair.strip().lower() for pair in text(name).split(",") if pair.strip()]
    if not all(re.fullmatch(r"[a-z]{3}=[0-9]{1,12}", pair) for pair in pairs):
        raise _refused(name, "minor units by currency, such as usd=30,eur=25", text(name))
    return {pair[:3]: int(pair[4:]) for pair in pairs}


def several(name: str, *, default: Collection[str] = ()) -> list[str]:
    """Return what commas set apart."""
    return [part.strip() for part in text(name).split(",") if part.strip()] or list(default)


def one_of(name: str, allowed: Collection[str], *, default: str = "") -> str:
    told = text(name, default=default)
    if told and told not in allowed:
        raise _refused(name, f"one of {', '.join(allowed)}", told)
    return told


def address(name: str, *, default: str = "") -> str:
    """Return a full http:// or https:// address without a name or password in it."""
    told = text(name, default=default)
    if told and not (re.fullmatch(r"https?://[^/?#@\s]+([/?#]\S*)?", told) and _has_host(told)):
        raise _refused(name, "a full http:// or https:// address such as https://example.com")
    return told


def mail_addresses(name: str) -> list[str]:
    told = several(name)
    for each in told:
        if not MAIL_ADDRESS.fullmatch(each):
            raise _refused(name, "mail addresses such as owner@example.com", each)
    return told


def sender(name: str, *, default: str) -> str:
    """Return a mail address, with or without a name before it."""
    told = text(name, default=default)
    if not MAIL_ADDRESS.fullmatch(told):
        raise _refused(name, "a mail address such as Shop <shop@example.com>", told)
    return told


def time_zone(name: str, *, default: str) -> str:
    told = text(name, default=default)
    if told not in available_timezones():
        raise _refused(name, "a time zone such as UTC or Europe/Berlin", told)
    return told


def database(name: str, *, default: str) -> dict[str, Any]:
    """Return Django's settings of a database; nothing of a wrong address is told, as it may hold a password."""
    expected = "postgres://user:password@host/name or sqlite:////path/to/file.sqlite3"
    found = _taken_apart(name, default, _env.db_url_config, DATABASES, expected)
    if not found["NAME"]:
        raise _refused(name, expected)
    return found


def mail_server(name: str, *, default: str) -> dict[str, Any]:
    """Return Django's settings of a mail server; nothing of a wrong address is told, see ``database``."""
    expected = "smtp+tls://user:password@host:587 or another address of a mail server"
    return _taken_apart(name, default, _env.email_url_config, _env.EMAIL_SCHEMES, expected)


def _taken_apart(
    name: str,
    default: str,
    parse: Callable[[str], dict[str, Any]],
    schemes: Collection[str],
    expected: str,
) -> dict[str, Any]:
    told = text(name, default=default)
    if told.partition("://")[0] not in schemes:
        raise _refused(name, expected)
    try:
        return dict(parse(told))
    except ValueError:
        raise _refused(name, expected) from None


def _decimal(told: str) -> Decimal | None:
    try:
        found = Decimal(told)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _has_host(told: str) -> bool:
    try:
        parts = urlsplit(told)
        # A port that is no number tells itself only when it is asked for.
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _refused(name: str, expected: str, told: str = "", hint: str = "") -> ImproperlyConfigured:
    instead = f", not {told!r}" if told else ""
    return ImproperlyConfigured(f"{name} must be {expected}{instead}.{hint and ' '}{hint}")
