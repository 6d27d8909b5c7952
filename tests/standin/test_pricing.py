"""Discounts on whole minor units."""

import pytest

from promos.standin import pricing
from promos.standin.pricing import Line

PLAN, FEE = Line("plan", 9950), Line("fee", 20000)


def percent(off, products=None):
    return {
        "percent_off": off,
        "amount_off": None,
        **({"applies_to": {"products": products}} if products else {}),
    }


def amount(off, products=None, currency="usd"):
    coupon = percent(None, products)
    return {**coupon, "amount_off": off, "currency_options": {currency: {"amount_off": off}}}


@pytest.mark.parametrize(
    ("coupon", "expected"),
    [
        (None, [0, 0]),
        (percent(50), [4975, 10000]),
        (percent(100), [9950, 20000]),
        (percent(50, ["fee"]), [0, 10000]),
        (percent(50, ["other"]), [0, 0]),
        (amount(2950, ["plan"]), [2950, 0]),
        (amount(99999, ["plan"]), [9950, 0]),
        (amount(99999), [9950, 20000]),
        (amount(3000), [997, 2003]),
        (amount(3000, ["other"]), [0, 0]),
        (amount(3000, currency="eur"), [0, 0]),
    ],
)
def test_discounts(coupon, expected):
    assert pricing.discounts([PLAN, FEE], coupon, "usd") == expected


@pytest.mark.parametrize(
    ("whole", "off", "expected"),
    [(999, 50, 500), (101, 50, 51), (333, 33.33, 111), (1, 49, 0), (1, 50, 1), (10**12, 0.01, 10**8)],
)
def test_percent_of_rounds_half_up(whole, off, expected):
    assert pricing.percent_of(whole, off) == expected


@pytest.mark.parametrize("total", range(0, 101, 7))
def test_spread_loses_nothing(total):
    shares = pricing.spread(total, [33, 33, 34, 0])

    assert sum(shares) == total
    assert all(share <= weight for share, weight in zip(shares, [33, 33, 34, 0], strict=True))


def test_stacked_discounts_see_what_the_others_left():
    lines = [PLAN, Line("fee", 2000)]
    half, ten_dollars = percent(50), amount(1000, ["fee"])

    assert pricing.stack(lines, [half, ten_dollars], "usd") == [[4975, 1000], [0, 1000]]
    assert pricing.stack(lines, [ten_dollars, half], "usd") == [[0, 1000], [4975, 500]]
    assert pricing.stack(lines, [], "usd") == []


@pytest.mark.parametrize(("currency", "off"), [("usd", 4072), ("jpy", 4072), ("kwd", 4070)])
def test_percentages_are_rounded_to_what_can_be_paid(currency, off):
    assert pricing.discounts([Line("plan", 12340)], percent(33), currency) == [off]
