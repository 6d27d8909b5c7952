"""Where the stand-in keeps its state: one SQLite file, or memory."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from promos.standin.kinds import KINDS, Document

SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    due_at INTEGER,
    body TEXT NOT NULL,
    UNIQUE (kind, id)
);
CREATE INDEX IF NOT EXISTS documents_by_kind ON documents (kind, seq);
CREATE INDEX IF NOT EXISTS documents_due ON documents (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS lookups (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (kind, name, value, seq)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS lookups_by_document ON lookups (seq);
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    created INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY,
    event TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at REAL,
    delivered INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS deliveries_by_event ON deliveries (event);
"""


class Answer(NamedTuple):
    """What an idempotency key was answered with, and for which request."""

    fingerprint: str
    status: int
    body: str


class Due(NamedTuple):
    """A document that changes by itself, and when."""

    at: int
    document: Document


class Delivery(NamedTuple):
    """One event on its way to one webhook endpoint."""

    id: int
    event: str
    endpoint: str
    attempts: int


class Store:
    """Documents by kind and id, in order of creation; kept answers; the queue of webhook deliveries.

    One connection behind one lock: a transaction has the store to itself.
    """

    def __init__(self, location: str | Path | None = None) -> None:
        self.lock = threading.RLock()
        self.connection = sqlite3.connect(
            str(location or ":memory:"), isolation_level=None, check_same_thread=False
        )
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = NORMAL")
        self.connection.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        with self.lock:
            self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep everything done inside, or nothing of it."""
        with self.lock:
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self.connection.execute("ROLLBACK")
                raise
            self.connection.execute("COMMIT")

    # Documents

    def get(self, kind: str, identifier: str) -> Document | None:
        """Return a document, or None."""
        row = self.connection.execute(
            "SELECT body FROM documents WHERE kind = ? AND id = ?", (kind, identifier)
        ).fetchone()
        return json.loads(row[0]) if row else None

    def save(self, document: Document) -> None:
        """Insert or replace a document and what it is found by."""
        kind = KINDS[document["object"]]
        [(seq,)] = self.connection.execute(
            "INSERT INTO documents (kind, id, due_at, body) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (kind, id) DO UPDATE SET due_at = excluded.due_at, body = excluded.body"
            " RETURNING seq",
            (kind.name, document["id"], kind.due(document), json.dumps(document)),
        ).fetchall()
        self.connection.execute("DELETE FROM lookups WHERE seq = ?", (seq,))
        values = {name: key(document) for name, key in kind.keys.items()}
        self.connection.executemany(
            "INSERT INTO lookups (kind, name, value, seq) VALUES (?, ?, ?, ?)",
            [(kind.name, name, str(value), seq) for name, value in values.items() if value is not None],
        )

    def delete(self, kind: str, identifier: str) -> None:
        """Forget a document."""
        seq = self.position(kind, identifier)
        self.connection.execute("DELETE FROM lookups WHERE seq = ?", (seq,))
        self.connection.execute("DELETE FROM documents WHERE seq = ?", (seq,))

    def position(self, kind: str, identifier: str) -> int | None:
        """Return a document's place in the order of creation."""
        row = self.connection.execute(
            "SELECT seq FROM documents WHERE kind = ? AND id = ?", (kind, identifier)
        ).fetchone()
        return row[0] if row else None

    def walk(
        self,
        kind: str,
        *,
        key: tuple[str, str] | None = None,
        older_than: int | None = None,
        newer_than: int | None = None,
    ) -> Iterator[Document]:
        """Yield documents of a kind, the newest first; away from `newer_than` when that is given.

        `key` is one (name, value) of the kind's keys: the index that narrows the walk.
        """
        where, values = ["documents.kind = ?"], [kind]
        source = "documents"
        if key:
            source = "lookups JOIN documents USING (seq)"
            where += ["lookups.kind = ?", "lookups.name = ?", "lookups.value = ?"]
            values += [kind, *key]
        where += ["seq < ?"] if older_than is not None else []
        where += ["seq > ?"] if newer_than is not None else []
        bounds = [bound for bound in (older_than, newer_than) if bound is not None]
        order = "ASC" if newer_than is not None else "DESC"
        # Only fixed fragments are joined here; every value is bound.
        query = f"SELECT body FROM {source} WHERE {' AND '.join(where)} ORDER BY seq {order}"  # noqa: S608
        for (body,) in self.connection.execute(query, (*values, *bounds)):
            yield json.loads(body)

    def next_due(self, now: int) -> Due | None:
        """Return the document whose time came first, if that of any has come."""
        row = self.connection.execute(
            "SELECT due_at, body FROM documents WHERE due_at <= ? ORDER BY due_at, seq LIMIT 1", (now,)
        ).fetchone()
        return Due(row[0], json.loads(row[1])) if row else None

    # Kept answers

    def answer(self, key: str, since: int) -> Answer | None:
        """Return the answer kept for an idempotency key, unless it is older than `since`."""
        row = self.connection.execute(
            "SELECT fingerprint, status, body FROM answers WHERE key = ? AND created >= ?", (key, since)
        ).fetchone()
        return Answer(*row) if row else None

    def keep_answer(self, key: str, answer: Answer, now: int) -> None:
        """Keep an answer, to be given again to the same key."""
        self.connection.execute(
            "INSERT OR REPLACE INTO answers (key, fingerprint, status, body, created) VALUES (?, ?, ?, ?, ?)",
            (key, *answer, now),
        )

    # Deliveries

    def enqueue(self, event: str, endpoint: str, due_at: float) -> None:
        """Queue an event for an endpoint."""
        self.connection.execute(
            "INSERT INTO deliveries (event, endpoint, due_at) VALUES (?, ?, ?)", (event, endpoint, due_at)
        )

    def due_deliveries(self, now: float) -> list[Delivery]:
        """Return the deliveries to try now, the oldest first."""
        with self.lock:
            rows = self.connection.execute(
                "SELECT id, event, endpoint, attempts FROM deliveries WHERE due_at <= ? ORDER BY id", (now,)
            ).fetchall()
        return [Delivery(*row) for row in rows]

    def settle_delivery(self, delivery: Delivery, *, delivered: bool, retry_at: float | None) -> None:
        """Note one try: delivered, to be tried again, or (neither) given up."""
        self.connection.execute(
            "UPDATE deliveries SET attempts = attempts + 1, delivered = ?, due_at = ? WHERE id = ?",
            (delivered, retry_at, delivery.id),
        )

    def undelivered(self, event: str) -> int:
        """Return how many endpoints still lack an event, those given up included."""
        [count] = self.connection.execute(
            "SELECT COUNT(*) FROM deliveries WHERE event = ? AND NOT delivered", (event,)
        ).fetchone()
        return int(count)
