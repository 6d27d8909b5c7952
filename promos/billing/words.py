"""What the customer reads about a code and a price.

A code the customer has no right to gets one neutral text, whatever the reason:
otherwise the answers would tell a guesser which codes exist.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from math import ceil

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from promos import eligibility, money
from promos.billing import renewals
from promos.eligibility import Reason, Verdict
from promos.models import Offer, PromoCode
from promos.plans import Plan

NEUTRAL = gettext_lazy(
    "This code cannot be used. Check the spelling, or empty the field to go on without it."
)

REFUSALS: dict[Reason, str | Promise] = {
    Reason.CUSTOMER_LIMIT: gettext_lazy("You have already used this code as often as it allows."),
    Reason.NOT_FIRST_PURCHASE: gettext_lazy("This code is for a first purchase only."),
    Reason.STRIPE_REFUSED: gettext_lazy(
        "The payment service does not accept this code at the moment. Empty the field to go on without it."
    ),
    Reason.TRY_LATER: gettext_lazy("We could not check this code just now. Please try again in a moment."),
}

#: More plans than these would be no help in a sentence.
MOST_NAMED = 3

#: No checkout was opened and no code is to blame.
NOT_OPENED: dict[Reason, str | Promise] = {
    Reason.STRIPE_REFUSED: gettext_lazy(
        "The payment service did not accept this order. Nothing was charged; please try another plan or contact us."
    ),
    Reason.TRY_LATER: gettext_lazy(
        "The payment page could not be opened just now. Nothing was charged; please try again in a moment."
    ),
}


def refusal(verdict: Verdict, plan: Plan, *, on_sale: Iterable[Plan] = ()) -> str:
    """Return why the code was refused, exact only where that gives nothing away.

    Of the plans ``on_sale`` those are named for which the code is.
    """
    match verdict.reason:
        case Reason.PLAN_NOT_COVERED:
            return _not_covered(verdict.promo_code, plan, on_sale)
        case Reason.CURRENCY_NOT_COVERED:
            return _("This code is not for prices in %(currency)s.") % {"currency": plan.currency.upper()}
        case Reason.MINIMUM_NOT_MET if verdict.promo_code:
            amount = money.display(verdict.promo_code.minimums[plan.currency], plan.currency)
            return _("This code needs an order of at least %(amount)s.") % {"amount": amount}
        case Reason.TRY_LATER if verdict.wait:
            return braked(verdict.wait)
        case reason:
            return str(REFUSALS.get(reason, NEUTRAL)) if reason else ""


def _not_covered(code: PromoCode | None, plan: Plan, on_sale: Iterable[Plan]) -> str:
    covered = [each for each in on_sale if code and eligibility.covers(code, each)][:MOST_NAMED]
    if not covered:
        return _("This code is not for the plan “%(plan)s”. It may work with another plan.") % {
            "plan": plan.name
        }
    named = ", ".join(
        f"“{each.name}” ({money.display(each.amount, each.currency)} {per(each)})" for each in covered
    )
    return _("This code is not for the plan “%(plan)s”, but for %(plans)s.") % {
        "plan": plan.name,
        "plans": named,
    }


def refusal_while_running(verdict: Verdict, plan: Plan | None) -> str:
    """Return the same for a code on a running subscription, which goes on in any case; its plan may be gone."""
    match verdict.reason:
        case Reason.PLAN_NOT_COVERED if plan:
            return _("This code takes nothing off the next payments for “%(plan)s”.") % {"plan": plan.name}
        case Reason.STRIPE_REFUSED:
            return _("The payment service does not accept this code at the moment.")
        case _reason if verdict.is_neutral:
            return _("This code cannot be used. Check the spelling.")
        case _reason:
            return refusal(verdict, plan) if plan else str(REFUSALS[Reason.TRY_LATER])


def braked(wait: timedelta) -> str:
    """Return what somebody reads who tried too many codes."""
    seconds = ceil(wait.total_seconds())
    if seconds < 100:
        return ngettext(
            "These were many codes in a short time. Please try again in %(count)d second.",
            "These were many codes in a short time. Please try again in %(count)d seconds.",
            seconds,
        ) % {"count": seconds}
    minutes = ceil(seconds / 60)
    return ngettext(
        "These were many codes in a short time. Please try again in %(count)d minute.",
        "These were many codes in a short time. Please try again in %(count)d minutes.",
        minutes,
    ) % {"count": minutes}


def per(plan: Plan) -> str:
    """Return how often the plan is paid, to stand after its price: "a month", "every 3 months"."""
    count = plan.interval_count
    match plan.interval:
        case "day":
            return ngettext("a day", "every %(count)d days", count) % {"count": count}
        case "week":
            return ngettext("a week", "every %(count)d weeks", count) % {"count": count}
        case "month":
            return ngettext("a month", "every %(count)d months", count) % {"count": count}
        case _other:
            return ngettext("a year", "every %(count)d years", count) % {"count": count}


def renewal(plan: Plan, offer: Offer | None) -> str:
    """Return in plain words what the plan costs after today, with the discount that goes on or without."""
    words = {"price": money.display(plan.amount, plan.currency), "per": per(plan)}
    reduced_amount = renewals.reduced_amount(plan, offer) if offer else plan.amount
    count = renewals.reduced_count(plan, offer) if offer else 0
    if count == 0 or reduced_amount == plan.amount:
        return _("Then %(price)s %(per)s.") % words
    words["reduced"] = money.display(reduced_amount, plan.currency)
    if count is None and reduced_amount == 0:
        return _("Then nothing for as long as you stay, instead of %(price)s %(per)s.") % words
    if count is None:
        return _("Then %(reduced)s %(per)s for as long as you stay, instead of %(price)s.") % words
    return ngettext(
        "Your next payment is %(reduced)s; after it %(price)s %(per)s.",
        "Your next %(count)d payments are %(reduced)s each; after them %(price)s %(per)s.",
        count,
    ) % {**words, "count": count}
