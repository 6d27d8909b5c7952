"""What ledger entries moved, as sums of a query and as ``Earnings``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from django.db.models import Aggregate, Count, Q, Sum
from django.db.models.expressions import Combinable

from analytics.economics import Earnings
from analytics.queries import DISPUTES, ORDERS, REFUNDS


def sums(entry: str = "") -> dict[str, Aggregate | Combinable]:
    """Return the sums that make ``Earnings``; ``entry`` is the path to the entries, when they are joined."""

    def entries(condition: Q) -> Q:
        return Q(*((f"{entry}{name}", value) for name, value in condition.children))  # type: ignore[misc]

    def net(condition: Q) -> Sum:
        return Sum(f"{entry}net_amount", filter=entries(condition), default=0)

    return {
        "charged_amount": net(ORDERS),
        "refunded_amount": -net(REFUNDS),
        "disputed_amount": -net(DISPUTES),
        # Not the key, which the indexes that cover the sums do not have.
        "payments": Count(f"{entry}kind", filter=entries(ORDERS & Q(net_amount__gt=0))),
        "gross_amount": Sum(f"{entry}gross_amount", default=0),
        "discount_amount": Sum(f"{entry}discount_amount", default=0),
    }


def of(row: Mapping[str, Any]) -> Earnings:
    """Return the sums of a row."""
    return Earnings(**{each.name: row[each.name] for each in fields(Earnings)})
