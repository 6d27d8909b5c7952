"""The answers to the owner's questions as plain data, put together from queries. Nothing here is formatted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from analytics import needs, queries
from analytics.formulas import Ratio
from analytics.measures import plan_names, top_codes
from analytics.measures.top_codes import TopCode
from analytics.models import Alert
from analytics.needs import CodesInNeed
from analytics.periods import Period
from analytics.queries import Money, Redemptions, Scope
from promos.models import LedgerEntry, PromoCode

TOP_CODES = 8
TOP_PLANS = 8
RECENT = 10

_Bucket = tuple[str, date]


@dataclass(frozen=True)
class Figures:
    """What codes did in one currency: redemptions and money."""

    currency: str
    redemptions: Redemptions
    money: Money

    @property
    def discount_rate(self) -> Ratio:
        money = self.money
        return Ratio(money.discount_amount, money.discounted_gross_amount, money.discounted_orders)

    @property
    def new_customer_share(self) -> Ratio:
        return Ratio(self.redemptions.new_customer_redemptions, self.redemptions.redemptions)


@dataclass(frozen=True)
class CodeFigures:
    """What one code did in one currency; amounts in minor units."""

    code: str
    promo_code_id: int
    currency: str
    redemptions: int = 0
    customers: int = 0
    gross_amount: int = 0
    discount_amount: int = 0
    net_amount: int = 0


@dataclass(frozen=True)
class Point:
    """One day, week or month of a chart, named by its first day."""

    day: date
    redemptions: int = 0
    discount_amount: int = 0
    net_amount: int = 0


@dataclass(frozen=True)
class Plan:
    name: str
    orders: int
    discounted_orders: int

    @property
    def discounted_share(self) -> Ratio:
        return Ratio(self.discounted_orders, self.orders)


@dataclass(frozen=True)
class Section:
    """Everything in one currency."""

    currency: str
    now: Figures
    before: Figures
    points: list[Point]
    top_codes: list[TopCode]
    plans: list[Plan]


@dataclass(frozen=True)
class Attention:
    """How many things wait for the owner."""

    codes: CodesInNeed
    campaigns_waiting: int
    budgets_nearly_spent: int
    failed_webhooks: int
    differences: int
    over_limit: int
    alerts: list[Alert]
    undelivered_messages: int


@dataclass(frozen=True)
class Overview:
    """The owner's home: a period beside the one before it."""

    period: Period
    now: datetime
    sections: list[Section]
    conversion: Ratio
    conversion_before: Ratio
    codes_used: Ratio
    attention: Attention
    recent: list[LedgerEntry]
    has_codes: bool


def overview(period: Period, *, now: datetime) -> Overview:
    """Put the owner's home together, the currency with the most redemptions first."""
    scope = Scope(period)
    issued = queries.issued()
    return Overview(
        period=period,
        now=now,
        sections=_sections(scope),
        conversion=_conversion(scope),
        conversion_before=_conversion(Scope(period.previous)),
        codes_used=Ratio(issued.used, issued.codes),
        attention=_attention(scope, now),
        recent=queries.recent(scope, limit=RECENT),
        has_codes=issued.codes > 0 or PromoCode.objects.exists(),
    )


def figures(scope: Scope, *, with_customers: bool = True) -> dict[str, Figures]:
    """Return the totals of each currency that has any; customers are counted row by row, if at all."""
    used = queries.redemptions(scope, with_customers=with_customers)
    redemptions = {row.currency: row for row in used}
    money = {row.currency: row for row in queries.money(scope)}
    return {
        currency: Figures(
            currency,
            redemptions.get(currency, Redemptions(currency, customers=0)),
            money.get(currency, Money(currency)),
        )
        for currency in sorted(redemptions.keys() | money.keys())
    }


def codes(scope: Scope) -> list[CodeFigures]:
    """Return every code with figures in the scope, by currency, the most redeemed first."""
    used = {(row.currency, row.promo_code_id): row for row in queries.redemptions_by_code(scope)}
    money = {(row.currency, row.promo_code_id): row for row in queries.money_by_code(scope)}
    found = [
        _code_figures(used.get(key), money.get(key), currency=key[0]) for key in used.keys() | money.keys()
    ]
    return sorted(found, key=lambda row: (row.currency, -row.redemptions, -row.net_amount, row.code))


def _code_figures(
    used: queries.CodeRedemptions | None, money: queries.CodeMoney | None, *, currency: str
) -> CodeFigures:
    known = used or money
    assert known is not None  # the key came from one of the two
    return CodeFigures(
        code=known.code,
        promo_code_id=known.promo_code_id,
        currency=currency,
        redemptions=used.redemptions if used else 0,
        customers=used.customers if used else 0,
        gross_amount=money.gross_amount if money else 0,
        discount_amount=money.discount_amount if money else 0,
        net_amount=money.net_amount if money else 0,
    )


def _sections(scope: Scope) -> list[Section]:
    now, before = (figures(each, with_customers=False) for each in (scope, Scope(scope.period.previous)))
    currencies = sorted(now.keys() | before.keys())
    points = _points(scope, currencies)
    tops = top_codes.most_redeemed(scope.period, limit=TOP_CODES)
    plans = _plans(scope)
    sections = [
        Section(
            currency=currency,
            now=now.get(currency, _nothing(currency)),
            before=before.get(currency, _nothing(currency)),
            points=points[currency],
            top_codes=tops.get(currency, []),
            plans=plans.get(currency, [])[:TOP_PLANS],
        )
        for currency in currencies
    ]
    return sorted(sections, key=lambda section: -section.now.redemptions.redemptions)


def _nothing(currency: str) -> Figures:
    return Figures(currency, Redemptions(currency), Money(currency))


def _points(scope: Scope, currencies: Iterable[str]) -> dict[str, list[Point]]:
    """Fold the days into the period's buckets, those without any figures included."""
    bucket_of, buckets = scope.period.bucket_of, scope.period.buckets()
    redemptions, discount, net = Counter[_Bucket](), Counter[_Bucket](), Counter[_Bucket]()
    for used in queries.redemptions_by_day(scope):
        redemptions[used.currency, bucket_of(used.day)] += used.redemptions
    for moved in queries.money_by_day(scope):
        discount[moved.currency, bucket_of(moved.day)] += moved.discount_amount
        net[moved.currency, bucket_of(moved.day)] += moved.net_amount
    return {
        currency: [
            Point(day, *(sums[currency, day] for sums in (redemptions, discount, net))) for day in buckets
        ]
        for currency in currencies
    }


def _plans(scope: Scope) -> dict[str, list[Plan]]:
    rows = queries.orders_by_plan(scope)
    names = plan_names.of(row.plan for row in rows)
    found: dict[str, list[Plan]] = defaultdict(list)
    for row in rows:
        found[row.currency].append(Plan(names[row.plan], row.orders, row.discounted_orders))
    return found


def _conversion(scope: Scope) -> Ratio:
    row = queries.conversion(scope)
    return Ratio(row.bought, row.entered)


def _attention(scope: Scope, now: datetime) -> Attention:
    return Attention(
        codes=needs.codes_in_need(now),
        campaigns_waiting=needs.campaigns_waiting(),
        budgets_nearly_spent=needs.budgets_nearly_spent(),
        failed_webhooks=needs.failed_webhooks(),
        differences=needs.differences(),
        over_limit=queries.over_limit(scope),
        alerts=needs.open_alerts(),
        undelivered_messages=needs.undelivered_messages(now),
    )
