"""Profit, return and lift with figures worked out by hand."""

from decimal import Decimal

import pytest

from analytics import economics
from analytics.economics import Assumptions, Earnings

EARNED = Earnings(
    gross_amount=100_000,
    discount_amount=20_000,
    charged_amount=80_000,
    refunded_amount=5_000,
    disputed_amount=1_000,
    payments=40,
)
CAREFUL = Assumptions(Decimal("0.7"), fee_share=Decimal("0.029"), fee_amounts={"usd": 30})


def test_net_gross_profit_with_nothing_assumed() -> None:
    # 100,000 − 20,000 − 6,000
    assert economics.net_gross_profit(EARNED, "usd", Assumptions()) == 74_000


def test_net_gross_profit_takes_the_cost_of_list_price_and_fees() -> None:
    # 70,000 − 20,000 − 6,000 − (2,320 + 40 × 30)
    assert economics.net_gross_profit(EARNED, "usd", CAREFUL) == 40_480


def test_net_gross_profit_has_no_fixed_fee_in_another_currency() -> None:
    assert economics.net_gross_profit(EARNED, "eur", CAREFUL) == 41_680


def test_net_gross_profit_rounds_once_half_up() -> None:
    assumed = Assumptions(Decimal("0.5"))

    assert economics.net_gross_profit(Earnings(gross_amount=101), "usd", assumed) == 51


def test_earnings_add_up() -> None:
    assert (EARNED + EARNED).payments == 80
    assert (EARNED + EARNED).paid_back_amount == 12_000


def test_refund_rate_leaves_disputes_out() -> None:
    assert str(EARNED.refund_rate) == "6.3 %"  # 5,000 ÷ 80,000 = 6.25 %


def test_attributed_roi_sets_profit_against_what_was_spent() -> None:
    roi = economics.attributed_roi(74_000, discount_amount=20_000, fixed_cost_amount=30_000, cases=40)

    assert str(roi) == "88.0 %"  # 44,000 ÷ 50,000


def test_attributed_roi_of_a_loss_is_negative() -> None:
    roi = economics.attributed_roi(10_000, discount_amount=20_000, fixed_cost_amount=30_000, cases=40)

    assert str(roi) == "−40.0 %"


def test_attributed_roi_of_nothing_spent_says_nothing() -> None:
    assert str(economics.attributed_roi(5, discount_amount=0, fixed_cost_amount=0, cases=40)) == "—"


@pytest.mark.parametrize(
    ("discount", "margin", "lift"),
    [
        (20_000, "1", "25.0 %"),  # 0.2 ÷ 0.8
        (20_000, "0.7", "40.0 %"),  # 0.2 ÷ 0.5
        (69_999, "0.7", "6999900.0 %"),
    ],
)
def test_break_even_lift_grows_as_the_margin_shrinks(discount: int, margin: str, lift: str) -> None:
    found = economics.break_even_lift(discount, 100_000, Assumptions(Decimal(margin)), cases=40)

    assert str(found) == lift


def test_break_even_lift_is_impossible_from_the_margin_on() -> None:
    assert economics.break_even_lift(70_000, 100_000, Assumptions(Decimal("0.7")), cases=40) is None
    assert str(economics.break_even_lift(0, 0, Assumptions(), cases=0)) == "—"


def test_assumptions_come_from_the_settings(settings: pytest.FixtureRequest) -> None:
    settings.GROSS_MARGIN_PERCENT, settings.FEE_SHARE_PERCENT = Decimal(70), Decimal("2.9")
    settings.FEE_AMOUNTS = {"usd": 30}

    assert Assumptions.of_settings() == CAREFUL


def test_assumptions_say_what_they_are() -> None:
    assert "margin 70 %, payment fees 2.9 % + $0.30 a payment" in CAREFUL.in_words("usd")
    assert "margin 100 %, payment fees 0 % (" in Assumptions().in_words("usd")
