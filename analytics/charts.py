"""Charts as Unfold's components draw them: Chart.js data and options as JSON, and the same figures as a table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from analytics import blocks
from analytics.blocks import Cell
from analytics.periods import Period
from analytics.reports import Plan, Point
from promos import money

NET_COLOUR = "var(--color-primary-600)"
DISCOUNT_COLOUR = "var(--color-orange-400)"
ALL_COLOUR = "var(--color-base-400)"
#: Readable on the light and on the dark ground.
TEXT_COLOUR = "#747d8c"


@dataclass(frozen=True)
class Chart:
    """A chart, the sentence a screen reader says for it, and its figures for everybody."""

    title: str
    formula: str
    summary: str
    data: str
    options: str
    headers: list[str]
    rows: Sequence[Sequence[str | Cell]]
    #: "bar" or "line".
    kind: str = "bar"

    @property
    def numbers(self) -> int:
        """How many columns, at the end, are figures."""
        return len(self.headers) - 1


@dataclass(frozen=True)
class Labels:
    """What the points of a chart are (a day, a plan, …), and each one's name."""

    header: str
    names: Sequence[str]
    #: The first day (or the hour) of each, which an export gives in the name's place.
    days: Sequence[date] = ()

    @property
    def cells(self) -> list[Cell]:
        if not self.days:
            return [blocks.words(name) for name in self.names]
        return [Cell(name, day.isoformat()) for name, day in zip(self.names, self.days, strict=True)]

    @classmethod
    def of_buckets(cls, period: Period) -> Labels:
        """Return the days, weeks or months of a period, short as an axis has room for."""
        days = period.buckets()
        return cls(period.bucket.capitalize(), [_short(day, period) for day in days], days)


@dataclass(frozen=True)
class Series:
    """One colour of a chart: a figure for each label, None where there is none."""

    name: str
    values: Sequence[int | None]
    colour: str = NET_COLOUR


def draw(
    title: str,
    labels: Labels,
    series: Sequence[Series],
    *,
    summary: str,
    formula: str,
    currency: str = "",
    shape: str = "bar",
) -> Chart:
    """Draw figures beside each other; minor units where there is a currency, else numbers.

    ``shape`` is "bar", "sideways" (bars with long names) or "line".
    """
    drawn = {one.name: ([_pixels(value, currency) for value in one.values], one.colour) for one in series}
    return Chart(
        title=title,
        formula=formula,
        summary=summary,
        data=_data(labels.names, drawn),
        options=_options(whole_numbers=not currency, sideways=shape == "sideways", unit=currency.upper()),
        headers=[labels.header, *drawn],
        rows=[
            [name, *(_cell(value, currency) for value in values)]
            for name, *values in zip(labels.cells, *(one.values for one in series), strict=True)
        ],
        kind="line" if shape == "line" else "bar",
    )


def _pixels(value: int | None, currency: str) -> float | int | None:
    # Floats only here, where they become pixels; every figure that is read comes from integers.
    return float(money.decimal(value, currency)) if value is not None and currency else value


def _cell(value: int | None, currency: str) -> Cell:
    if value is None:
        return blocks.words("—")
    return blocks.amount(value, currency) if currency else blocks.count(value)


def _short(day: date, period: Period) -> str:
    if period.bucket == "month":
        return f"{day:%b %Y}"
    # Over more than a year a day's name would come twice.
    return f"{day:%d %b}" if period.days <= 365 else f"{day:%d %b %Y}"


def money_over_time(points: Sequence[Point], currency: str, period: Period, *, formula: str) -> Chart:
    """Draw net revenue and discount given, side by side for each bucket."""
    net, discount = sum(point.net_amount for point in points), sum(point.discount_amount for point in points)
    shown = {
        "Net revenue": ([point.net_amount for point in points], NET_COLOUR),
        "Discount given": ([point.discount_amount for point in points], DISCOUNT_COLOUR),
    }
    return Chart(
        title=f"Money by {period.bucket}, {currency.upper()}",
        formula=formula,
        summary=f"Net revenue {money.display(net, currency)} and discount given "
        f"{money.display(discount, currency)}, by {period.bucket}.",
        data=_data(_labels(points, period), _in_currency(shown, currency)),
        options=_options(),
        headers=[period.bucket.capitalize(), *shown],
        rows=[
            [
                point.day.isoformat(),
                *(money.display(amount, currency) for amount in (point.net_amount, point.discount_amount)),
            ]
            for point in points
            if point.net_amount or point.discount_amount
        ],
    )


