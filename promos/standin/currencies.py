"""How many decimals a currency has, and what follows from it."""

from promos.standin import errors

NO_DECIMALS = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"]
)
THREE_DECIMALS = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])


def money(amount: int, currency: str) -> str:
    """Return minor units as people read them: `USD 99.50`."""
    decimals = 0 if currency in NO_DECIMALS else 3 if currency in THREE_DECIMALS else 2
    return f"{currency.upper()} {amount / 10**decimals:,.{decimals}f}"


def step(currency: str) -> int:
    """Return what an amount must be a multiple of: Stripe takes three-decimal currencies in tens only."""
    return 10 if currency in THREE_DECIMALS else 1


def check(amount: int, currency: str, param: str) -> None:
    """Refuse an amount that cannot be charged.

    Raises StripeError for one that is no multiple of the currency's step.
    """
    if amount % step(currency):
        message = f"Invalid amount: {currency} amounts must be divisible by {step(currency)}."
        raise errors.invalid(message, param, "parameter_invalid_integer")
