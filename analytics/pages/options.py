"""What the filters offer: the currencies and plans that were sold, and the newest campaigns."""

from __future__ import annotations

from django.db import connection
from djstripe.models import Price

from analytics.measures import plan_names
from analytics.selection import Segment
from promos.models import Campaign, PlanDayTotal

#: A select with more is no longer one; an older campaign is reached from its own page.
OFFERED_AT_MOST = 200

Option = tuple[str, str]


def currencies() -> list[Option]:
    sold = PlanDayTotal.objects.values_list("currency", flat=True).distinct().order_by("currency")
    return [(currency, currency.upper()) for currency in sold]


def has_currency(currency: str) -> bool:
    return PlanDayTotal.objects.filter(currency=currency).exists()


def campaigns() -> list[Option]:
    newest = Campaign.objects.order_by("-pk").values_list("pk", "name")[:OFFERED_AT_MOST]
    return sorted(((str(pk), name) for pk, name in newest), key=lambda option: option[1].casefold())


def plans() -> list[Option]:
    """Return the recurring prices that the mirror knows, on sale or not."""
    return list(plan_names.recurring(limit=OFFERED_AT_MOST).items())


def has_plan(plan: str) -> bool:
    """Say whether a price is a plan here: the mirror knows it, or it was sold before."""
    return Price.objects.filter(id=plan).exists() or PlanDayTotal.objects.filter(plan=plan).exists()


def segments() -> list[Option]:
    return [(value, str(label)) for value, label in Segment.choices]


def countries() -> list[Option]:
    """Return the countries where customers live; each is looked up behind the one before, however many customers."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTRIES)
        return [(country, country) for (country,) in cursor.fetchall()]


# The ORM has no recursion, and DISTINCT would read a million customers for a dozen countries.
_COUNTRIES = """
WITH RECURSIVE known (country) AS (
    SELECT MIN(country) FROM promos_customer WHERE country > ''
    UNION ALL
    SELECT (SELECT MIN(country) FROM promos_customer WHERE country > known.country)
    FROM known WHERE known.country IS NOT NULL
)
SELECT country FROM known WHERE country IS NOT NULL
"""


def with_chosen(chosen: str, offered: list[Option]) -> list[Option]:
    """Return the options with the chosen one among them, though it be beyond what is offered."""
    return offered if chosen in dict(offered) else [*offered, (chosen, chosen)]
