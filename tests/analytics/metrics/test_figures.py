"""METRICS.md, term by term: what every door says of a nasty history against a naive reckoning of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, tzinfo
from fractions import Fraction
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from pytest_django import Settings

from analytics import kept, queries, reports
from analytics.measures import (
    customers,
    plan_mix,
    ranking,
    revenue,
    steps,
    times,
    top_codes,
)
from analytics.measures.ranking import Order
from analytics.periods import Period
from analytics.queries import Scope
from analytics.selection import Selection
from promos.models import Campaign, CodeBatch
from tests.analytics.metrics import naive_metrics
from tests.analytics.metrics.naive_metrics import Chosen, Reckoner

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
EVER = (date(2000, 1, 1), date(2200, 1, 1))
PERIODS = (EVER, (date(2026, 1, 1), date(2026, 2, 1)), (date(2026, 1, 14), date(2026, 4, 3)))
FILTERS = (
    {},
    {"currency": "usd"},
    {"currency": "jpy"},
    {"campaign": "Spring"},
    {"campaign": "Summer", "currency": "usd"},
    {"plan": "price_month"},
    {"segment": "new"},
    {"segment": "returning", "country": "AT"},
)


@dataclass(frozen=True)
class Asked:
    """One question: what is chosen, for the reckoner and for the product."""

    reckoner: Reckoner
    chosen: Chosen

    @property
    def period(self) -> Period:
        return Period(self.chosen.first_day, self.chosen.end_day, self.chosen.zone)

    @property
    def selection(self) -> Selection:
        campaign = Campaign.objects.filter(name=self.chosen.campaign).first()
        return Selection(
            self.period,
            currency=self.chosen.currency,
            campaign_id=campaign.pk if campaign else None,
            plan=self.chosen.plan,
            segment=self.chosen.segment,
            country=self.chosen.country,
        )

    def in_each_currency(self) -> Iterator[Asked]:
        for currency in sorted({part.sale.currency for part in self.reckoner.moved(self.chosen)}):
            yield replace(self, chosen=replace(self.chosen, currency=currency))


#: What the product says, and what was reckoned.
Pair = tuple[object, object]
Question = Callable[[Asked], Pair]


def money(asked: Asked) -> Pair:
    found = {currency: _money(row) for currency, row in revenue.impact(asked.selection).items()}
    return _moved(found), _moved(naive_metrics.by_currency(asked.reckoner.moved(asked.chosen)))


def average_and_rate(asked: Asked) -> Pair:
    found = {
        currency: (row.average_discount_amount, row.discount_rate.part, row.discount_rate.whole)
        for currency, row in revenue.impact(asked.selection).items()
        if row.discounted_orders
    }
    reckoned = naive_metrics.by_currency(asked.reckoner.moved(asked.chosen))
    return found, {
        currency: (row.average, row.discount, row.discounted_gross)
        for currency, row in reckoned.items()
        if row.discounted
    }


def redemptions(asked: Asked) -> Pair:
    used = times.used(asked.selection)
    found = asked.reckoner.redeemed(asked.chosen)
    people = {one.sale.customer for one in found}
    return (used.redemptions, used.by_new_customers, used.customers), (
        len(found),
        sum(one.is_new for one in found),
        len(people),
    )


def days(asked: Asked) -> Pair:
    if asked.period.is_all_time:
        return None, None
    zone = asked.chosen.zone
    reckoned: dict[tuple[str, date], Counter[str]] = defaultdict(Counter)
    for part in asked.reckoner.moved(asked.chosen):
        day = asked.period.bucket_of(part.at.astimezone(zone).date())
        amounts = {"gross": part.gross, "discount": part.discount, "net": part.net}
        reckoned[part.sale.currency, day].update(amounts)
    found = {
        (currency, one.day): Counter(gross=one.gross_amount, discount=one.discount_amount, net=one.net_amount)
        for currency, moved in revenue.over_time(asked.selection).items()
        for one in moved
    }
    return _without_zeros(found), _without_zeros(reckoned)


def hours(asked: Asked) -> Pair:
    local = [one.at.astimezone(asked.chosen.zone) for one in asked.reckoner.redeemed(asked.chosen)]
    found = {(row.weekday, row.hour): row.redemptions for row in times.by_weekday_and_hour(asked.selection)}
    return found, dict(Counter((at.isoweekday(), at.hour) for at in local))


def codes(asked: Asked) -> Pair:
    """Rank each currency's codes by every order; a batch is one."""
    found: dict[object, object] = {}
    reckoned: dict[object, object] = {}
    for each in asked.in_each_currency():
        parts: dict[str, list[naive_metrics.Part]] = defaultdict(list)
        for part in each.reckoner.moved(each.chosen):
            parts[_unit(part.redemption)].append(part)
        used = Counter(_unit(one) for one in each.reckoner.redeemed(each.chosen))
        reckoned |= {
            (each.chosen.currency, name): (_figures(naive_metrics.money(theirs)), used[name])
            for name, theirs in parts.items()
        }
        for order in Order:
            rows = ranking.ranking(each.selection, order, start=0, limit=100)
            found |= {(row.currency, row.name): (_of_code(row), row.redemptions) for row in rows}
            amounts = [_ranked_by(row, order) for row in rows]
            assert amounts == sorted(amounts, reverse=True), order
    return found, reckoned


