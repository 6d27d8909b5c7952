"""Cohorts: do customers who came with a code stay, and what do they bring, against a match without one?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analytics import blocks, charts, economics, formulas, links
from analytics.blocks import Card, Cell, Table
from analytics.charts import Chart, Labels, Series
from analytics.economics import Assumptions
from analytics.formulas import Ratio
from analytics.measures import cohort_days, cohort_rows, cohorts, plan_names
from analytics.measures.cohorts import Cohort, Comparison, Value
from analytics.pages.page import Asked, Choice, Filter, Page, Section
from analytics.periods import Spans
from promos import money
from promos.models import LedgerEntry

#: Plans with a section each: those with the most promo customers.
SHOWN_PLANS = 6
#: Rows of those without one.
LISTED_PLANS = 50
#: Lifetime values that the table names.
HORIZONS = (1, 3, 6, 12)
#: Months across in the table of signup months.
SHOWN_MONTHS = 13
DISCOUNT_ENDS = "▲"

Names = Mapping[str, str]
Key = tuple[str, str, str]


def build(asked: Asked) -> list[Section]:
    """Return a section for each plan and currency in which customers began with a code, the most first."""
    lives, granted = cohort_days.read(asked.selection), cohort_rows.granted(asked.selection)
    compared = [
        each
        for each in cohorts.compare(asked.selection, lives, granted, now=asked.now)
        if _promo_customers(each.cohorts)
    ]
    if not compared:
        return []
    shown, assumed = _shown(compared), Assumptions.of_settings()
    names = plan_names.of(each.plan for each in compared)
    earlier = _earlier(asked)
    later = sum(row.customers for row in lives.later_redeemers)
    unshown = [each for each in compared if each not in shown]
    return [
        *(_section(each, earlier.get(each.key), names, asked, assumed) for each in shown),
        *_left_out(later, unshown[:LISTED_PLANS], names),
    ]


def _earlier(asked: Asked) -> dict[Key, Comparison]:
    """Return the cohorts that began in the period before, by what they began with."""
    before = asked.selection.previous
    kinds = ("sizes", "earnings", "paying")
    found = cohorts.compare(before, cohort_days.read(before, kinds), (), now=asked.now)
    return {each.key: each for each in found}


def _shown(compared: Sequence[Comparison]) -> Sequence[Comparison]:
    """Return the plans with a section of their own: those that can be compared; if none can, the largest."""
    comparable = [each for each in compared if any(cohort.is_comparable for cohort in each.cohorts)]
    return comparable[:SHOWN_PLANS] or compared[:1]


def sentence(compared: Comparison, months: int, assumed: Assumptions) -> str:
    """Answer: do promo customers stay, and is their lifetime value above a match's? Over fewer months, if it must be."""
    value = compared.value(months, assumed)
    if value is None:
        too_few = (
            f"Too few to compare over {_months(months)}: it takes at least {formulas.MINIMUM_CASES} customers with "
            "a code and as many without one, on the same plan, from the same months, long enough ago."
        )
        fewer = (horizon for horizon in reversed(HORIZONS) if horizon < months)
        told = next((horizon for horizon in fewer if compared.value(horizon, assumed)), None)
        return f"{too_few} {sentence(compared, told, assumed)}" if told else too_few
    brought = (
        f"brought {blocks.amount(value.promo_amount, value.currency)}, "
        f"the match {blocks.amount(value.rest_amount, value.currency)} (uplift {value.uplift}, attributed)."
    )
    if months == 1:
        # In month 0 everybody paid: that says nothing about staying.
        return f"Over 1 month each promo customer {brought}"
    promo, rest = compared.retention(months - 1)
    return f"In month {months - 1} {promo} of promo customers still paid, {rest} of their match; over {_months(months)} each {brought}"


def _section(
    compared: Comparison, earlier: Comparison | None, names: Names, asked: Asked, assumed: Assumptions
) -> Section:
    months = int(asked.chosen["months"])
    return Section(
        title=f"{compared.currency.upper()} · {names[compared.plan]}",
        sentence=sentence(compared, months, assumed),
        cards=_cards(compared, earlier, months, asked, assumed),
        charts=[_retention(compared)],
        tables=[_values(compared, assumed), _signup_months(compared)],
    )


