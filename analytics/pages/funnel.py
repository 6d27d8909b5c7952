"""The funnel: from a link with a code to the payment, and why codes were refused on the way."""

from __future__ import annotations

from analytics import blocks, charts, formulas, links
from analytics.blocks import Card, Cell, Table
from analytics.charts import Chart, Labels, Series
from analytics.formulas import Ratio
from analytics.measures import steps
from analytics.measures.steps import Checks, Conversion, Refusal
from analytics.pages.page import PERMISSIONS, Asked, Page, Section
from analytics.selection import Selection
from promos.eligibility import Reason
from promos.models import PromoCode

_REASONS: dict[str, str] = {value: str(label) for value, label in Reason.choices}
_STEPS = ("Viewed", "Entered", "Accepted", "Checkout started", "Paid")


def build(asked: Asked) -> list[Section]:
    """Return one section: people have no currency."""
    selection = asked.selection
    now, before = steps.checks(selection), steps.checks(selection.previous)
    bought, bought_before = steps.conversion(selection), steps.conversion(selection.previous)
    people = _people(selection, now)
    return [
        Section(
            sentence=sentence(bought),
            cards=[_conversion(asked, bought, bought_before), _success(asked, now, before)],
            charts=[_funnel(people)],
            tables=[
                _shares(people),
                _reasons(asked, now),
                _by_code(steps.conversion_by_code(selection)),
                _texts(steps.refusals(selection)),
            ],
        )
    ]


def answers(asked: Asked) -> list[Section]:
    """Return the answer alone: the sentence, and the people at each step."""
    people = _people(asked.selection, steps.checks(asked.selection))
    told = sentence(steps.conversion(asked.selection))
    return [Section(sentence=told, charts=[_funnel(people)], tables=[_shares(people)])]


def _people(selection: Selection, checks: Checks) -> list[int | None]:
    """Count the people at each of the steps; None where nobody can say."""
    checkouts = steps.checkouts(selection)
    return [
        steps.viewed(selection),
        checks.customers,
        checks.accepted_customers,
        checkouts.started,
        checkouts.paid,
    ]


def sentence(bought: Ratio) -> str:
    """Answer: what is the conversion from code to purchase?"""
    if not bought.whole:
        return "Nobody entered a code validly in this period."
    told = f"{bought.part:,} of {bought.whole:,} customers who entered a code validly bought with it within 30 days"
    return f"{told}, too few for a percentage." if bought.is_too_few else f"{told}: {bought}."


def _conversion(asked: Asked, now: Ratio, before: Ratio) -> Card:
    return Card(
        "Conversion, code to purchase",
        blocks.share(now),
        formulas.CONVERSION,
        links.selected_checks(asked.selection, outcome="accepted"),
        blocks.before(before, asked.period),
        [("Bought", blocks.part(now))],
    )


def _success(asked: Asked, now: Checks, before: Checks) -> Card:
    return Card(
        "Check success rate",
        blocks.share(now.success_rate),
        formulas.CHECK_SUCCESS_RATE,
        links.selected_checks(asked.selection),
        blocks.before(before.success_rate, asked.period),
        [("Accepted", blocks.part(now.success_rate))],
    )


def _funnel(people: list[int | None]) -> Chart:
    known = [(name, number) for name, number in zip(_STEPS, people, strict=True) if number is not None]
    return charts.draw(
        "People at each step",
        Labels("Step", [name for name, _ in known]),
        [Series("People", [number for _, number in known])],
        summary=", ".join(f"{name}: {number:,}" for name, number in known),
        formula=formulas.FUNNEL,
        shape="sideways",
    )


def _shares(people: list[int | None]) -> Table:
    before = [None, *people[:-1]]
    return Table(
        title="Step by step",
        headers=["Step", "People", "Of the step before"],
        rows=[
            [name, "—" if number is None else blocks.count(number), _of_before(number, earlier)]
            for name, number, earlier in zip(_STEPS, people, before, strict=True)
        ],
        numbers=2,
        formula=formulas.FUNNEL,
    )


def _of_before(people: int | None, before: int | None) -> Cell:
    """Show the share of the step before; more people than there means that they came another way."""
    if people is None or before is None or people > before:
        return blocks.words("—")
    return blocks.share(Ratio(people, before))


def _reasons(asked: Asked, found: Checks) -> Table:
    return Table(
        title="Why codes were refused",
        headers=["Reason", "Checks", "Of all checks"],
        rows=[
            [
                blocks.words(
                    _REASONS.get(reason, reason), links.selected_checks(asked.selection, outcome=reason)
                ),
                blocks.count(times),
                blocks.share(Ratio(times, found.checks)),
            ]
            for reason, times in found.refused.items()
        ],
        numbers=2,
        formula=formulas.REFUSALS,
        empty="No code was refused.",
    )


def _by_code(found: list[Conversion]) -> Table:
    return Table(
        title="Conversion by code",
        headers=["Code", "Entered validly", "Bought", "Conversion"],
        rows=[
            [
                blocks.words(one.code, links.row(PromoCode, one.promo_code_id)),
                blocks.count(one.entered),
                blocks.count(one.bought),
                blocks.share(one.rate),
            ]
            for one in found
        ],
        numbers=3,
        formula=formulas.CONVERSION,
        empty="Nobody entered a code validly.",
    )


def _texts(found: list[Refusal]) -> Table:
    return Table(
        title="Refused most often",
        headers=["Entered", "Reason", "Times"],
        rows=[[one.text, _REASONS.get(one.reason, one.reason), blocks.count(one.times)] for one in found],
        numbers=1,
        formula=formulas.REFUSALS,
        empty="No code was refused.",
    )


PAGE = Page(
    slug="funnel",
    title="Funnel",
    icon="filter_alt",
    intro="How many people take each step from a code to a payment, and why codes are refused.",
    build=build,
    permissions=(*PERMISSIONS, "promos.view_codecheck", "promos.view_checkoutattempt"),
)
