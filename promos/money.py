"""Money in words: integer minor units beside a currency, to and from what people read. Pure."""

import re
from decimal import Decimal

#: https://docs.stripe.com/currencies: charged without minor units, or with three decimals. Of the special cases
#: there, ISK and UGX have no decimals any more, but are still told in hundredths: 5 UGX is 500.
ZERO_DECIMAL = frozenset(
    [
        "bif",
        "clp",
        "djf",
        "gnf",
        "jpy",
        "kmf",
        "krw",
        "mga",
        "pyg",
        "rwf",
        "vnd",
        "vuv",
        "xaf",
        "xof",
        "xpf",
    ]
)
THREE_DECIMAL = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
#: Commas part thousands; "29,50" is refused, since it would be taken for 2950.
AMOUNT = re.compile(r"-?(?:[0-9]{1,12}|[0-9]{1,3}(?:,[0-9]{3}){1,3})(?:\.[0-9]{1,6})?")
SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}


def exponent(currency: str) -> int:
    """Return how many decimals the currency has: 0, 2 or 3."""
    if currency.lower() in ZERO_DECIMAL:
        return 0
    return 3 if currency.lower() in THREE_DECIMAL else 2


def display(amount: int, currency: str) -> str:
    """Return minor units as people write them: ``display(9950, "usd")`` is ``$99.50``."""
    places = exponent(currency)
    number = f"{Decimal(abs(amount)).scaleb(-places):,.{places}f}"
    sign = "−" if amount < 0 else ""
    symbol = SYMBOLS.get(currency.lower())
    return f"{sign}{symbol}{number}" if symbol else f"{sign}{currency.upper()} {number}"


def parse(text: str, currency: str) -> int:
    """Return the minor units of an amount as typed ("99.50").

    Raises:
        ValueError: not a number, or more decimals than the currency has; the message is for the person.
    """
    text = text.strip()
    if not AMOUNT.fullmatch(text):
        raise ValueError("Enter an amount such as 99.50.")
    number = Decimal(text.replace(",", ""))
    minor = number.scaleb(exponent(currency))
    if minor != minor.to_integral_value():
        decimals = exponent(currency) or "no"
        raise ValueError(f"{currency.upper()} has {decimals} decimals.")
    return int(minor)


def decimal(amount: int, currency: str) -> Decimal:
    """Return minor units as a decimal of the currency: ``decimal(9950, "usd")`` is ``Decimal("99.50")``."""
    return Decimal(amount).scaleb(-exponent(currency))