def _cards(
    compared: Comparison, earlier: Comparison | None, months: int, asked: Asked, assumed: Assumptions
) -> list[Card]:
    (refunds,) = cohorts.refunds([compared])
    promo, rest = compared.retention(months - 1)
    stayed = earlier.retention(months - 1)[0] if earlier else cohorts.TOO_FEW
    return [
        _customers_card(compared, earlier, asked),
        Card(
            f"Retention in month {months - 1}, attributed",
            blocks.share(promo),
            cohorts.RETENTION,
            note=blocks.before(stayed, asked.period),
            lines=[("Match", blocks.share(rest))],
        ),
        _value_card(compared, earlier, asked, assumed),
        Card(
            "Refund rate, attributed",
            blocks.share(refunds.promo),
            cohorts.REFUND_RATE,
            lines=[("Without a code", blocks.share(refunds.rest))],
        ),
    ]


def _customers_card(compared: Comparison, earlier: Comparison | None, asked: Asked) -> Card:
    others = blocks.count(_others(compared.cohorts), _first_orders(compared, asked, usage__isnull="True"))
    return Card(
        "Promo customers",
        blocks.count(_promo_customers(compared.cohorts)),
        "Customers whose first order, in the period, was with a code. Match: "
        "same plan, interval, currency and month, never a code.",
        _first_orders(compared, asked, usage__isnull="False"),
        blocks.before(f"{_promo_customers(earlier.cohorts) if earlier else 0:,}", asked.period),
        lines=[("Without a code", others)],
    )


def _value_card(compared: Comparison, earlier: Comparison | None, asked: Asked, assumed: Assumptions) -> Card:
    months = int(asked.chosen["months"])
    title = f"LTV-{months}, attributed"
    formula = f"{cohorts.LTV} NGP: {economics.NGP} {assumed.in_words(compared.currency)} Uplift: {cohorts.LTV_UPLIFT}"
    value, was = compared.value(months, assumed), earlier and earlier.value(months, assumed)
    note = blocks.before(money.display(was.promo_amount, was.currency) if was else "too few", asked.period)
    if value is None:
        return Card(title, "too few", formula, note=note)
    lines = [
        ("Match", blocks.amount(value.rest_amount, value.currency)),
        ("Uplift", blocks.share(value.uplift)),
    ]
    return Card(title, blocks.amount(value.promo_amount, value.currency), formula, note=note, lines=lines)


def _retention(compared: Comparison) -> Chart:
    months = range(compared.longest)
    sides = [compared.retention(month) for month in months]
    promo, rest = ([_whole_percent(side[index]) for side in sides] for index in (0, 1))
    ends = sorted(compared.discount_ends)
    told = f" Discounts end in month {', '.join(map(str, ends))} ({DISCOUNT_ENDS})." if ends else ""
    return charts.draw(
        "Retention by month, % of customers, attributed",
        Labels("Month", [_marked(month, compared.discount_ends) for month in months]),
        [Series("With a code", promo), Series("Match", rest, charts.ALL_COLOUR)],
        summary=f"Share of customers still paying, with a code and without, by month since they began.{told}",
        formula=f"{cohorts.RETENTION}{told} Months with fewer than {formulas.MINIMUM_CASES} on a side are left out.",
        shape="line",
    )


def _values(compared: Comparison, assumed: Assumptions) -> Table:
    return Table(
        title="Lifetime value, attributed",
        headers=["Months", "With a code", "Match", "Uplift", "Customers", "In the match"],
        rows=[_value_row(months, compared.value(months, assumed)) for months in HORIZONS],
        numbers=5,
        formula=f"{cohorts.LTV} Uplift: {cohorts.LTV_UPLIFT} NGP: {economics.NGP} {assumed.in_words(compared.currency)}",
    )


