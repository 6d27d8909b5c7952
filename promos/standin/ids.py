"""Identifiers in Stripe's style."""

import secrets
import string

LETTERS = string.ascii_letters + string.digits
CODE_LETTERS = string.ascii_uppercase + string.digits


def new(prefix: str, length: int = 24) -> str:
    """Return a fresh id, such as `promo_…`."""
    return prefix + "".join(secrets.choice(LETTERS) for _ in range(length))


def new_code() -> str:
    """Return a promotion code's text for a caller that gave none."""
    return "".join(secrets.choice(CODE_LETTERS) for _ in range(8))
