"""The pages there are, in the order of the menu."""

from analytics.pages import campaigns, codes, cohorts, customers, funnel, plans, revenue, usage_times
from analytics.pages.page import Page

PAGES: tuple[Page, ...] = (
    revenue.PAGE,
    codes.PAGE,
    funnel.PAGE,
    plans.PAGE,
    customers.PAGE,
    cohorts.PAGE,
    campaigns.PAGE,
    usage_times.PAGE,
)