def redemptions_over_time(points: Sequence[Point], period: Period, *, formula: str) -> Chart:
    """Draw the number of redemptions of each bucket."""
    total = sum(point.redemptions for point in points)
    counts = [point.redemptions for point in points]
    return Chart(
        title=f"Redemptions by {period.bucket}",
        formula=formula,
        summary=f"{total:,} redemptions, by {period.bucket}.",
        data=_data(_labels(points, period), {"Redemptions": (counts, NET_COLOUR)}),
        options=_options(whole_numbers=True),
        headers=[period.bucket.capitalize(), "Redemptions"],
        rows=[[point.day.isoformat(), f"{point.redemptions:,}"] for point in points if point.redemptions],
    )


def plan_mix(plans: Sequence[Plan], *, formula: str) -> Chart:
    """Draw each plan's paid orders, those with a discount beside all."""
    shown = {
        "With a discount": ([plan.discounted_orders for plan in plans], DISCOUNT_COLOUR),
        "All": ([plan.orders for plan in plans], ALL_COLOUR),
    }
    most = max(plans, key=lambda plan: plan.discounted_orders, default=None)
    return Chart(
        title="Plan mix",
        formula=formula,
        summary=f"Most discounted orders: {most.name} ({most.discounted_orders:,} of {most.orders:,})."
        if most
        else "No paid orders.",
        data=_data([plan.name for plan in plans], shown),
        options=_options(whole_numbers=True, sideways=True),
        headers=["Plan", "With a discount", "All", "Share"],
        rows=[
            [plan.name, f"{plan.discounted_orders:,}", f"{plan.orders:,}", str(plan.discounted_share)]
            for plan in plans
        ],
    )


def _labels(points: Sequence[Point], period: Period) -> list[str]:
    return [_short(point.day, period) for point in points]


def _in_currency(
    shown: dict[str, tuple[list[int], str]], currency: str
) -> dict[str, tuple[list[float | int | None], str]]:
    return {
        label: ([_pixels(amount, currency) for amount in amounts], colour)
        for label, (amounts, colour) in shown.items()
    }


def _data(labels: Sequence[str], shown: dict[str, tuple[Any, str]]) -> str:
    datasets = [
        {
            "label": label,
            "data": values,
            "backgroundColor": colour,
            "borderColor": colour,
            "borderRadius": 2,
        }
        for label, (values, colour) in shown.items()
    ]
    return json.dumps({"labels": list(labels), "datasets": datasets})


def _options(*, whole_numbers: bool = False, sideways: bool = False, unit: str = "") -> str:
    """Return Chart.js options; giving any replaces all of Unfold's defaults. ``unit`` stands beside the axis of figures."""
    ticks = {"color": TEXT_COLOUR, "autoSkipPadding": 16, "maxRotation": 0}
    numbers = {
        "grid": {},
        "ticks": {**ticks, **({"precision": 0} if whole_numbers else {})},
        "beginAtZero": True,
        "title": {"display": bool(unit), "text": unit, "color": TEXT_COLOUR},
    }
    names = {"grid": {"display": False}, "ticks": ticks}
    return json.dumps(
        {
            "animation": False,
            "maintainAspectRatio": False,
            "maxBarThickness": 28,
            "indexAxis": "y" if sideways else "x",
            "scales": {"x": numbers, "y": names} if sideways else {"x": names, "y": numbers},
            "plugins": {
                "legend": {"align": "end", "labels": {"color": TEXT_COLOUR, "boxWidth": 10, "boxHeight": 10}}
            },
        }
    )
