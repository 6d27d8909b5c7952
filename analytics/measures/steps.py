"""From a link with a code to the payment: how many people took each step, and why codes were refused.

METRICS' funnel: viewed → entered → accepted → checkout started → paid, unique
customers of each step. ``promos.funnel`` counts the same for one code, by times.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db.models import Count, Exists, F, Q, QuerySet

from analytics import queries
from analytics.formulas import Ratio
from analytics.measures import rows
from analytics.selection import Selection
from promos.models import CheckoutAttempt, CodeCheck, CodeView

MOST_REFUSED = 15
MOST_ENTERED = 20


def viewed(selection: Selection) -> int | None:
    """Count the visitors who followed a link with a code; those not tracked count by their views.

    A visitor has no plan, currency, past or country yet, so under these filters nobody can say.
    """
    if selection.plan or selection.currency or selection.segment or selection.country:
        return None
    period = selection.period
    views = CodeView.objects.filter(
        viewed_at__gte=period.start, viewed_at__lt=period.end, promo_code__isnull=False
    )
    if selection.campaign_id:
        views = views.filter(promo_code__campaign=selection.campaign_id)
    found = views.aggregate(
        visitors=Count("journey", distinct=True), untracked=Count("pk", filter=Q(journey=None))
    )
    return int(found["visitors"] + found["untracked"])


@dataclass(frozen=True)
class Checks:
    """Entries of codes: how many, how many accepted, and by how many customers; ``refused`` by reason."""

    checks: int = 0
    accepted: int = 0
    customers: int = 0
    accepted_customers: int = 0
    refused: dict[str, int] = field(default_factory=dict)

    @property
    def success_rate(self) -> Ratio:
        return Ratio(self.accepted, self.checks)


def checks(selection: Selection) -> Checks:
    """Count the entries of codes by outcome, the commonest reason first, and the customers behind them."""
    entered = selection.checks()
    people = entered.aggregate(
        customers=Count("customer", distinct=True),
        accepted_customers=Count("customer", distinct=True, filter=Q(reason="")),
    )
    found = entered.values("reason").annotate(times=Count("pk")).order_by("-times", "reason")
    reasons = dict(found.values_list("reason", "times"))
    return Checks(checks=sum(reasons.values()), accepted=reasons.pop("", 0), refused=reasons, **people)


@dataclass(frozen=True)
class Checkouts:
    """Customers who began a checkout with a code, and those who completed one."""

    started: int
    paid: int


def checkouts(selection: Selection) -> Checkouts:
    """Count the customers of the checkouts with a code that were begun in the period."""
    completed = Q(state=CheckoutAttempt.State.COMPLETED)
    found = selection.attempts().aggregate(
        started=Count("customer", distinct=True), paid=Count("customer", distinct=True, filter=completed)
    )
    return Checkouts(**found)


@dataclass(frozen=True)
class Refusal:
    """A text that was entered and refused, why, and how often."""

    text: str
    reason: str
    times: int


def refusals(selection: Selection) -> list[Refusal]:
    """Return the texts that were refused most often."""
    refused = selection.checks().exclude(reason="")
    found = refused.values("text", "reason").annotate(times=Count("pk"))
    return rows.of(Refusal, found.order_by("-times", "text", "reason")[:MOST_REFUSED])


@dataclass(frozen=True)
class Conversion:
    """Customers who entered a code validly, and those of them who bought with it within thirty days."""

    promo_code_id: int
    code: str
    entered: int
    bought: int

    @property
    def rate(self) -> Ratio:
        return Ratio(self.bought, self.entered)


def conversion(selection: Selection) -> Ratio:
    """Follow the customers whose entry of a code was accepted in the period."""
    return Ratio(**_accepted(selection).aggregate(part=_bought(), whole=Count("customer", distinct=True)))


def conversion_by_code(selection: Selection) -> list[Conversion]:
    """Do the same for each code, the most entered first."""
    codes = _accepted(selection).values("promo_code_id", code=F("promo_code__code"))
    found = codes.annotate(entered=Count("customer", distinct=True), bought=_bought())
    return rows.of(Conversion, found.order_by("-entered", "-promo_code_id")[:MOST_ENTERED])


def _accepted(selection: Selection) -> QuerySet[CodeCheck]:
    return selection.checks().filter(reason="", promo_code__isnull=False, customer__isnull=False)


def _bought() -> Count:
    return Count("customer", distinct=True, filter=Exists(queries.bought()))
