"""METRICS.md reckoned naively: plain loops over what Stripe told, sharing nothing with the queries they check.

Where METRICS.md leaves something open, this is what holds here:

- An order's first code that took something off has the order; what a further code took off is
  that code's own gross and discount, and has no net. Over all codes the order is counted once.
- A renewal without a code, and what is paid back of any order, belong to the code of that
  subscription redeemed last before it, and to the code of the order.
- A redemption stays one when it is refunded. It is a new customer's when the order that it
  began with was the customer's first; renewals and refunds go with their redemption.
- Codes are in the campaign, and customers in the country, in which they are now.
- A refund's share of tax is the order's, rounded half up.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from fractions import Fraction


@dataclass(frozen=True)
class Code:
    name: str
    campaign: str = ""
    batch: str = ""


@dataclass(frozen=True)
class Back:
    """Money that went back, or, below zero, came back again; ``amount`` with tax."""

    at: datetime
    kind: str
    amount: int


@dataclass
class Sale:
    """A settled payment: of a checkout, or of a renewal; ``taken`` is what each code took off, in Stripe's order."""

    at: datetime
    customer: str
    country: str
    subscription: str
    plan: str
    interval: str
    currency: str
    listed: int
    taken: dict[str, int] = field(default_factory=dict)
    coupon: int = 0
    tax: int = 0
    is_renewal: bool = False
    backs: list[Back] = field(default_factory=list)

    @property
    def discount(self) -> int:
        return sum(self.taken.values()) + self.coupon

    @property
    def net(self) -> int:
        return self.listed - self.discount


@dataclass(frozen=True)
class Check:
    """Somebody entered a code; ``code`` is empty when there is none of that name."""

    at: datetime
    customer: str
    code: str
    is_accepted: bool


@dataclass
class History:
    codes: list[Code]
    sales: list[Sale]
    checks: list[Check]


@dataclass(frozen=True)
class Chosen:
    """A period and filters; an empty one leaves everything."""

    first_day: date
    end_day: date
    zone: tzinfo = UTC
    currency: str = ""
    campaign: str = ""
    plan: str = ""
    segment: str = ""
    country: str = ""

    def has(self, at: datetime) -> bool:
        return self._midnight(self.first_day) <= at < self._midnight(self.end_day)

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time.min, tzinfo=self.zone)


@dataclass(frozen=True)
class Redemption:
    at: datetime
    code: Code
    sale: Sale
    is_new: bool


@dataclass(frozen=True)
class Part:
    """What one order, or what was paid back of it, moved under one redemption; None: without a code."""

    at: datetime
    kind: str
    sale: Sale
    redemption: Redemption | None
    gross: int = 0
    discount: int = 0
    net: int = 0


class Reckoner:
    """Everything METRICS.md names, of one history."""

    def __init__(self, history: History) -> None:
        self.codes = {code.name: code for code in history.codes}
        self.sales = sorted(history.sales, key=lambda sale: sale.at)
        self.checks = history.checks
        self.redemptions: dict[tuple[str, str], Redemption] = {}
        self.parts: list[Part] = []
        for sale in self.sales:
            self._redeem(sale)
            self.parts += self._parts_of(sale)

    def is_first(self, sale: Sale) -> bool:
        earlier = [other for other in self.sales if other.customer == sale.customer and other.at < sale.at]
        return not earlier and not sale.is_renewal

    def _redeem(self, sale: Sale) -> None:
        for name in _that_took(sale):
            redemption = Redemption(sale.at, self.codes[name], sale, self.is_first(sale))
            self.redemptions.setdefault((sale.subscription, name), redemption)

    def _owner(self, sale: Sale) -> Redemption | None:
        if sale.taken:
            return self.redemptions[sale.subscription, _that_took(sale)[0]]
        before = [one for (key, _), one in self.redemptions.items() if key == sale.subscription]
        return before[-1] if sale.is_renewal and before else None

    def _parts_of(self, sale: Sale) -> Iterator[Part]:
        owner, further = self._owner(sale), _that_took(sale)[1:]
        others = sum(sale.taken[name] for name in further)
        kind = "renewal" if sale.is_renewal else "checkout"
        yield Part(sale.at, kind, sale, owner, sale.listed - others, sale.discount - others, sale.net)
        for name in further:
            amount = sale.taken[name]
            yield Part(sale.at, "share", sale, self.redemptions[sale.subscription, name], amount, amount)
        for back in sale.backs:
            yield Part(back.at, back.kind, sale, owner, net=_tax_within(back.amount, sale) - back.amount)

    def redeemed(self, chosen: Chosen) -> list[Redemption]:
        return [
            one
            for one in self.redemptions.values()
            if chosen.has(one.at) and _is_of(one.sale, chosen) and _is_by(one, chosen)
        ]

    def moved(self, chosen: Chosen) -> list[Part]:
        """Return what orders with a code moved."""
        return [
            part
            for part in self.parts
            if (one := part.redemption)
            and chosen.has(part.at)
            and _is_of(part.sale, chosen)
            and _is_by(one, chosen)
        ]

    def sold(self, chosen: Chosen) -> list[Sale]:
        """Return all paid orders, with a code or without; a campaign does not narrow them."""
        return [
            sale
            for sale in self.sales
            if chosen.has(sale.at) and _is_of(sale, chosen) and _is_in(chosen.segment, self.is_first(sale))
        ]

    def converted(self, chosen: Chosen, code: str = "") -> tuple[int, int]:
        """Return the customers who bought with a code in thirty days of entering it, and those who entered one."""
        accepted = [
            check
            for check in self.checks
            if check.is_accepted and chosen.has(check.at) and code in ("", check.code)
        ]
        bought = {check.customer for check in accepted if self._bought(check)}
        return len(bought), len({check.customer for check in accepted})

    def _bought(self, check: Check) -> bool:
        # Stripe tells whole seconds: who pays in the second of the entry paid after it.
        entered = check.at.replace(microsecond=0)
        return any(
            one.code.name == check.code
            and one.sale.customer == check.customer
            and entered <= one.at < check.at + timedelta(days=30)
            for one in self.redemptions.values()
        )


