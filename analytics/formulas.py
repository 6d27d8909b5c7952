"""What the figures mean: each formula in one sentence, and ratios that say when they say nothing. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

#: Fewer cases than this are called too few for a percentage.
MINIMUM_CASES = 30

SAVINGS = "Sum of the discounts Stripe reports, on checkouts and on renewals. Refunds do not reduce it."
REDEMPTIONS = "One code applied to one completed, settled checkout or subscription start. Later invoices are renewals of it."
GROSS = "Sum of the amounts before discount, without tax, of orders with a code."
NET = "Gross − discount − refunds − lost disputes, of orders with a code. Tax is left out."
DISCOUNT_RATE = "Discount ÷ gross, on discounted orders only."
DISCOUNT_RATE_OF_ALL = (
    "Discount ÷ gross of all paid orders, those without a code too; not told of new or returning customers alone, "
    "since without a code only a first order tells which they are."
)
AVERAGE_DISCOUNT = "Discount ÷ discounted orders; an order with several codes is one."
ACTUAL_AGAINST_LIST = (
    "Gross is what list prices would have brought, net what was kept; both added up from the first day shown."
)
GIVEN_AGAINST_EARNED = (
    "Net revenue ÷ discount given, of orders with a code: attributed, since nobody proved that these customers "
    "would not have bought without."
)
MOST_USED = "The code with the most redemptions in the period; among equals, the newer one."
CONVERSION = "Customers who completed a checkout with the code within 30 days of entering it ÷ customers who entered it validly."
USAGE_RATE = "Codes redeemed at least once ÷ codes issued (approved, archived ones included), over all time."
BY_NEW_CUSTOMERS = "Redemptions by customers with no earlier paid order; the share: ÷ redemptions."
BY_RETURNING_CUSTOMERS = "Redemptions by customers with an earlier paid order; the share: ÷ redemptions."
PLAN_MIX = (
    "Paid orders (checkouts and renewals) of the most ordered plans: those with a discount against all."
)
CODE_FIGURES = (
    "Redemptions of the period, and the money that orders with the code moved in it, renewals and refunds too. "
    "New customers: those with no earlier paid order. Net: gross − discount − refunds − lost disputes. Average discount and rate: over discounted orders only. "
    "Codes of a batch count together."
)
NEVER_USED = "Approved codes, not archived, without any redemption; the oldest first."
EXPIRING = "Approved codes, not archived, whose own end is within the next 30 days; the next first."
RUNNING_OUT = (
    "Approved codes, not archived, with at least 80 % of their limit redeemed, not all; the fullest first."
)
FUNNEL = (
    "People who took each step in the period ÷ people who took the step before. Viewed: visitors who followed a "
    "link with a code; who is not tracked counts once a view. The others: unique customers."
)
CHECK_SUCCESS_RATE = "Accepted checks ÷ all checks."
REFUSALS = "Checks of the period by the reason of their refusal ÷ all checks."
PLAN_SHARE = (
    "Paid orders (checkouts and renewals) of the plan ÷ those of all plans in the currency: of orders with a "
    "discount (of the campaign, if one is chosen), and of all. Narrowed to new customers: their first orders."
)
PLANS_BY_CODE = "Redemptions of each code on each plan; codes of a batch count together."
CUSTOMERS = "Customers who redeemed a code in the period, each counted once."
WEEK_HOURS = "Redemptions of the period by weekday and hour in the site's time zone; darker is more."
OVER_TIME = (
    "Discount given and net revenue of orders with a code, by the day on which the money moved. "
    "A day with more refunds than sales is below zero."
)
TOP_CODES = (
    "Codes by redemptions in the period, with the money their orders moved in it (renewals and refunds too)."
)


@dataclass(frozen=True)
class Ratio:
    """A part of a whole, and how many cases stand behind it (the whole itself unless it is money)."""

    part: int
    whole: int
    cases: int | None = None

    def __str__(self) -> str:
        if self.whole == 0:
            return "—"
        if self.is_too_few:
            return "too few"
        return f"{self.percent} %".replace("-", "−")

    @property
    def is_too_few(self) -> bool:
        return self.whole != 0 and self._cases < MINIMUM_CASES

    @property
    def percent(self) -> Decimal:
        """The percentage with one decimal, rounded half up; only where the whole is not 0."""
        exact = Decimal(self.part) * 100 / self.whole
        # What rounds to nothing has no sign.
        return exact.quantize(Decimal("0.1"), rounding=ROUND_HALF_UP) + 0

    @property
    def share(self) -> Decimal | None:
        """The part of one with four decimals, as the SQL view has it; None where there is no percentage."""
        if self.whole == 0 or self.is_too_few:
            return None
        return (Decimal(self.part) / self.whole).quantize(Decimal("0.0001"), rounding=ROUND_HALF_UP)

    @property
    def _cases(self) -> int:
        return self.whole if self.cases is None else self.cases


def average(amount: int, cases: int) -> int | None:
    """Return an amount divided by its cases, rounded half up to minor units; None over nothing."""
    return (2 * amount + cases) // (2 * cases) if cases else None
