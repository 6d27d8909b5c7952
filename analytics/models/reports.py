"""The scheduled reports that were made."""

from django.db import models

from analytics.models.outgoing import Outgoing


class Report(Outgoing):
    """The report of one week or month, made once by whichever worker comes first."""

    class Every(models.TextChoices):
        WEEK = "week", "Week"
        MONTH = "month", "Month"

    every = models.CharField(max_length=5, choices=Every)
    first_day = models.DateField()

    class Meta(Outgoing.Meta):
        constraints = [
            models.UniqueConstraint(fields=["every", "first_day"], name="analytics_report_period_unique"),
        ]

    def __str__(self) -> str:
        return f"Report of the {self.every} from {self.first_day}"
