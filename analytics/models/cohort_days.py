"""What became of the customers who began on one day, kept so that a page need not read a million rows."""

from django.db import models


class CohortDay(models.Model):
    """The rows of ``measures.cohort_rows`` for the customers who began on one day of the site's zone.

    It holds until an order of one of them changes (``HistoryChange``), or ``rule`` does.
    """

    day = models.DateField(unique=True)
    rule = models.TextField(
        help_text="What a row follows from besides orders: the zone, and how long plans run."
    )
    sizes = models.JSONField(default=list)
    earnings = models.JSONField(default=list)
    paying = models.JSONField(default=list)
    later_redeemers = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"Customers who began on {self.day}"
