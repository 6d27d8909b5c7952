"""What a sale leaves over, and what a promotion must bring back (METRICS.md, "Money back"). Pure.

Amounts are integer minor units of one currency; each result is rounded once, half up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import ROUND_HALF_UP, Decimal
from typing import Self

from django.conf import settings

from analytics.formulas import Ratio
from promos import money

NGP = (
    "Gross × margin − discount − refunds (credit notes and lost disputes too) − fees. "
    "Not net × margin: the cost to serve does not fall with the price."
)
PROMOTION_COST = "Discount given + the campaign's fixed cost."
ATTRIBUTED_ROI = (
    "Attributed: (NGP of redeemers − fixed cost) ÷ (discount + fixed cost). "
    "Nobody proved that they would not have bought without the code."
)
BREAK_EVEN_LIFT = (
    "d ÷ (margin − d), where d is discount ÷ gross of discounted orders: how many more sales the discount "
    "needs to earn what list price would have. Impossible when d is at least the margin."
)
PAYBACK = "First month after redemption in which cumulative gross × margin reaches the promotion cost."


@dataclass(frozen=True)
class Assumptions:
    """What the owner says of every sale: gross margin at list price, and what taking a payment costs.

    ``fee_share`` is a share of what is charged, ``fee_amounts`` minor units for each payment, by currency.
    """

    margin: Decimal = Decimal(1)
    fee_share: Decimal = Decimal(0)
    fee_amounts: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of_settings(cls) -> Self:
        return cls(
            settings.GROSS_MARGIN_PERCENT / 100, settings.FEE_SHARE_PERCENT / 100, settings.FEE_AMOUNTS
        )

    def in_words(self, currency: str) -> str:
        """Say what is assumed of sales in a currency, and where it is set."""
        fee = self.fee_amounts.get(currency, 0)
        each = f" + {money.display(fee, currency)} a payment" if fee else ""
        return (
            f"Assumed: margin {_percent(self.margin)}, payment fees {_percent(self.fee_share)}{each} "
            "(GROSS_MARGIN_PERCENT, FEE_SHARE_PERCENT, FEE_AMOUNTS)."
        )


@dataclass(frozen=True)
class Earnings:
    """What orders moved in one currency; ``charged_amount`` before tax, ``payments`` those above zero."""

    gross_amount: int = 0
    discount_amount: int = 0
    charged_amount: int = 0
    refunded_amount: int = 0
    disputed_amount: int = 0
    payments: int = 0

    def __add__(self, other: Earnings) -> Earnings:
        return Earnings(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    @property
    def paid_back_amount(self) -> int:
        return self.refunded_amount + self.disputed_amount

    @property
    def refund_rate(self) -> Ratio:
        """Refunded ÷ charged."""
        return Ratio(self.refunded_amount, self.charged_amount, self.payments)


def margin_amount(gross_amount: int, assumed: Assumptions) -> int:
    """Return gross × margin."""
    return _rounded(gross_amount * assumed.margin)


def net_gross_profit(earned: Earnings, currency: str, assumed: Assumptions) -> int:
    """Return gross × margin − discount − refunds − fees."""
    fees = earned.charged_amount * assumed.fee_share + earned.payments * assumed.fee_amounts.get(currency, 0)
    lost = earned.discount_amount + earned.paid_back_amount
    return _rounded(earned.gross_amount * assumed.margin - lost - fees)


def attributed_roi(profit: int, *, discount_amount: int, fixed_cost_amount: int, cases: int) -> Ratio:
    """Return (NGP − fixed cost) ÷ (discount + fixed cost)."""
    return Ratio(profit - fixed_cost_amount, discount_amount + fixed_cost_amount, cases)


def break_even_lift(
    discount_amount: int, gross_amount: int, assumed: Assumptions, *, cases: int
) -> Ratio | None:
    """Return d ÷ (margin − d) for d = discount ÷ gross; None when no lift is enough."""
    left = gross_amount * assumed.margin - discount_amount
    if gross_amount and left <= 0:
        return None
    scale = assumed.margin.as_integer_ratio()[1]
    return Ratio(discount_amount * scale, int(left * scale), cases)


def _percent(share: Decimal) -> str:
    return f"{(share * 100).normalize():f} %"


def _rounded(amount: Decimal | int) -> int:
    return int(Decimal(amount).quantize(Decimal(1), rounding=ROUND_HALF_UP))
