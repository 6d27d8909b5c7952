"""The codes redeemed most, all codes of a batch as one."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Sum

from analytics import kept
from analytics.measures import units
from analytics.measures.units import Unit
from analytics.periods import Period
from analytics.selection import Selection

#: A currency and a code or batch.
_Key = tuple[str, Unit]


@dataclass(frozen=True)
class TopCode:
    """What one code, or the codes of one batch, did in one currency; amounts in minor units."""

    unit: Unit
    name: str
    currency: str
    redemptions: int
    discount_amount: int
    net_amount: int


def most_redeemed(period: Period, *, limit: int) -> dict[str, list[TopCode]]:
    """Return the codes with the most redemptions in each currency; among equals the newer code comes first.

    By the kept totals where they have the period's very sums, else by the rows.
    """
    sums = _kept(period) if kept.is_exact(period) else _reckoned(period)
    ordered = sorted(sums.items(), key=lambda item: (item[1]["redemptions"], item[0]), reverse=True)
    found: dict[str, list[_Key]] = defaultdict(list)
    for key, figures in ordered:
        if figures["redemptions"] and len(found[key[0]]) < limit:
            found[key[0]].append(key)
    names = units.names(unit for keys in found.values() for _, unit in keys)
    return {
        currency: [_top_code(key, names[key[1]], sums[key]) for key in keys]
        for currency, keys in found.items()
    }


def _top_code(key: _Key, name: str, sums: Counter[str]) -> TopCode:
    currency, unit = key
    return TopCode(unit, name, currency, sums["redemptions"], sums["discount_amount"], sums["net_amount"])


def _kept(period: Period) -> dict[_Key, Counter[str]]:
    return {
        (currency, Unit(code or 0, batch or 0)): sums
        for (currency, code, batch), sums in kept.codes(
            period, "currency", "promo_code_id", "batch_id"
        ).items()
    }


def _reckoned(period: Period) -> dict[_Key, Counter[str]]:
    selection = Selection(period)
    uses: Any = selection.usages().values("currency", **units.columns("promo_code__"))
    entries: Any = selection.entries().values("currency", **units.columns("usage__promo_code__"))
    moved = entries.annotate(discount_amount=Sum("discount_amount"), net_amount=Sum("net_amount"))
    found: dict[_Key, Counter[str]] = defaultdict(Counter)
    for row in uses.annotate(redemptions=Count("pk")):
        found[row["currency"], Unit.of(row)]["redemptions"] = row["redemptions"]
    for row in moved:
        amounts = {name: row[name] for name in ("discount_amount", "net_amount")}
        found[row["currency"], Unit.of(row)].update(amounts)
    return found
