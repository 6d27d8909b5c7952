"""SQL for what every paid checkout does: there the ORM takes five times as long to make a statement as to run it.

The statements of the common path stand beside what they are for and are run here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain, islice
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import DateTimeField, Field, JSONField, Model

Value = int | str | None
#: SQL with its values.
Statement = tuple[str, Sequence[Value]]
#: psycopg takes a text with over 50 values or 4,096 letters to pieces each time; most of ours have 15 and 1,300.
_AT_ONCE = 3

#: Of these a database may want another value than Python's; every other is taken as it is.
_PREPARED = (DateTimeField, JSONField)

_Row = TypeVar("_Row", bound=Model)


def change(sql: str, values: Sequence[Value]) -> int:
    """Run a statement and return how many rows it changed."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return int(cursor.rowcount)


def change_in_turn(statements: Sequence[Statement]) -> None:
    """Run statements one after the other.

    PostgreSQL is sent several at once, so that rows which others wait for are not locked while each is answered.
    """
    with connection.cursor() as cursor:
        for sql, values in _joined(statements) if _takes_several() else statements:
            cursor.execute(sql, values)


def row(sql: str, values: Sequence[Value]) -> tuple[Any, ...] | None:
    """Return the first row that a query finds; None when it finds none."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        found: tuple[Any, ...] | None = cursor.fetchone()
        return found


def columns(model: type[Model], *needed: str) -> list[str]:
    """Return columns in the order of the model, in which ``made`` takes their values."""
    return [field.attname for field in model._meta.concrete_fields if field.attname in needed]


def made(model: type[_Row], columns: Sequence[str], values: Iterator[object]) -> _Row:
    """Return a row read from the database, of which the other columns are read when they are asked for."""
    return model.from_db(DEFAULT_DB_ALIAS, columns, list(islice(values, len(columns))))


def insert(row: Model) -> None:
    """Save a new row as ``row.save(force_insert=True)`` does, but without signals: nobody listens to these tables."""
    # Not through the thread's proxy, which looks the connection up for each value anew.
    database = connections[DEFAULT_DB_ALIAS]
    fields, sql = _insertion(type(row), database.vendor)
    values = [
        field.get_db_prep_save(value, database) if isinstance(field, _PREPARED) else value
        for field, value in ((field, getattr(row, field.attname)) for field in fields)
    ]
    with database.cursor() as cursor:
        cursor.execute(sql, values)
        row.pk = cursor.lastrowid if database.vendor == "sqlite" else cursor.fetchone()[0]
    row._state.adding, row._state.db = False, database.alias


def _takes_several() -> bool:
    # A text may hold several where the values stand in it, which is how Django sends them unless told otherwise.
    is_told = connection.settings_dict["OPTIONS"].get("server_side_binding")
    return connection.vendor == "postgresql" and not is_told


def _joined(statements: Sequence[Statement]) -> Iterator[Statement]:
    for start in range(0, len(statements), _AT_ONCE):
        texts, values = zip(*statements[start : start + _AT_ONCE], strict=True)
        yield ";\n".join(texts), list(chain.from_iterable(values))


@cache
def _insertion(model: type[Model], vendor: str) -> tuple[list[Field[Any, Any]], str]:
    """Return the columns of a new row, all but its key, and the statement that puts it in."""
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    names, places = ", ".join(field.attname for field in fields), ", ".join(["%s"] * len(fields))
    sql = f"INSERT INTO {model._meta.db_table} ({names}) VALUES ({places})"  # noqa: S608 - our names
    # Not every version of SQLite knows RETURNING.
    return fields, sql if vendor == "sqlite" else f"{sql} RETURNING id"
