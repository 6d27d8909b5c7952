"""Usage over time: when codes are redeemed, and at which hours of the week."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import tzinfo

from analytics import blocks, charts, formulas, links
from analytics.blocks import Card, Table
from analytics.charts import Chart, Labels, Series
from analytics.formulas import Ratio
from analytics.measures import times
from analytics.measures.times import Hour, Step, Used
from analytics.pages.page import Asked, Choice, Page, Section
from analytics.periods import Period

FITTING = "fitting"
STEP = Choice(
    "by",
    "By",
    (
        (FITTING, "What fits the period"),
        (Step.HOUR, "Hour"),
        (Step.DAY, "Day"),
        (Step.WEEK, "Week"),
        (Step.MONTH, "Month"),
    ),
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
#: More weekdays or hours than these with as many redemptions are no peak.
MOST_PEAKS = 2


def build(asked: Asked) -> list[Section]:
    """Return one section: redemptions have no currency."""
    now, before = times.used(asked.selection), times.used(asked.selection.previous)
    if not now.redemptions and not before.redemptions:
        return []
    hours = times.by_weekday_and_hour(asked.selection)
    step = _step(asked.chosen[STEP.name], asked.period)
    return [
        Section(
            sentence=" ".join(
                filter(None, (sentence(hours, asked.period.zone), _refused(asked.chosen[STEP.name], step)))
            ),
            cards=_cards(asked, now, before),
            charts=[_chart(times.over_time(asked.selection, step), step, asked.period)],
            tables=[_heat_map(hours)],
        )
    ]


def sentence(hours: list[Hour], zone: tzinfo) -> str:
    """Say on which weekday, and at which hour of the day, codes are redeemed most."""
    if not hours:
        return "Nobody redeemed a code in this period."
    weekdays, clock = Counter[int](), Counter[int]()
    for each in hours:
        weekdays[each.weekday] += each.redemptions
        clock[each.hour] += each.redemptions
    peaks = (
        _peak(weekdays, lambda weekday: f"on {WEEKDAYS[weekday - 1]}s"),
        _peak(clock, lambda hour: f"from {hour}:00 to {hour + 1}:00"),
    )
    told = " and ".join(filter(None, peaks))
    if not told:
        return f"No weekday and no hour stands out among {blocks.counted(weekdays.total(), 'redemption')}."
    return f"Codes are redeemed most {told}, in the time zone {zone}."


def _peak(counts: Counter[int], named: Callable[[int], str]) -> str:
    """Name what has the most; nothing where too many have as many, or where each redemption stands alone."""
    most = max(counts.values())
    highest = sorted(each for each, count in counts.items() if count == most)
    if most == 1 or len(highest) > MOST_PEAKS:
        return ""
    share = f"{most:,} of {counts.total():,} redemptions" + (" each" if len(highest) > 1 else "")
    return f"{' or '.join(map(named, highest))} ({share})"


def _step(chosen: str, period: Period) -> Step:
    if chosen == FITTING:
        return Step(period.bucket)
    is_too_fine = chosen == Step.HOUR and period.days > times.LONGEST_BY_HOUR
    return Step.DAY if is_too_fine else Step(chosen)


def _refused(chosen: str, step: Step) -> str:
    if chosen in (FITTING, step):
        return ""
    return f"Hours are drawn for at most {times.LONGEST_BY_HOUR} days; shown are days."


def _cards(asked: Asked, now: Used, before: Used) -> list[Card]:
    rows = links.selected_redemptions(asked.selection)
    share = Ratio(now.by_new_customers, now.redemptions)
    return [
        Card(title, blocks.count(number), formula, rows, blocks.before(f"{was:,}", asked.period), lines)
        for title, number, was, formula, lines in (
            ("Redemptions", now.redemptions, before.redemptions, formulas.REDEMPTIONS, []),
            (
                "By new customers",
                now.by_new_customers,
                before.by_new_customers,
                formulas.BY_NEW_CUSTOMERS,
                [("Share", blocks.share(share))],
            ),
            ("Customers", now.customers, before.customers, formulas.CUSTOMERS, []),
        )
    ]


def _chart(found: dict[str, Used], step: Step, period: Period) -> Chart:
    redemptions = [one.redemptions for one in found.values()]
    return charts.draw(
        f"Redemptions by {step}",
        Labels(step.capitalize(), list(found), times.starts(period, step)),
        [
            Series("Redemptions", redemptions, charts.NET_COLOUR),
            Series("By new customers", [one.by_new_customers for one in found.values()], charts.ALL_COLOUR),
        ],
        summary=f"{sum(redemptions):,} redemptions, by {step}.",
        formula=f"{formulas.REDEMPTIONS} By new customers: {formulas.BY_NEW_CUSTOMERS}",
    )


def _heat_map(hours: list[Hour]) -> Table:
    found = {(hour.weekday, hour.hour): hour.redemptions for hour in hours}
    most = max(found.values(), default=0)
    return Table(
        title="Redemptions, weekday × hour",
        headers=["", *(f"{hour:02}" for hour in range(24))],
        rows=[
            [name, *(blocks.heat(found.get((weekday, hour), 0), most) for hour in range(24))]
            for weekday, name in enumerate(WEEKDAYS, start=1)
        ],
        numbers=24,
        formula=formulas.WEEK_HOURS,
    )


PAGE = Page(
    slug="times",
    title="Usage over time",
    icon="schedule",
    intro="When codes are redeemed, by hour, day, week or month, and at which hours of the week.",
    build=build,
    choices=(STEP,),
)
