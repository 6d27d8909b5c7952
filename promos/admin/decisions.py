"""The history of a row in words: when, who, what changed from what to what, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.text import capfirst

from promos import money

#: Records of one row that a page shows, newest first.
SHOWN_AT_MOST = 200
NOTHING = "–"
MADE, CHANGED, DELETED = "+", "~", "-"
#: Intents, and what setting and clearing them is called.
INTENTS = {
    "submitted_at": ("Submitted", "Made a draft again"),
    "approved_at": ("Approved", "Approval needed anew"),
    "paused_at": ("Paused", "Resumed"),
    "archived_at": ("Archived", "Brought back"),
}
#: Amounts in minor units, and where their currency is.
AMOUNTS = {
    "amount_off": "currency",
    "fixed_price_amount": "currency",
    "list_price_amount": "currency",
    "budget_amount": "currency",
    "fixed_cost_amount": "currency",
    "minimum_amount": "minimum_amount_currency",
}


@dataclass(frozen=True)
class Decision:
    """One record, as a line of the history."""

    at: datetime
    who: str
    what: list[str]
    why: str


def of(*rows: models.Model) -> list[Decision]:
    """Return what was decided about these rows, newest first; rows of several kinds are one history."""
    records = [record for row in rows for record in _records(row)]
    names = _Names(records)
    found = [_decision(record, names) for record in records]
    return sorted((decision for decision in found if decision.what), key=lambda one: one.at, reverse=True)


def _records(row: models.Model) -> list[Any]:
    """Return a row's records, newest first, each with its predecessor as ``before``."""
    history = row.history.select_related("history_user").order_by("-history_date", "-history_id")  # type: ignore[attr-defined]
    records = list(history[: SHOWN_AT_MOST + 1])
    for record, before in zip(records, [*records[1:], None], strict=True):
        record.before = before
    return records[:SHOWN_AT_MOST]


def _decision(record: Any, names: _Names) -> Decision:
    return Decision(
        at=record.history_date,
        who=str(record.history_user or "–"),
        what=_what(record, names),
        why=record.history_change_reason,
    )


def _what(record: Any, names: _Names) -> list[str]:
    kind = capfirst(record.instance_type._meta.verbose_name)
    if record.history_type == DELETED:
        return [f"{kind} deleted"]
    if record.before is None:
        return [f"{kind} made"] if record.history_type == MADE else []
    # The library's own comparison leaves out what no form edits, and so every intent.
    changed = [
        field.name
        for field in record.tracked_fields
        if getattr(record, field.attname) != getattr(record.before, field.attname)
    ]
    return [_change(record, name, names) for name in changed]


def _change(record: Any, name: str, names: _Names) -> str:
    if name in INTENTS:
        was_set, was_cleared = INTENTS[name]
        return was_set if getattr(record, name) else was_cleared
    label = capfirst(record.instance_type._meta.get_field(name).verbose_name)
    return f"{label}: {_shown(record.before, name, names)} → {_shown(record, name, names)}"


def _shown(record: Any, name: str, names: _Names) -> str:
    field = record.instance_type._meta.get_field(name)
    value = getattr(record, field.attname)
    if value in (None, "", [], {}):
        return NOTHING
    if field.is_relation:
        return names.of(field, value)
    if name in AMOUNTS:
        currency = getattr(record, AMOUNTS[name])
        return money.display(value, currency) if currency else str(value)
    return _plain(field, value)


def _plain(field: models.Field[Any, Any], value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return timezone.localtime(value).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(dict(field.flatchoices or ()).get(value, value))


class _Names:
    """What the rows are called that the records point to, read once for each kind."""

    def __init__(self, records: Iterable[Any]) -> None:
        wanted: dict[type[models.Model], set[Any]] = {}
        for record in records:
            for field in record.tracked_fields:
                if field.is_relation and getattr(record, field.attname) is not None:
                    wanted.setdefault(field.related_model, set()).add(getattr(record, field.attname))
        self._found = {model: model._base_manager.in_bulk(keys) for model, keys in wanted.items()}

    def of(self, field: models.Field[Any, Any], key: object) -> str:
        return str(self._found.get(field.related_model, {}).get(key, key))  # type: ignore[arg-type]
