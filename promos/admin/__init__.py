"""The owner's admin: one file per subject; importing them registers their pages."""

from promos.admin import codes, mirror, offers_campaigns, people, stripe_objects, usage

__all__ = ["codes", "mirror", "offers_campaigns", "people", "stripe_objects", "usage"]
