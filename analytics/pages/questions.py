"""Questions: what every owner asks, each answered in one sentence above its chart, as on the page behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from analytics import blocks
from analytics.blocks import Table
from analytics.charts import Chart
from analytics.measures.ranking import Order
from analytics.pages import codes, customers, funnel, plans, revenue
from analytics.pages.page import Asked, Page, Section

ROWS = 10
Block = TypeVar("Block", Chart, Table)


@dataclass(frozen=True)
class Question:
    """A question, the page whose sections answer it, and what is shown of each section."""

    text: str
    page: Page
    #: From which section up to which; what a page says of the present is its last.
    sections: tuple[int | None, int | None] = (None, None)
    charts: int = 1
    #: Which of a section's tables, by their places.
    tables: tuple[int, ...] = ()


#: METRICS' own, in its order.
QUESTIONS = (
    Question("Which codes drive the most revenue?", codes.PAGE, (None, -1), tables=(0,)),
    Question("How much are we giving away against what it earns?", revenue.PAGE),
    Question("Which customer segments use which codes?", customers.PAGE, tables=(1,)),
    Question("What is the conversion from code to purchase?", funnel.PAGE, tables=(0,)),
    Question("Which plans are most popular with discounted customers?", plans.PAGE),
    Question(
        "Which codes were never used, are about to expire, about to run out?",
        codes.PAGE,
        (-1, None),
        tables=(0, 1, 2),
    ),
)


def build(asked: Asked) -> list[Section]:
    """Answer each question from the sections of its page, each page built once."""
    asked = replace(asked, chosen={codes.ORDER.name: Order.NET})
    pages = {question.page.slug: question.page for question in QUESTIONS}
    built = {slug: page.build(asked) for slug, page in pages.items()}
    return [
        answer(question, built[question.page.slug][slice(*question.sections)], asked)
        for question in QUESTIONS
    ]


def answer(question: Question, sections: Sequence[Section], asked: Asked) -> Section:
    """Join the sections of a page, mostly one for each currency, into the answer to a question."""
    has_many = len(sections) > 1
    told = [f"{one.title}: {one.sentence}" if has_many else one.sentence for one in sections]
    return Section(
        title=question.text,
        sentence=" ".join(told) or question.page.empty,
        charts=[_named(each, one, has_many) for one in sections for each in one.charts[: question.charts]],
        tables=[
            _named(_head(one.tables[at]), one, has_many)
            for one in sections
            for at in question.tables
            if at < len(one.tables)
        ],
        more=blocks.words(f"More: {question.page.title}", f"{question.page.address}{asked.link()}"),
    )


def _head(table: Table) -> Table:
    """Return the first rows; there are more on the page that answers in full."""
    return replace(table, rows=table.rows[:ROWS], paging=None)


def _named(block: Block, section: Section, has_many: bool) -> Block:
    return replace(block, title=f"{block.title}, {section.title}") if has_many else block


PAGE = Page(
    slug="questions",
    title="Questions",
    icon="help",
    intro="What every owner asks, each answered in a sentence.",
    build=build,
    permissions=tuple(dict.fromkeys(right for question in QUESTIONS for right in question.page.permissions)),
)
