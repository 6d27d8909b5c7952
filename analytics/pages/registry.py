"""The pages there are, in the order of the menu."""

from django.contrib.auth.models import AnonymousUser, User

from analytics.pages import (
    campaigns,
    codes,
    cohorts,
    commitments,
    customers,
    funnel,
    plans,
    questions,
    revenue,
    usage_times,
)
from analytics.pages.page import Page

PAGES: tuple[Page, ...] = (
    questions.PAGE,
    revenue.PAGE,
    codes.PAGE,
    funnel.PAGE,
    plans.PAGE,
    customers.PAGE,
    cohorts.PAGE,
    campaigns.PAGE,
    commitments.PAGE,
    usage_times.PAGE,
)


def for_person(person: User | AnonymousUser) -> list[Page]:
    """Return the pages that somebody may open."""
    return [page for page in PAGES if person.has_perms(page.permissions)]
