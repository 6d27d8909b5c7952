"""Examining all rows, and mending those whose repair is safe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from promos import history
from promos.doctor import code_rules, offer_terms, offer_values
from promos.doctor.findings import Finding, Row, Rule, subject
from promos.models import Offer, PromoCode, StripePromotionCode

Rules = dict[type[Row], tuple[Rule, ...]]


@dataclass(frozen=True)
class Mended:
    """A row before and after its repairs, by field; ``refusal`` says why the database did not take them."""

    subject: str
    before: dict[str, Any]
    after: dict[str, Any]
    refusal: str = ""


def rules(now: datetime) -> Rules:
    """Return the rules for each kind of row, offers first."""
    return {
        Offer: offer_values.RULES + offer_terms.RULES,
        PromoCode: code_rules.of_codes(now),
        StripePromotionCode: (code_rules.generation_without_id,),
    }


def examine(now: datetime) -> Iterator[Finding]:
    """Yield everything that is wrong, offers before codes."""
    for model, rules_of_model in rules(now).items():
        for rule in rules_of_model:
            yield from rule(_rows(model))


def mend(found: Iterable[Finding], *, now: datetime, dry_run: bool = False) -> Iterator[Mended]:
    """Apply the safe repairs, one transaction for each row, and yield each row before and after."""
    rows = {(type(finding.row), finding.row.pk): finding.row for finding in found if finding.repair.is_safe}
    known_rules = rules(now)
    for row in rows.values():
        if mended := _mend(row, known_rules[type(row)], dry_run=dry_run):
            yield mended


def _mend(row: Row, known_rules: tuple[Rule, ...], *, dry_run: bool) -> Mended | None:
    """Examine a row again under its lock and save all its safe repairs together."""
    model = type(row)
    known_as = subject(row)
    with transaction.atomic():
        locked = model._default_manager.select_for_update().filter(pk=row.pk).first()
        changes = _changes(_rows(model).filter(pk=row.pk), known_rules)
        if locked is None or not changes:
            return None
        before = {name: getattr(locked, name) for name in changes}
        for name, value in changes.items():
            setattr(locked, name, value)
        return Mended(known_as, before, changes, "" if dry_run else _saved(locked, changes))


def _changes(row: QuerySet[Any], known_rules: tuple[Rule, ...]) -> dict[str, Any]:
    """Return the new values that a row's safe repairs give it; of two for one field the first rule's."""
    changes: dict[str, Any] = {}
    for rule in known_rules:
        for finding in rule(row):
            if finding.repair.is_safe:
                changes = finding.repair.changes | changes
    return changes


def _saved(row: Row, changes: dict[str, Any]) -> str:
    """Save the changed fields; return the database's refusal, empty when there is none."""
    try:
        with transaction.atomic(), history.because("Mended by the data doctor"):
            row.save(update_fields=list(changes))
    except IntegrityError as error:
        return f"The database refused it: {error}"
    return ""


def _rows(model: type[Row]) -> QuerySet[Any]:
    if model is PromoCode:
        return PromoCode.objects.not_archived().order_by("pk")
    return model._default_manager.order_by("pk")