@dataclass(frozen=True)
class Money:
    """What orders with a code moved in one currency; ``discounted`` orders are each counted once."""

    gross: int
    discount: int
    refunded: int
    disputed: int
    net: int
    discounted: int
    discounted_gross: int

    @property
    def average(self) -> int | None:
        return round_half_up(Fraction(self.discount, self.discounted)) if self.discounted else None

    @property
    def rate(self) -> Fraction | None:
        return Fraction(self.discount, self.discounted_gross) if self.discounted_gross else None


def money(parts: Iterable[Part]) -> Money:
    """Gross − discount − refunds − lost disputes = net."""
    parts = list(parts)
    gross, discount = sum(part.gross for part in parts), sum(part.discount for part in parts)
    refunded = -sum(part.net for part in parts if part.kind in ("refund", "credit_note"))
    disputed = -sum(part.net for part in parts if part.kind == "dispute")
    discounted = [part for part in parts if part.discount > 0]
    return Money(
        gross,
        discount,
        refunded,
        disputed,
        gross - discount - refunded - disputed,
        len({id(part.sale) for part in discounted}),
        sum(part.gross for part in discounted),
    )


def by_currency(parts: Iterable[Part]) -> dict[str, Money]:
    found: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        found[part.sale.currency].append(part)
    return {currency: money(theirs) for currency, theirs in found.items()}


def profit(parts: Iterable[Part], *, margin: Fraction, fee_share: Fraction, fee: int) -> int:
    """NGP: gross × m − discount − refunds − fees."""
    parts = list(parts)
    moved = money(parts)
    payments = [part for part in parts if part.kind in ("checkout", "renewal")]
    charged, number = sum(part.net for part in payments), sum(part.net > 0 for part in payments)
    back = moved.refunded + moved.disputed
    return round_half_up(moved.gross * margin - moved.discount - back - charged * fee_share - number * fee)


def payback(parts: Iterable[Part], cost: int, *, margin: Fraction, zone: tzinfo) -> int | None:
    """Return the first month after redemption in which cumulative gross × m reaches the cost."""
    gross: Counter[int] = Counter()
    for part in parts:
        assert part.redemption is not None
        gross[months_between(part.redemption.at, part.at, zone)] += part.gross
    total = 0
    for month in sorted(gross):
        total += gross[month]
        if round_half_up(total * margin) >= cost:
            return month
    return None


def months_between(first: datetime, later: datetime, zone: tzinfo) -> int:
    one, other = first.astimezone(zone), later.astimezone(zone)
    return (other.year - one.year) * 12 + other.month - one.month


def round_half_up(amount: Fraction) -> int:
    """Round to the nearest, halves away from zero, as money is."""
    whole = int(abs(amount) + Fraction(1, 2))
    return whole if amount >= 0 else -whole


def _that_took(sale: Sale) -> list[str]:
    """Return an order's codes, those that took nothing off only where none did."""
    return [name for name in sale.taken if sale.taken[name]] or list(sale.taken)[:1]


def _is_of(sale: Sale, chosen: Chosen) -> bool:
    return (
        chosen.currency in ("", sale.currency)
        and chosen.plan in ("", sale.plan)
        and chosen.country in ("", sale.country)
    )


def _is_by(redemption: Redemption, chosen: Chosen) -> bool:
    return chosen.campaign in ("", redemption.code.campaign) and _is_in(chosen.segment, redemption.is_new)


def _is_in(segment: str, is_new: bool) -> bool:
    return segment in ("", "new" if is_new else "returning")


def _tax_within(amount: int, sale: Sale) -> int:
    paid = sale.net + sale.tax
    return round_half_up(Fraction(abs(amount) * sale.tax, paid)) * (1 if amount > 0 else -1) if paid else 0
