import pytest

from promos import money
from promos.standin import currencies


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (9950, "usd", "$99.50"),
        (-2950, "usd", "−$29.50"),
        (1234567, "eur", "€12,345.67"),
        (500, "jpy", "¥500"),
        (500, "ugx", "UGX 5.00"),
        (1500, "kwd", "KWD 1.500"),
        (0, "chf", "CHF 0.00"),
    ],
)
def test_display_writes_the_currencys_decimals(amount: int, currency: str, text: str) -> None:
    assert money.display(amount, currency) == text


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("99.50", "usd", 9950),
        (" 1,000 ", "usd", 100000),
        ("500", "jpy", 500),
        ("1.5", "kwd", 1500),
        ("5", "ugx", 500),
    ],
)
def test_parse_returns_minor_units(text: str, currency: str, amount: int) -> None:
    assert money.parse(text, currency) == amount


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("9.999", "usd"),
        ("0.5", "jpy"),
        ("abc", "usd"),
        ("NaN", "usd"),
        ("29,50", "usd"),
        ("1e999999", "usd"),
    ],
)
def test_parse_refuses_what_is_no_amount(text: str, currency: str) -> None:
    with pytest.raises(ValueError, match=r"decimals|amount"):
        money.parse(text, currency)


def test_currencies_have_the_decimals_that_the_stand_in_gives_them() -> None:
    assert currencies.NO_DECIMALS == money.ZERO_DECIMAL
    assert currencies.THREE_DECIMALS == money.THREE_DECIMAL