def plans(asked: Asked) -> Pair:
    found = {
        (row.currency, row.plan): (
            row.orders,
            row.discounted_orders,
            row.gross_amount,
            row.discount_amount,
        )
        for row in plan_mix.orders(asked.selection)
    }
    reckoned: dict[tuple[str, str], tuple[int, ...]] = {}
    for sale in asked.reckoner.sold(asked.chosen):
        orders, discounted, gross, discount = reckoned.get((sale.currency, sale.plan), (0, 0, 0, 0))
        taken = _taken(asked, sale)
        sums = (orders + 1, discounted + (taken > 0), gross + sale.listed, discount + taken)
        reckoned[sale.currency, sale.plan] = sums
    return found, reckoned


def segments(asked: Asked) -> Pair:
    reckoned: dict[tuple[str, str, bool], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for one in asked.reckoner.redeemed(asked.chosen):
        reckoned[one.sale.currency, one.sale.plan, one.is_new][0] += 1
    for part in asked.reckoner.moved(asked.chosen):
        assert part.redemption is not None
        sums = reckoned[part.sale.currency, part.sale.plan, part.redemption.is_new]
        for place, amount in enumerate((part.gross, part.discount, part.net), start=1):
            sums[place] += amount
    found = {
        (row.currency, row.plan, row.is_new): [
            row.redemptions,
            row.gross_amount,
            row.discount_amount,
            row.net_amount,
        ]
        for row in customers.segments(asked.selection)
    }
    return found, dict(reckoned)


def countries(asked: Asked) -> Pair:
    reckoned: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for one in asked.reckoner.redeemed(asked.chosen):
        reckoned[one.sale.currency, one.sale.country][0] += 1
    for part in asked.reckoner.moved(asked.chosen):
        reckoned[part.sale.currency, part.sale.country][1] += part.net
    found = {
        (row.currency, row.country): [row.redemptions, row.net_amount]
        for row in customers.countries(asked.selection)
    }
    return found, dict(reckoned)


def savers(asked: Asked) -> Pair:
    reckoned: Counter[tuple[str, str]] = Counter()
    for part in asked.reckoner.moved(asked.chosen):
        reckoned[part.sale.currency, part.sale.customer] += part.discount
    found = {
        (row.currency, row.name): row.discount_amount
        for row in customers.top_savers(asked.selection, limit=1_000)
    }
    return found, {key: amount for key, amount in reckoned.items() if amount > 0}


def by_campaign(asked: Asked) -> Pair:
    reckoned: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for part in asked.reckoner.moved(asked.chosen):
        assert part.redemption is not None
        name = part.redemption.code.campaign or "No campaign"
        amounts = {"gross": part.gross, "discount": part.discount, "net": part.net}
        reckoned[part.sale.currency, name].update(amounts)
    found = {
        (row.currency, row.name): Counter(
            gross=row.gross_amount, discount=row.discount_amount, net=row.net_amount
        )
        for row in revenue.by_campaign(asked.selection)
    }
    return found, dict(reckoned)


#: Asked with every filter.
QUESTIONS: tuple[Question, ...] = (
    money,
    average_and_rate,
    redemptions,
    days,
    hours,
    codes,
    plans,
    segments,
    countries,
    savers,
    by_campaign,
)


def home(asked: Asked) -> Pair:
    """What the home, the report, the command and the API are made of."""
    found = {
        currency: (_money(row.money), row.redemptions.redemptions, row.redemptions.customers)
        for currency, row in reports.figures(Scope(asked.period)).items()
    }
    moved = naive_metrics.by_currency(asked.reckoner.moved(asked.chosen))
    used: dict[str, list[str]] = defaultdict(list)
    for one in asked.reckoner.redeemed(asked.chosen):
        used[one.sale.currency].append(one.sale.customer)
    return found, {
        currency: (row, len(used[currency]), len(set(used[currency]))) for currency, row in moved.items()
    }


def conversion(asked: Asked) -> Pair:
    one, other = queries.conversion(Scope(asked.period)), steps.conversion(asked.selection)
    reckoned = asked.reckoner.converted(asked.chosen)
    return [(one.bought, one.entered), (other.part, other.whole)], [reckoned, reckoned]


def most_redeemed(asked: Asked) -> Pair:
    used: dict[str, Counter[str]] = defaultdict(Counter)
    for one in asked.reckoner.redeemed(asked.chosen):
        used[one.sale.currency][_unit(one)] += 1
    found = {
        currency: {row.name: row.redemptions for row in rows}
        for currency, rows in top_codes.most_redeemed(asked.period, limit=100).items()
    }
    return found, {currency: dict(names) for currency, names in used.items()}


def each_code(asked: Asked) -> Pair:
    """The codes as the command and the API list them: each of a batch for itself."""
    found = {
        (row.currency, row.code): (row.redemptions, row.customers, row.gross_amount, row.net_amount)
        for row in reports.codes(Scope(asked.period))
    }
    reckoned: dict[tuple[str, str], tuple[int, ...]] = {}
    for name in asked.reckoner.codes:
        used = [one.sale for one in asked.reckoner.redeemed(asked.chosen) if one.code.name == name]
        parts = [part for part in asked.reckoner.moved(asked.chosen) if _name(part) == name]
        for currency, row in naive_metrics.by_currency(parts).items():
            people = [sale.customer for sale in used if sale.currency == currency]
            reckoned[currency, name] = (len(people), len(set(people)), row.gross, row.net)
    return found, reckoned


#: Asked of all codes together.
WHOLE: tuple[Question, ...] = (home, conversion, most_redeemed, each_code)


def test_every_figure_is_its_formula(reckoner: Reckoner, settings: Settings) -> None:
    zones: tuple[tzinfo, ...] = (UTC, ZoneInfo(settings.TIME_ZONE))
    spans = [(zone, *span) for zone in zones for span in PERIODS]
    whole = [Asked(reckoner, Chosen(*days, zone)) for zone, *days in spans]
    narrowed = [replace(each, chosen=replace(each.chosen, **chosen)) for each in whole for chosen in FILTERS]

    by_totals = [*_wrong(whole, WHOLE), *_wrong(narrowed, QUESTIONS)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept, "is_exact", lambda period: False)
        patch.setattr(kept, "has_same_days", lambda period: False)
        by_rows = [*_wrong(whole, WHOLE), *_wrong(whole, QUESTIONS)]

    assert not [*by_totals, *by_rows], "\n".join([*by_totals, *by_rows])


def _wrong(asked: Iterable[Asked], questions: Iterable[Question]) -> Iterator[str]:
    for each, question in product(asked, questions):
        found, reckoned = question(each)
        if found != reckoned:
            yield f"{question.__name__} of {each.chosen}:\n  said     {found}\n  reckoned {reckoned}"


def _name(part: naive_metrics.Part) -> str:
    assert part.redemption is not None
    return part.redemption.code.name


def _unit(redemption: naive_metrics.Redemption | None) -> str:
    assert redemption is not None
    code = redemption.code
    return f"Batch {CodeBatch.objects.get()}" if code.batch else code.name


def _taken(asked: Asked, sale: naive_metrics.Sale) -> int:
    """Return what a sale had taken off: of a campaign, what its codes did."""
    if not asked.chosen.campaign:
        return sale.discount
    return sum(
        part.discount
        for part in asked.reckoner.parts
        if part.sale is sale and part.redemption and part.redemption.code.campaign == asked.chosen.campaign
    )


def _money(row: object) -> naive_metrics.Money:
    names = ("gross", "discount", "refunded", "disputed", "net")
    amounts = (getattr(row, f"{name}_amount") for name in names)
    return naive_metrics.Money(*amounts, row.discounted_orders, row.discounted_gross_amount)  # type: ignore[attr-defined]


def _moved(found: dict[str, naive_metrics.Money]) -> dict[str, naive_metrics.Money]:
    return {
        currency: row
        for currency, row in found.items()
        if row.gross or row.net or row.refunded or row.disputed
    }


def _without_zeros(found: dict[tuple[str, date], Counter[str]]) -> dict[tuple[str, date], Counter[str]]:
    return {key: sums for key, sums in found.items() if any(sums.values())}


def _figures(row: naive_metrics.Money) -> tuple[int, ...]:
    back = row.refunded + row.disputed
    return row.gross, row.discount, back, row.net, row.discounted, row.discounted_gross


def _of_code(row: ranking.CodeFigures) -> tuple[int, ...]:
    return (
        row.gross_amount,
        row.discount_amount,
        row.paid_back_amount,
        row.net_amount,
        row.discounted_orders,
        row.discounted_gross_amount,
    )


def _ranked_by(row: ranking.CodeFigures, order: Order) -> Fraction:
    """Return what a code is ranked by; ratios over nothing come last."""
    ratios = {
        Order.AVERAGE_DISCOUNT: row.discounted_orders,
        Order.DISCOUNT_RATE: row.discounted_gross_amount,
    }
    if order not in ratios:
        return Fraction(getattr(row, order))
    return Fraction(row.discount_amount, ratios[order]) if ratios[order] else Fraction(-1)
