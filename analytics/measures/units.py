"""What codes are counted by: each code for itself, but all codes of a batch as one.

A batch may hold a million codes of one use each; a row for every one would say
nothing and never end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import BigIntegerField, Case, F, Q, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from promos.models import CodeBatch, PromoCode


@dataclass(frozen=True, order=True)
class Unit:
    """A code or a batch: one of the two has a key, the other 0."""

    promo_code_id: int = 0
    batch_id: int = 0

    @classmethod
    def of(cls, row: Mapping[str, int]) -> Unit:
        """Return the unit of a row that was grouped by ``columns``."""
        return cls(row["unit_code"], row["unit_batch"])


def columns(path: str = "") -> dict[str, Combinable]:
    """Return what to group by: the code where it is in no batch, and the batch; ``path`` leads to the code."""
    alone = When(**{f"{path}batch__isnull": True}, then=F(f"{path}id"))
    return {
        "unit_code": Case(alone, default=0, output_field=BigIntegerField()),
        "unit_batch": Coalesce(f"{path}batch_id", 0),
    }


def within(units: Iterable[Unit], path: str = "") -> Q:
    """Return the condition that a row's code is one of the units; ``path`` leads to the code."""
    codes, batches = _keys(units)
    return Q(**{f"{path}id__in": codes}) | Q(**{f"{path}batch__in": batches})


def totals_of(units: Iterable[Unit]) -> Q:
    """Return the condition that a row of the kept totals is one of the units'."""
    codes, batches = _keys(units)
    return Q(promo_code__in=codes) | Q(batch__in=batches)


def names(units: Iterable[Unit]) -> dict[Unit, str]:
    """Return what people call each unit."""
    units = list(units)
    code_ids, batch_ids = _keys(units)
    codes, batches = PromoCode.objects.only("code").in_bulk(code_ids), CodeBatch.objects.in_bulk(batch_ids)
    return {
        unit: f"Batch {batches[unit.batch_id]}" if unit.batch_id else codes[unit.promo_code_id].code
        for unit in units
    }


def _keys(units: Iterable[Unit]) -> tuple[list[int], list[int]]:
    units = list(units)
    codes = [unit.promo_code_id for unit in units if unit.promo_code_id]
    return codes, [unit.batch_id for unit in units if unit.batch_id]