def _value_row(months: int, value: Value | None) -> list[Cell]:
    if value is None:
        return [blocks.count(months), *[blocks.words("too few")] * 5]
    return [
        blocks.count(months),
        blocks.amount(value.promo_amount, value.currency),
        blocks.amount(value.rest_amount, value.currency),
        blocks.share(value.uplift),
        blocks.count(value.promo_customers),
        blocks.count(value.rest_customers),
    ]


def _signup_months(compared: Comparison) -> Table:
    months = range(min(compared.longest, SHOWN_MONTHS))
    return Table(
        title="Retention of customers with a code, by the month they began",
        headers=["Began", "Customers", *(_marked(month, compared.discount_ends) for month in months)],
        rows=[
            _signup_month(cohort, months) for cohort in reversed(compared.cohorts) if cohort.promo.customers
        ],
        numbers=len(months) + 1,
        formula=f"{cohorts.RETENTION} {DISCOUNT_ENDS}: discounts end; the first payment at full price falls in that month.",
    )


def _signup_month(cohort: Cohort, months: Sequence[int]) -> list[Cell]:
    shares = [
        Ratio(cohort.promo.paying.get(month, 0), cohort.promo.customers) if month < cohort.age else None
        for month in months
    ]
    return [
        blocks.words(f"{cohort.month:%B %Y}"),
        blocks.count(cohort.promo.customers),
        *(_heat(share) for share in shares),
    ]


def _heat(share: Ratio | None) -> Cell:
    """Show a share, the stronger the higher; a month that is not over stays empty."""
    if share is None:
        return blocks.words("")
    return blocks.share(share, level=0 if share.is_too_few else int(share.percent) // 25 + 1)


def _left_out(later: int, unshown: Sequence[Comparison], names: Names) -> list[Section]:
    """Tell of plans without a section, and of customers on neither side, if there are any."""
    if not later and not unshown:
        return []
    told = f"On neither side, since they began without a code and took one later: {later:,}." if later else ""
    return [Section(title="Left out", sentence=told, tables=[_too_few(unshown, names)] if unshown else [])]


def _too_few(unshown: Sequence[Comparison], names: Names) -> Table:
    return Table(
        title="Plans with fewer promo customers, or too few to compare",
        headers=["Plan", "Currency", "With a code", "Without"],
        rows=[
            [
                blocks.words(names[each.plan]),
                blocks.words(each.currency.upper()),
                blocks.count(_promo_customers(each.cohorts)),
                blocks.count(_others(each.cohorts)),
            ]
            for each in unshown
        ],
        numbers=2,
        formula=f"A comparison takes {formulas.MINIMUM_CASES} customers on each side. Choose a plan above to see it.",
    )


def _first_orders(compared: Comparison, asked: Asked, **lookups: str) -> str:
    return links.rows(
        LedgerEntry,
        kind__exact=LedgerEntry.Kind.CHECKOUT,
        is_new_customer__exact="1",
        currency=compared.currency,
        plan=compared.plan,
        **links.within(asked.period, "occurred_at"),
        **lookups,
    )


def _promo_customers(members: Sequence[Cohort]) -> int:
    return sum(cohort.promo.customers for cohort in members)


def _others(members: Sequence[Cohort]) -> int:
    return sum(cohort.rest.customers for cohort in members)


def _marked(month: int, ends: Mapping[int, int]) -> str:
    return f"{month} {DISCOUNT_ENDS}" if ends.get(month) else str(month)


def _whole_percent(share: Ratio) -> int | None:
    return None if share.whole == 0 or share.is_too_few else round(share.percent)


def _months(count: int) -> str:
    return "1 month" if count == 1 else f"{count} months"


PAGE = Page(
    slug="cohorts",
    title="Cohorts",
    icon="groups",
    intro="Customers who began in the period, with a code and without: how many still pay, and what each brought.",
    build=build,
    filters=(Filter.CURRENCY, Filter.CAMPAIGN, Filter.PLAN),
    choices=(
        Choice(
            "months", "Over", [("3", "3 months"), ("6", "6 months"), ("12", "12 months"), ("1", "1 month")]
        ),
    ),
    spans=Spans((90, 180, 365, 730), default=365),
    empty="No customer began with a code in this period. Choose a longer one, or fewer filters.",
)
