"""METRICS.md over whole lives: the view, campaigns and cohorts of a nasty history against a naive reckoning of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from pytest_django import Settings

from analytics.economics import Assumptions
from analytics.measures import campaign_results, cohort_days, cohort_making, cohorts
from analytics.models import PromoCodeAnalytics
from analytics.periods import Period
from analytics.selection import Selection
from tests.analytics.metrics import naive_cohorts, naive_metrics
from tests.analytics.metrics.naive_metrics import Chosen, Reckoner

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
EVER = (date(2000, 1, 1), date(2200, 1, 1))


def test_view_is_the_sum_of_each_code(reckoner: Reckoner) -> None:
    found = {(row.code, row.currency): _of_view(row) for row in PromoCodeAnalytics.objects.all()}

    assert found == _view_reckoned(reckoner)


def test_campaigns_bring_back_what_their_formulas_say(reckoner: Reckoner, settings: Settings) -> None:
    zone = ZoneInfo(settings.TIME_ZONE)
    assumed = _assumed()
    results = campaign_results.results(Selection(Period(*EVER, zone)))

    found = {
        (row.name, row.currency): (
            row.promotion_cost_amount,
            row.profit(assumed),
            row.payback_month(assumed),
            row.redemptions,
        )
        for row in results
    }

    assert found == _campaigns_reckoned(reckoner, zone)


def test_cohorts_stay_and_bring_what_their_formulas_say(
    reckoner: Reckoner, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cohorts, "MINIMUM_CASES", 1)
    zone, now = ZoneInfo(settings.TIME_ZONE), datetime(2026, 12, 1, 12, tzinfo=UTC)
    selection = Selection(Period(date(2025, 12, 1), date(2026, 7, 1), zone))
    reckoned = naive_cohorts.sides(reckoner, zone)
    by_rows = _cohorts(selection, now)
    while cohort_making.make_due(now, zone=zone, limit=400):
        pass

    assert by_rows == _cohorts(selection, now)
    assert by_rows[0] == {key: _side(side) for key, side in reckoned.items()}
    assert by_rows[1] == _values_reckoned(reckoned)


def _of_view(row: PromoCodeAnalytics) -> tuple[object, ...]:
    return (
        (row.gross_amount, row.discount_amount, row.refunded_amount, row.disputed_amount, row.net_amount),
        (row.discounted_orders, row.average_discount_amount, row.discount_rate),
        (row.uses, row.unique_customers, row.new_customer_uses),
        (row.converted_customers, row.entered_customers),
        (row.first_used_at, row.last_used_at),
    )


def _view_reckoned(reckoner: Reckoner) -> dict[tuple[str, str], tuple[object, ...]]:
    ever, found = Chosen(*EVER), {}
    for name in reckoner.codes:
        parts = [
            part for part in reckoner.moved(ever) if part.redemption and part.redemption.code.name == name
        ]
        used = [one for one in reckoner.redeemed(ever) if one.code.name == name]
        for currency, row in naive_metrics.by_currency(parts).items():
            theirs = [one for one in used if one.sale.currency == currency]
            times_used = [one.at for one in theirs]
            found[name, currency] = (
                (row.gross, row.discount, row.refunded, row.disputed, row.net),
                (row.discounted, row.average, None if row.rate is None else _four_decimals(row.rate)),
                (len(theirs), len({one.sale.customer for one in theirs}), sum(one.is_new for one in theirs)),
                reckoner.converted(ever, name),
                (min(times_used), max(times_used)),
            )
    return found


def _four_decimals(rate: Fraction) -> Decimal:
    return Decimal(naive_metrics.round_half_up(rate * 10_000)).scaleb(-4)


def _campaigns_reckoned(reckoner: Reckoner, zone: tzinfo) -> dict[tuple[str, str], tuple[object, ...]]:
    found = {}
    for name in ("Spring", "Summer"):
        for currency in ("usd", "eur", "jpy"):
            chosen = Chosen(*EVER, zone, campaign=name, currency=currency)
            parts = reckoner.moved(chosen)
            fixed_cost = 12_345 if (name, currency) == ("Spring", "usd") else 0
            cost = sum(part.discount for part in parts) + fixed_cost
            if parts:
                found[name, currency] = (
                    cost,
                    naive_metrics.profit(parts, **_ASSUMED, fee=30 if currency == "usd" else 0),
                    naive_metrics.payback(parts, cost, margin=_ASSUMED["margin"], zone=zone),
                    len(reckoner.redeemed(chosen)),
                )
    return found


_ASSUMED = {"margin": Fraction(83, 100), "fee_share": Fraction(29, 1000)}


def _cohorts(selection: Selection, now: datetime) -> tuple[dict[object, object], dict[object, object]]:
    """Return both sides of every cohort, and LTV-3 of each plan."""
    compared = cohorts.compare(selection, cohort_days.read(selection), (), now=now)
    groups: dict[object, object] = {}
    for cohort in (cohort for each in compared for cohort in each.cohorts):
        key = (cohort.currency, cohort.plan, cohort.interval, (cohort.month.year, cohort.month.month))
        for is_promo, group in ((True, cohort.promo), (False, cohort.rest)):
            if group.customers:
                gross = {month: earned.gross_amount for month, earned in group.earned.items()}
                back = {month: earned.paid_back_amount for month, earned in group.earned.items()}
                groups[key, is_promo] = (group.customers, dict(group.paying), gross, back)
    values = {each.key: each.value(3, _assumed()) for each in compared}
    return groups, {key: (each.promo, each.rest) for key, each in values.items() if each}


def _side(side: naive_cohorts.Side) -> tuple[object, ...]:
    moved = {month: naive_metrics.money(parts) for month, parts in side.parts.items()}
    gross = {month: row.gross for month, row in moved.items()}
    back = {month: row.refunded + row.disputed for month, row in moved.items()}
    return side.customers, dict(side.paying), gross, back


def _values_reckoned(
    sides: Mapping[tuple[naive_cohorts.Key, bool], naive_cohorts.Side],
) -> dict[object, object]:
    both = defaultdict(list)
    for (key, is_promo), side in sides.items():
        if is_promo and (key, False) in sides:
            both[key[:3]].append((side, sides[key, False]))
    return {
        key: naive_cohorts.value(pairs, 3, **_ASSUMED, fee=30 if key[0] == "usd" else 0)
        for key, pairs in both.items()
    }


def _assumed() -> Assumptions:
    return Assumptions(Decimal("0.83"), Decimal("0.029"), {"usd": 30})
