"""What an offer takes off an order, in minor units. Pure arithmetic, for previews.

What a customer was charged is never computed here: Stripe's own figures are recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from promos.models import Offer


@dataclass(frozen=True)
class Terms:
    """What is taken off: a percentage, or an amount for each currency; empty ``product_ids`` means all."""

    percent_off: Decimal | None = None
    amounts: Mapping[str, int] = field(default_factory=dict)
    product_ids: frozenset[str] = frozenset()

    @classmethod
    def of(cls, offer: Offer) -> Terms:
        amounts = dict(offer.currency_amounts)
        if offer.amount_off is not None:
            amounts[offer.currency] = offer.amount_off
        return cls(offer.percent_off, amounts, frozenset(offer.product_ids))

    def covers_currency(self, currency: str) -> bool:
        return self.percent_off is not None or currency in self.amounts

    def covers_product(self, product_id: str) -> bool:
        return not self.product_ids or product_id in self.product_ids


@dataclass(frozen=True)
class Line:
    """One line of an order: a product and its amount in minor units of the order's currency."""

    product_id: str
    amount: int


@dataclass(frozen=True)
class Quote:
    """An order's price before and after, in minor units."""

    currency: str
    gross_amount: int
    discount_amount: int

    @property
    def net_amount(self) -> int:
        return self.gross_amount - self.discount_amount


def quote(terms: Terms, lines: Iterable[Line], currency: str) -> Quote:
    """Return the price of an order under these terms, before tax."""
    lines = list(lines)
    covered = [line.amount for line in lines if terms.covers_product(line.product_id)]
    return Quote(currency, sum(line.amount for line in lines), _discount(terms, covered, currency))


def _discount(terms: Terms, covered: list[int], currency: str) -> int:
    if terms.percent_off is not None:
        # Stripe rounds each line by itself.
        return sum(_share(amount, terms.percent_off) for amount in covered)
    return min(terms.amounts.get(currency, 0), sum(covered))


def _share(amount: int, percent: Decimal) -> int:
    return int((amount * percent / 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))
