"""Customers: which segments use which codes, and who saved the most; or one customer's whole history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from analytics import blocks, charts, formulas, links
from analytics.blocks import Card, Cell, Table
from analytics.charts import Chart, Labels, Series
from analytics.formulas import Ratio
from analytics.measures import customers, plan_names
from analytics.measures.customers import CountryFigures, Favourite, Saver, SegmentFigures, Use
from analytics.pages import customer_history
from analytics.pages.page import PERMISSIONS, USUAL, Asked, Filter, Page, Section
from analytics.selection import Segment, Selection

SHOWN_USES = 20
SHOWN_SAVERS = 20
SHOWN_COUNTRIES = 20

NEW, RETURNING = "New", "Returning"
SAVED = "Sum of the discounts of the customer's orders with a code in the period, renewals included."
SEGMENTS = (
    "New: redemptions by customers with no earlier paid order; renewals and refunds go with their redemption. "
    "The plan of a redemption is what was bought with it, that of money what it was paid for."
)
COUNTRIES = (
    "By where the customer lived at their last payment, as Stripe's checkout asked; redemptions of the period, and "
    "the money of all their orders with a code in it."
)

Names = Mapping[str, str]
#: By currency, and whether they are new customers'.
Favourites = Mapping[tuple[str, bool], Favourite]


def build(asked: Asked) -> list[Section]:
    """Return one customer's history when one is chosen, else a section for each currency."""
    if asked.customer is not None:
        return customer_history.build(asked, asked.customer)
    segments, earlier = customers.segments(asked.selection), customers.segments(asked.selection.previous)
    uses = customers.uses(asked.selection, limit=SHOWN_USES)
    savers = customers.top_savers(asked.selection, limit=SHOWN_SAVERS)
    countries = customers.countries(asked.selection)
    of_countries = customers.favourites_of_countries(asked.selection)
    of_segments = customers.favourites_of_segments(asked.selection)
    names = plan_names.of({row.plan for row in segments} | {use.plan for use in uses})
    return [
        _section(
            asked,
            names,
            [row for row in segments if row.currency == currency],
            [row for row in earlier if row.currency == currency],
            of_segments,
            [
                _countries([row for row in countries if row.currency == currency], of_countries, asked),
                _uses([use for use in uses if use.currency == currency], names),
                _savers(asked, [row for row in savers if row.currency == currency]),
            ],
        )
        for currency in _currencies(segments)
    ]


def _currencies(segments: Iterable[SegmentFigures]) -> list[str]:
    """Return the currencies, the one with the most redemptions first."""
    redemptions = Counter[str]()
    for row in segments:
        redemptions[row.currency] += row.redemptions
    return [currency for currency, _ in redemptions.most_common()]


def answers(asked: Asked) -> list[Section]:
    """Return the answer alone, for each currency: the sentence, and which segments use which codes."""
    segments, uses = customers.segments(asked.selection), customers.uses(asked.selection, limit=SHOWN_USES)
    favourites = customers.favourites_of_segments(asked.selection)
    names = plan_names.of({row.plan for row in segments} | {use.plan for use in uses})
    return [
        Section(
            title=currency.upper(),
            sentence=sentence([row for row in segments if row.currency == currency], favourites),
            tables=[_uses([use for use in uses if use.currency == currency], names)],
        )
        for currency in _currencies(segments)
    ]


def sentence(segments: Sequence[SegmentFigures], favourites: Favourites) -> str:
    """Answer: which customer segments use which codes?"""
    new, others = _sums(segments)
    if not new.redemptions + others.redemptions:
        return "Nobody redeemed a code in this period; the money is of earlier redemptions."
    share = Ratio(new.redemptions, new.redemptions + others.redemptions)
    told = f"{new.redemptions:,} of {share.whole:,} redemptions are by new customers" + (
        "" if share.is_too_few else f" ({share})"
    )
    used_most = [
        f"{label.lower()} customers use {favourite.name} most ({favourite.redemptions:,})"
        for label, is_new in ((NEW, True), (RETURNING, False))
        if (favourite := favourites.get((segments[0].currency, is_new)))
    ]
    return f"{'; '.join([told, *used_most])}."


def _section(
    asked: Asked,
    names: Names,
    segments: list[SegmentFigures],
    earlier: list[SegmentFigures],
    favourites: Favourites,
    others: list[Table],
) -> Section:
    currency = segments[0].currency
    return Section(
        title=currency.upper(),
        sentence=sentence(segments, favourites),
        cards=_cards(asked, segments, earlier),
        charts=[_mix(segments, names)],
        tables=[_plans(segments, names), *others],
    )


def _cards(asked: Asked, segments: list[SegmentFigures], earlier: list[SegmentFigures]) -> list[Card]:
    sums, were = _sums(segments), _sums(earlier)
    redemptions = sum(total.redemptions for total in sums)
    return [
        Card(
            f"Redemptions by {label.lower()} customers",
            blocks.count(total.redemptions),
            f"{formula} Net: {formulas.NET}",
            links.selected_redemptions(_narrowed(asked, total)),
            blocks.before(f"{was.redemptions:,}", asked.period),
            lines=[
                ("Share of redemptions", blocks.share(Ratio(total.redemptions, redemptions))),
                ("Saved", blocks.amount(total.discount_amount, total.currency)),
                ("Net revenue", blocks.amount(total.net_amount, total.currency)),
            ],
        )
        for label, formula, total, was in zip(
            (NEW, RETURNING),
            (formulas.BY_NEW_CUSTOMERS, formulas.BY_RETURNING_CUSTOMERS),
            sums,
            were,
            strict=True,
        )
    ]


