"""Commitments: what running discounts and open codes still cost, and whose price rises next month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analytics import blocks, charts, links
from analytics.blocks import Card, Cell, Table
from analytics.charts import Chart, Labels, Series
from analytics.measures import (
    commitments,
    exposure,
    exposure_limits,
    plan_names,
    price_cliff,
    running,
    survival,
)
from analytics.measures.commitments import Commitments
from analytics.measures.exposure import Exposure, OpenCode
from analytics.measures.price_cliff import Cliff, Fall
from analytics.pages import customers
from analytics.pages.page import PERMISSIONS, Asked, Filter, Page, Section
from analytics.selection import Selection
from promos import money
from promos.models import PromoCodeUsage

#: Rows of the price cliff, the soonest first, and of the open codes, the costliest first.
SHOWN_FALLS = 100
SHOWN_CODES = 20

Names = Mapping[str, str]


def build(asked: Asked) -> list[Section]:
    """Return a section for each currency in which something is owed, may be, or a price rises."""
    chosen, now = asked.selection, asked.now
    today = now.astimezone(asked.period.zone).date()
    groups = running.groups(chosen, now=now)
    chances = commitments.survival(chosen, now=now)
    owed = {each.currency: each for each in commitments.commitments(groups, chances, today=today)}
    exposed = exposure.exposure(chosen, commitments.committed_by_offer(groups, today=today), now=now)
    cliff = price_cliff.cliff(chosen, now=now, limit=SHOWN_FALLS)
    names = plan_names.of(fall.plan for fall in cliff.falls)
    return [
        _section(
            chosen,
            owed.get(currency, Commitments(currency, [], 0, 0)),
            exposed.get(currency, Exposure(currency, [], 0)),
            cliff,
            names,
        )
        for currency in sorted(owed.keys() | exposed.keys() | cliff.counts.keys())
    ]


def sentence(owed: Commitments, exposed: Exposure, falling: int) -> str:
    """Answer: how much discount is still to come, and whose price rises?"""

    def shown(amount: int) -> str:
        return money.display(amount, owed.currency)

    told = [
        f"{shown(owed.committed_amount)} of discount is committed over {commitments.MONTHS_AHEAD} months to "
        f"{blocks.counted(owed.customers, 'running subscription')} ({_expected(owed)} expected)"
        if owed.customers
        else "No running subscription has a discount",
        f"open codes are expected to add {shown(exposed.expected_amount)}, {_at_most(exposed)}",
        f"{blocks.counted(falling, 'price')} will rise next month",
    ]
    return f"{'; '.join(told)}."


def _section(chosen: Selection, owed: Commitments, exposed: Exposure, cliff: Cliff, names: Names) -> Section:
    currency = owed.currency
    falls = [fall for fall in cliff.falls if fall.currency == currency]
    falling = cliff.counts.get(currency, 0)
    return Section(
        title=currency.upper(),
        sentence=sentence(owed, exposed, falling),
        cards=_cards(chosen, owed, exposed, falling),
        charts=[_by_month(owed)] if owed.months else [],
        tables=[_falls(falls, falling, names), _codes(exposed)],
    )


def _cards(chosen: Selection, owed: Commitments, exposed: Exposure, falling: int) -> list[Card]:
    return [
        Card(
            "Committed discount",
            blocks.amount(owed.committed_amount, owed.currency),
            commitments.COMMITTED,
            links.running_discounts(chosen, owed.currency),
            note=_unpriced(owed),
            lines=[("Running discounts", blocks.count(owed.customers))],
        ),
        Card(
            "Expected discount",
            _expected(owed),
            f"{commitments.EXPECTED} {survival.SURVIVAL}",
            note=_unknown(owed),
        ),
        Card(
            "Open-code exposure, expected",
            blocks.amount(exposed.expected_amount, exposed.currency),
            exposure.EXPOSURE,
            links.open_codes(chosen),
            note=_few(exposed),
            lines=[("At most", _maximum(exposed))],
        ),
        Card("Prices that rise next month", blocks.count(falling), price_cliff.PRICE_CLIFF),
    ]


def _expected(owed: Commitments) -> Cell:
    if owed.unknown_amount and not owed.expected_amount:
        return blocks.words("too few")
    return blocks.amount(owed.expected_amount, owed.currency)


def _unknown(owed: Commitments) -> str:
    if not owed.unknown_amount:
        return ""
    unknown = money.display(owed.unknown_amount, owed.currency)
    return f"Too few customers tell of {unknown} of what is committed; it is left out."


def _unpriced(owed: Commitments) -> str:
    if not owed.unpriced_customers:
        return ""
    return f"Not counted, since their plan's price is not known here: {owed.unpriced_customers:,}."


def _few(exposed: Exposure) -> str:
    if not exposed.unknown_codes:
        return ""
    return f"Left out, since too few redemptions tell their discount: {blocks.counted(exposed.unknown_codes, 'code or batch', 'codes or batches')}."


def _at_most(exposed: Exposure) -> str:
    return "without a limit" if exposed.maximum_amount is None else f"at most {_maximum(exposed)}"


def _maximum(exposed: Exposure) -> Cell:
    if exposed.maximum_amount is None:
        return blocks.words("no limit")
    return blocks.amount(exposed.maximum_amount, exposed.currency)


def _by_month(owed: Commitments) -> Chart:
    return charts.draw(
        "Discount still owed, by month",
        Labels(
            "Month",
            [f"{month.month:%b %Y}" for month in owed.months],
            [month.month for month in owed.months],
        ),
        [
            Series("Committed", [month.committed_amount for month in owed.months], charts.ALL_COLOUR),
            Series("Expected", [month.expected_amount for month in owed.months], charts.DISCOUNT_COLOUR),
        ],
        summary=f"{money.display(owed.committed_amount, owed.currency)} committed and {_expected(owed)} expected.",
        formula=f"{commitments.COMMITTED} Expected: {commitments.EXPECTED} {survival.SURVIVAL}",
        currency=owed.currency,
    )


def _falls(falls: Sequence[Fall], count: int, names: Names) -> Table:
    return Table(
        title=f"Price cliff: {count:,} next month"
        + (f", the first {len(falls):,}" if count > len(falls) else ""),
        headers=["Customer", "Code", "Plan", "Discount ends", "Before", "After"],
        rows=[_fall(fall, names) for fall in falls],
        numbers=2,
        formula=price_cliff.PRICE_CLIFF,
        empty="Nobody's discount ends next month.",
    )


def _fall(fall: Fall, names: Names) -> list[Cell]:
    return [
        blocks.words(str(fall.customer), f"{customers.PAGE.address}?customer={fall.customer.pk}"),
        blocks.words(fall.code, links.row(PromoCodeUsage, fall.usage_id)),
        blocks.words(names[fall.plan]),
        blocks.moment(fall.ends_at),
        _price(fall.before_amount, fall.currency),
        _price(fall.after_amount, fall.currency),
    ]


def _price(amount: int | None, currency: str) -> Cell:
    return blocks.words("not known") if amount is None else blocks.amount(amount, currency)


def _codes(exposed: Exposure) -> Table:
    return Table(
        title="Open codes that may cost most",
        headers=["Code", "Uses left", "Expected uses", "Expected discount"],
        rows=[_code(code) for code in exposed.codes[:SHOWN_CODES]],
        numbers=3,
        formula=f"{exposure.EXPOSURE} Hard maximum: {exposure_limits.HARD_MAXIMUM}",
        empty=f"No open code was redeemed in the last {exposure.PACE_DAYS} days.",
    )


def _code(code: OpenCode) -> list[Cell]:
    expected = code.expected_amount
    return [
        blocks.words(code.name, links.unit(code.unit)),
        blocks.words("no limit") if code.uses_left is None else blocks.count(code.uses_left),
        blocks.count(round(code.expected_uses)),
        blocks.words("too few") if expected is None else blocks.amount(expected, code.currency),
    ]


PAGE = Page(
    slug="commitments",
    title="Commitments",
    icon="event_upcoming",
    intro=(
        "Discount commitments as of now: what running discounts and open codes still cost, and "
        "whose price rises next month. Not a liability: only a discount earned by a past purchase defers revenue. "
        "Subscriptions are known as they are now, so what was committed earlier cannot be told."
    ),
    build=build,
    is_compared=False,
    filters=(Filter.CURRENCY, Filter.CAMPAIGN, Filter.PLAN),
    is_of_now=True,
    permissions=(*PERMISSIONS, "promos.view_customer"),
    empty="Nothing is owed: no discount runs and no plan is on sale.",
)
