"""One call at work: the store, the moment it happens at, and the events it causes."""

from dataclasses import dataclass
from typing import Any

from promos.standin import errors, events, ids, shapes
from promos.standin.kinds import KINDS, Document
from promos.standin.store import Store


@dataclass(frozen=True)
class Call:
    """What an operation may use. Everything it writes is kept or dropped together, by the transaction around it."""

    store: Store
    now: int
    base_url: str
    account: str
    request_id: str | None = None
    idempotency_key: str | None = None
    announce_redemptions: bool = False
    invoice_first: bool = True

    def get(self, kind: str, identifier: str, *, param: str = "id", status: int = 400) -> Document:
        """Return a document.

        Raises StripeError: resource_missing.
        """
        document = self.store.get(kind, identifier)
        if document is None:
            name = KINDS[kind].path.rsplit("/", 1)[-1].removesuffix("s").replace("_", " ")
            raise errors.no_such(name, identifier, param=param, status=status)
        return document

    def start(self, kind: str, **fields: Any) -> Document:
        """Return a new document in its kind's shape; nothing is stored yet."""
        return {
            "id": ids.new(KINDS[kind].prefix, 58 if kind == "checkout.session" else 24),
            "object": kind,
            "created": self.now,
            "livemode": False,
            **shapes.blank(kind),
            **fields,
        }

    def add(self, document: Document) -> Document:
        """Store a new document and announce it."""
        self.store.save(document)
        noun = KINDS[document["object"]].events
        if noun:
            events.emit(self, f"{noun}.created", document)
        return document

    def change(self, document: Document, changes: dict[str, Any], *, silent: bool = False) -> Document:
        """Store changed fields and announce what a reader can see of them, unless told to be silent."""
        changed = {**document, **changes}
        self.store.save(changed)
        noun = KINDS[document["object"]].events
        previous = events.previous_attributes(document, changed)
        if noun and previous and not silent:
            events.emit(self, f"{noun}.updated", changed, previous)
        return changed

    def remove(self, document: Document) -> Document:
        """Delete a document, announce it, and return what Stripe answers."""
        self.store.delete(document["object"], document["id"])
        noun = KINDS[document["object"]].events
        if noun:
            events.emit(self, f"{noun}.deleted", document)
        return {"id": document["id"], "object": document["object"], "deleted": True}