def _narrowed(asked: Asked, total: SegmentFigures) -> Selection:
    segment = Segment.NEW if total.is_new else Segment.RETURNING
    return replace(asked.selection, currency=total.currency, segment=segment)


def _sums(segments: Iterable[SegmentFigures]) -> tuple[SegmentFigures, SegmentFigures]:
    """Return the new and the returning customers over all plans; those of several plans count in each."""
    segments = list(segments)
    return _sum(segments, is_new=True), _sum(segments, is_new=False)


def _sum(segments: Sequence[SegmentFigures], *, is_new: bool) -> SegmentFigures:
    chosen = [row for row in segments if row.is_new == is_new]
    return SegmentFigures(
        currency=segments[0].currency if segments else "",
        plan="",
        is_new=is_new,
        redemptions=sum(row.redemptions for row in chosen),
        customers=sum(row.customers for row in chosen),
        gross_amount=sum(row.gross_amount for row in chosen),
        discount_amount=sum(row.discount_amount for row in chosen),
        net_amount=sum(row.net_amount for row in chosen),
    )


def _mix(segments: list[SegmentFigures], names: Names) -> Chart:
    plans = list(dict.fromkeys(row.plan for row in segments))[:8]
    counts = {(row.plan, row.is_new): row.redemptions for row in segments}
    return charts.draw(
        "Redemptions by plan, new and returning",
        Labels("Plan", [names[plan] for plan in plans]),
        [
            Series(NEW, [counts.get((plan, True), 0) for plan in plans]),
            Series(RETURNING, [counts.get((plan, False), 0) for plan in plans], charts.ALL_COLOUR),
        ],
        summary=f"Redemptions of {len(plans)} plans by new and by returning customers.",
        formula=SEGMENTS,
        shape="sideways",
    )


def _plans(segments: list[SegmentFigures], names: Names) -> Table:
    return Table(
        title="Segments",
        headers=["Plan", "Customers", "Redemptions", "People", "Gross", "Discount", "Net"],
        rows=[
            [
                blocks.words(names[row.plan]),
                blocks.words(NEW if row.is_new else RETURNING),
                blocks.count(row.redemptions),
                blocks.count(row.customers),
                *(
                    blocks.amount(amount, row.currency)
                    for amount in (row.gross_amount, row.discount_amount, row.net_amount)
                ),
            ]
            for row in segments
        ],
        numbers=5,
        formula=SEGMENTS,
    )


def _countries(
    rows: Sequence[CountryFigures], favourites: Mapping[tuple[str, str], Favourite], asked: Asked
) -> Table:
    return Table(
        title="Countries",
        headers=["Country", "Most used code", "Redemptions", "New", "People", "Gross", "Discount", "Net"],
        rows=[
            [
                _country(row.country, asked),
                _favourite(favourites.get((row.currency, row.country))),
                blocks.count(row.redemptions),
                blocks.count(row.new_customer_redemptions),
                blocks.count(row.customers),
                *(
                    blocks.amount(amount, row.currency)
                    for amount in (row.gross_amount, row.discount_amount, row.net_amount)
                ),
            ]
            for row in rows[:SHOWN_COUNTRIES]
        ],
        numbers=6,
        formula=f"The {SHOWN_COUNTRIES} with the most redemptions. {COUNTRIES}",
    )


def _favourite(favourite: Favourite | None) -> Cell:
    return blocks.words(favourite.name if favourite else "—")


def _country(country: str, asked: Asked) -> Cell:
    return blocks.words(country, asked.link(country=country)) if country else blocks.words("Not known")


def _uses(uses: list[Use], names: Names) -> Table:
    return Table(
        title="Which segments use which codes",
        headers=["Code", "Plan", "Customers", "Redemptions"],
        rows=[
            [
                blocks.words(use.name, links.unit(use.unit)),
                blocks.words(names[use.plan]),
                blocks.words(NEW if use.is_new else RETURNING),
                blocks.count(use.redemptions),
            ]
            for use in uses
        ],
        numbers=1,
        formula=f"The {SHOWN_USES} most frequent pairs. {formulas.REDEMPTIONS} {SEGMENTS}",
        empty="No redemption in this period.",
    )


def _savers(asked: Asked, savers: list[Saver]) -> Table:
    return Table(
        title="Who saved the most",
        headers=["Customer", "Orders", "Saved", "Net"],
        rows=[
            [
                blocks.words(
                    row.name or f"Customer {row.customer_id}", asked.link(customer=str(row.customer_id))
                ),
                blocks.count(row.orders),
                blocks.amount(row.discount_amount, row.currency),
                blocks.amount(row.net_amount, row.currency),
            ]
            for row in savers
        ],
        numbers=3,
        formula=f"The first {SHOWN_SAVERS}. {SAVED}",
        empty="Nobody saved anything in this period.",
    )


PAGE = Page(
    slug="customers",
    title="Customers",
    icon="group",
    intro=(
        "Which customers use which codes, and who saved the most. "
        "Choose one by number or Stripe id for a whole history."
    ),
    build=build,
    filters=(*USUAL, Filter.CUSTOMER),
    permissions=(*PERMISSIONS, "promos.view_customer"),
)
