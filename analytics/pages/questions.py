"""Questions: what every owner asks, each answered in one sentence above its chart, as on the page behind it."""

from __future__ import annotations

from collections.abc import Callable
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
    """A question, what answers it, mostly in a section for each currency, and the page that says more."""

    text: str
    answers: Callable[[Asked], list[Section]]
    page: Page


#: METRICS' own, in its order.
QUESTIONS = (
    Question(
        "Which codes drive the most revenue?", lambda asked: codes.rankings(asked, Order.NET), codes.PAGE
    ),
    Question("How much are we giving away against what it earns?", revenue.answers, revenue.PAGE),
    Question("Which customer segments use which codes?", customers.answers, customers.PAGE),
    Question("What is the conversion from code to purchase?", funnel.answers, funnel.PAGE),
    Question("Which plans are most popular with discounted customers?", plans.answers, plans.PAGE),
    Question(
        "Which codes were never used, are about to expire, about to run out?",
        lambda asked: [codes.stock_section(asked)],
        codes.PAGE,
    ),
)


def build(asked: Asked) -> list[Section]:
    """Answer each question in a section of its own."""
    return [answer(question, asked) for question in QUESTIONS]


def answer(question: Question, asked: Asked) -> Section:
    """Join what each currency has to say into one answer, with the way to more."""
    sections = question.answers(asked)
    has_many = len(sections) > 1
    told = [f"{one.title}: {one.sentence}" if has_many else one.sentence for one in sections]
    return Section(
        title=question.text,
        sentence=" ".join(told) or question.page.empty,
        charts=[_named(chart, one, has_many) for one in sections for chart in one.charts],
        tables=[_named(_head(table), one, has_many) for one in sections for table in one.tables],
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
