"""What codes are counted by: each code for itself, but all codes of a batch as one.

A batch may hold a million codes of one use each; a row for every one would say
nothing and never end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import BigIntegerField, Case, F, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from promos.models import CodeBatch, PromoCode


@dataclass(frozen=True, order=True)
class Unit:
    """A code or a batch: one of the two has a key, the other 0."""

    promo_code_id: int = 0
    batch_id: int = 0


def columns(path: str = "") -> dict[str, Combinable]:
    """Return what to group by: the code where it is in no batch, and the batch; ``path`` leads to the code."""
    alone = When(**{f"{path}batch__isnull": True}, then=F(f"{path}id"))
    return {
        "promo_code_id": Case(alone, default=0, output_field=BigIntegerField()),
        "batch_id": Coalesce(f"{path}batch_id", 0),
    }


def names(units: Iterable[Unit]) -> dict[Unit, str]:
    """Return what people call each unit."""
    units = list(units)
    codes = PromoCode.objects.only("code").in_bulk([unit.promo_code_id for unit in units])
    batches = CodeBatch.objects.in_bulk([unit.batch_id for unit in units])
    return {
        unit: f"Batch {batches[unit.batch_id]}" if unit.batch_id else codes[unit.promo_code_id].code
        for unit in units
    }
