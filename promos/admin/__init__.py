"""The owner's admin: one file per subject; importing them registers their pages."""

from promos.admin import (
    batches,
    codes,
    drift,
    mirror,
    offers_campaigns,
    people,
    stripe_objects,
    tokens,
    usage,
    visits,
)

__all__ = [
    "batches",
    "codes",
    "drift",
    "mirror",
    "offers_campaigns",
    "people",
    "stripe_objects",
    "tokens",
    "usage",
    "visits",
]
