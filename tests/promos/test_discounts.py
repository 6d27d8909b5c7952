from decimal import Decimal

import pytest

from promos.discounts import Line, Quote, Terms, quote

MONTHLY = Line("prod_monthly", 9950)
SETUP = Line("prod_setup", 20000)


def test_quote_takes_percent_off_every_line() -> None:
    assert quote(Terms(percent_off=Decimal(100)), [MONTHLY, SETUP], "usd") == Quote("usd", 29950, 29950)


def test_quote_takes_percent_off_covered_products_only() -> None:
    terms = Terms(percent_off=Decimal(50), product_ids=frozenset({"prod_setup"}))
    found = quote(terms, [MONTHLY, SETUP], "usd")
    assert (found.discount_amount, found.net_amount) == (10000, 19950)


@pytest.mark.parametrize(("amount", "discount"), [(5, 3), (4, 2), (3, 2), (1, 1)])
def test_quote_rounds_half_up(amount: int, discount: int) -> None:
    assert quote(Terms(percent_off=Decimal(50)), [Line("p", amount)], "usd").discount_amount == discount


def test_quote_takes_amount_at_most_the_covered_lines() -> None:
    terms = Terms(amounts={"usd": 99_999}, product_ids=frozenset({"prod_monthly"}))
    assert quote(terms, [MONTHLY, SETUP], "usd").discount_amount == 9950


def test_quote_takes_nothing_in_a_currency_without_amount() -> None:
    terms = Terms(amounts={"usd": 500})
    assert quote(terms, [MONTHLY], "eur").discount_amount == 0
    assert not terms.covers_currency("eur")
