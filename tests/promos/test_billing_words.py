from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from promos.billing import renewals, words
from promos.eligibility import Reason, Verdict
from promos.models import Offer, PromoCode
from promos.plans import Plan, SetupFee

FEE = SetupFee("price_setup", "prod_setup", "Setup", 20_000)
MONTHLY = Plan("price_team", "prod_team", "Team", "usd", 9950, "month", setup_fee=FEE)
YEARLY = Plan("price_year", "prod_year", "Team, yearly", "usd", 99_000, "year")
HALF = {"kind": "percent", "percent_off": Decimal(50)}


def offer(duration: str = "once", months: int | None = None, **terms: object) -> Offer:
    return Offer(duration=duration, duration_in_months=months, **(terms or HALF))


@pytest.mark.parametrize(
    ("plan", "given", "said"),
    [
        (MONTHLY, None, "Then $99.50 a month."),
        (MONTHLY, offer(), "Then $99.50 a month."),
        (MONTHLY, offer("forever"), "Then $49.75 a month for as long as you stay, instead of $99.50."),
        (
            MONTHLY,
            offer("forever", percent_off=Decimal(100)),
            "Then nothing for as long as you stay, instead of $99.50 a month.",
        ),
        (MONTHLY, offer("repeating", 1), "Then $99.50 a month."),
        (MONTHLY, offer("repeating", 2), "Your next payment is $49.75; after it $99.50 a month."),
        (MONTHLY, offer("repeating", 6), "Your next 5 payments are $49.75 each; after them $99.50 a month."),
        (YEARLY, offer("repeating", 12), "Then $990.00 a year."),
        (YEARLY, offer("repeating", 13), "Your next payment is $495.00; after it $990.00 a year."),
        # Only the setup fee is reduced, so "for ever" says nothing about renewals.
        (MONTHLY, offer("forever", product_ids=["prod_setup"], **HALF), "Then $99.50 a month."),
    ],
)
def test_renewal_says_what_comes_after_today(plan: Plan, given: Offer | None, said: str) -> None:
    assert words.renewal(plan, given) == said


def test_renewal_every_three_months_counts_whole_periods() -> None:
    quarterly = replace(MONTHLY, interval_count=3)
    assert words.renewal(quarterly, offer("repeating", 6)).startswith("Your next payment is $49.75")
    assert words.per(quarterly) == "every 3 months"


def test_renewal_every_week_never_promises_too_much() -> None:
    weekly = replace(MONTHLY, interval="week")
    assert renewals.reduced_count(weekly, offer("repeating", 1)) == 3


def test_plan_is_free_for_ever_only_when_fee_and_renewals_are() -> None:
    free = {"kind": "free", "percent_off": Decimal(100)}
    assert renewals.is_free_for_ever(MONTHLY, offer("forever", **free))
    assert not renewals.is_free_for_ever(MONTHLY, offer("once", **free))
    assert not renewals.is_free_for_ever(MONTHLY, offer("forever", product_ids=["prod_team"], **free))


def test_refusal_is_the_same_for_every_reason_that_would_help_a_guesser() -> None:
    hidden = {
        Reason.NOT_FOUND,
        Reason.NOT_STARTED,
        Reason.EXPIRED,
        Reason.PAUSED,
        Reason.USED_UP,
        Reason.OTHER_CUSTOMER,
        Reason.BUDGET_SPENT,
        Reason.WAITING_FOR_APPROVAL,
    }
    code = PromoCode(minimum_amount=30_000, minimum_amount_currency="usd")
    said = {reason: words.refusal(Verdict(reason, code), MONTHLY) for reason in Reason}
    assert {said[reason] for reason in hidden} == {str(words.NEUTRAL)}
    assert len({said[reason] for reason in Reason}) == len(Reason) - len(hidden) + 1


def test_refusal_names_what_the_order_lacks() -> None:
    code = PromoCode(minimum_amount=30_000, minimum_amount_currency="usd")
    assert "$300.00" in words.refusal(Verdict(Reason.MINIMUM_NOT_MET, code), MONTHLY)
    assert "Team" in words.refusal(Verdict(Reason.PLAN_NOT_COVERED, code), MONTHLY)
    assert "USD" in words.refusal(Verdict(Reason.CURRENCY_NOT_COVERED, code), MONTHLY)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "in 1 second."), (64, "in 64 seconds."), (101, "in 2 minutes."), (720, "in 12 minutes.")],
)
def test_braked_says_how_long_to_wait(seconds: float, said: str) -> None:
    assert words.braked(timedelta(seconds=seconds)).endswith(said)
