"""What codes that are open now may still cost: expected at their pace, and at most. Plain data.

Expected is told for the codes and batches redeemed in the last thirty days: the
others have no pace. What they may cost at most is said by exposure_limits.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from django.db.models import Count, F, Max, Min, Sum, Value
from django.db.models.functions import Coalesce, Least

from analytics.formulas import MINIMUM_CASES
from analytics.measures import exposure_limits, units
from analytics.measures.units import Unit
from analytics.queries import SETTLED
from analytics.selection import Selection
from promos.models import PromoCodeUsage

#: How many days tell a code's pace, and for how many ahead it is drawn on.
PACE_DAYS = 30
DAYS_AHEAD = 365
#: Codes and batches whose pace is drawn on, those with the most redemptions.
PACED_AT_MOST = 1_000
_FAR = datetime(9999, 1, 1, tzinfo=UTC)

EXPOSURE = (
    "min(uses left, expected uses) × average lifetime discount. Expected uses: redemptions of the last "
    f"{PACE_DAYS} days drawn on to the code's end, at most {DAYS_AHEAD} days. Average lifetime discount: given and "
    "committed so far ÷ redemptions, of all codes with the same offer."
)
_Offers = Mapping[tuple[str, int], Fraction]


@dataclass(frozen=True)
class OpenCode:
    """A code or batch that is open and has a pace; ``expected_amount`` None: its offer has too few redemptions."""

    currency: str
    unit: Unit
    name: str
    uses_left: int | None
    expected_uses: Fraction
    expected_amount: int | None


@dataclass(frozen=True)
class Exposure:
    """What open codes may still cost in one currency; ``maximum_amount`` None: no limit."""

    currency: str
    codes: Sequence[OpenCode]
    maximum_amount: int | None

    @property
    def expected_amount(self) -> int:
        return sum(code.expected_amount or 0 for code in self.codes)

    @property
    def unknown_codes(self) -> int:
        """How many codes and batches have an offer with too few redemptions to expect anything."""
        return sum(code.expected_amount is None for code in self.codes)


def exposure(
    chosen: Selection, committed: Mapping[tuple[str, int], int], *, now: datetime
) -> dict[str, Exposure]:
    """Return what open codes may still cost, by currency; ``committed`` by currency and offer. Eight queries."""
    found = _expected(chosen, committed, now)
    maxima = exposure_limits.maxima(chosen, now=now)
    by_currency: dict[str, list[OpenCode]] = defaultdict(list)
    for code in found:
        by_currency[code.currency].append(code)
    return {
        currency: Exposure(currency, by_currency[currency], maxima.get(currency, 0))
        for currency in sorted(by_currency.keys() | maxima.keys())
    }


def _expected(chosen: Selection, committed: Mapping[tuple[str, int], int], now: datetime) -> list[OpenCode]:
    paces = _paces(chosen, now)
    stock = _stock(chosen, paces.keys(), now)
    averages = _averages(chosen, {row["offer"] for row in stock.values()}, committed)
    names = units.names(stock)
    found = [
        code
        for unit, left in stock.items()
        for code in _open_codes(unit, names[unit], left, paces[unit], averages, now)
    ]
    return sorted(found, key=lambda code: -(code.expected_amount or 0))


def _paces(chosen: Selection, now: datetime) -> dict[Unit, dict[str, int]]:
    """Count the last days' redemptions of each code and batch by currency."""
    lately = PromoCodeUsage.objects.filter(
        status__in=SETTLED, redeemed_at__gt=now - timedelta(days=PACE_DAYS), redeemed_at__lte=now
    )
    if chosen.currency:
        lately = lately.filter(currency=chosen.currency)
    grouped: Any = lately.values("currency", **units.columns("promo_code__")).annotate(uses=Count("pk"))
    found: dict[Unit, dict[str, int]] = defaultdict(dict)
    for row in grouped.order_by("-uses", "unit_code", "unit_batch")[:PACED_AT_MOST]:
        found[Unit.of(row)][row["currency"]] = row["uses"]
    return found


def _stock(chosen: Selection, wanted: Iterable[Unit], now: datetime) -> dict[Unit, dict[str, Any]]:
    """Return the uses left of the open ones among these, until when, and their offer."""
    ends = Least(Coalesce("expires_at", Value(_FAR)), Coalesce("campaign__ends_at", Value(_FAR)))
    rows = exposure_limits.open_codes(chosen, now=now).filter(units.within(wanted))
    grouped = rows.values(**units.columns())
    sums: Any = grouped.annotate(**exposure_limits.LEFT, ends=Max(ends), offer=Min("offer"))
    return {Unit.of(row): row for row in sums.order_by("unit_code", "unit_batch")}


def _averages(chosen: Selection, offers: Iterable[int], committed: Mapping[tuple[str, int], int]) -> _Offers:
    """Return the average lifetime discount by currency and offer, where there are redemptions enough."""
    settled = PromoCodeUsage.objects.filter(status__in=SETTLED, promo_code__offer__in=offers)
    rows = settled.values("currency", offer=F("promo_code__offer_id"))
    return {
        (row["currency"], row["offer"]): Fraction(
            row["given"] + committed.get((row["currency"], row["offer"]), 0), row["uses"]
        )
        for row in rows.annotate(given=Sum("discount_amount"), uses=Count("pk")).order_by()
        if row["uses"] >= MINIMUM_CASES
    }


def _open_codes(
    unit: Unit,
    name: str,
    stock: Mapping[str, Any],
    pace: Mapping[str, int],
    averages: _Offers,
    now: datetime,
) -> Iterable[OpenCode]:
    """Yield what one code or batch may still cost in each currency; uses left are shared as they were used."""
    left = stock["left"] if stock["limited_codes"] == stock["open_codes"] else None
    days = min(Fraction(DAYS_AHEAD), Fraction(int((stock["ends"] - now).total_seconds()), 86_400))
    drawn_on = sum(pace.values()) * days / PACE_DAYS
    expected = drawn_on if left is None else min(drawn_on, Fraction(left))
    for currency, uses in pace.items():
        share = expected * uses / sum(pace.values())
        average = averages.get((currency, stock["offer"]))
        yield OpenCode(
            currency, unit, name, left, share, None if average is None else _rounded(share * average)
        )


def _rounded(amount: Fraction) -> int:
    return math.floor(amount + Fraction(1, 2))
