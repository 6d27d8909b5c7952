"""The index that makes searching within codes quick on PostgreSQL: trigrams (SQLite reads the rows, in order).

Made after every migration rather than by one: the extension needs a right that
not every database's owner has, and without it searching still works.
"""

from typing import Any

from django.db import DatabaseError, connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "promo_codes"
#: Django's ``icontains`` compares in capitals; an index is used only by the very same expression.
INDEX = "CREATE INDEX IF NOT EXISTS promos_promocode_{0}_trgm ON promo_codes USING gin (UPPER({0}::text) gin_trgm_ops)"
STATEMENTS = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    *(INDEX.format(column) for column in ("code", "description")),
)


def create_after_migrate(*, using: str, **_: Any) -> None:
    """Make the indexes where their table and the right to make them are."""
    connection = connections[using]
    if connection.vendor != "postgresql" or not router.allow_migrate(using, "promos"):
        return
    if TABLE in connection.introspection.table_names():
        _make(connection)


def _make(connection: BaseDatabaseWrapper) -> None:
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            for statement in STATEMENTS:
                cursor.execute(statement)
    except DatabaseError:
        # The extension is not installed or not ours to make.
        return
