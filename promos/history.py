"""Who decided what, when and why: a record of a row for every change of what an owner decides.

Kept by django-simple-history beside the rows. The person comes from the request;
who has none is a command, the worker, or Stripe, and the reason says which.
Counters and the sync's own fields are nobody's decision: they leave no record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import models
from simple_history.models import HistoricalRecords

REASON_LENGTH = 300
_reason: ContextVar[str] = ContextVar("history_reason", default="")


@contextmanager
def because(reason: str) -> Iterator[None]:
    """Give every record made inside this reason; inside of another one both are kept, the inner one first."""
    reasons = (reason, _reason.get())
    token = _reason.set(": ".join(filter(None, reasons))[:REASON_LENGTH])
    try:
        yield
    finally:
        _reason.reset(token)


def note(rows: Iterable[models.Model], *, are_new: bool = False) -> None:
    """Record rows as they are now, in one INSERT: for what was made or changed past ``save``."""
    found = list(rows)
    if found:
        type(found[0]).history.bulk_history_create(  # type: ignore[attr-defined]
            found, update=not are_new, default_change_reason=_reason.get()
        )


class Records(HistoricalRecords):  # type: ignore[misc]
    """The history of a model; a save of nothing but excluded fields leaves no record."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            history_id_field=models.BigAutoField(),
            history_change_reason_field=models.CharField(max_length=REASON_LENGTH, default="", blank=True),
            **options,
        )

    def post_save(
        self,
        instance: models.Model,
        created: bool,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
        **kwargs: Any,
    ) -> None:
        recorded = {field.name for field in self.fields_included(instance)}
        if update_fields is None or not recorded.isdisjoint(update_fields):
            super().post_save(instance, created, using=using, **kwargs)

    def get_change_reason_for_object(self, instance: models.Model, history_type: str, using: str) -> str:
        return _reason.get()
