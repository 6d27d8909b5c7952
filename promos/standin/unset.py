"""Fields that Stripe sends though nothing is known for them."""

from typing import Any


def nulls(names: str) -> dict[str, Any]:
    """Return the named fields, unset."""
    return dict.fromkeys(names.split())
