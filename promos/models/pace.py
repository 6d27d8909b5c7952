"""How fast the workers together may call Stripe."""

from django.db import models


class StripePace(models.Model):
    """The next free moment for a request, all in all or to one endpoint; shared by every worker."""

    #: "all", or method and resource such as "post promotion_codes".
    name = models.CharField(max_length=100)
    #: Epoch seconds: the moment the next request may be sent.
    next_at = models.FloatField(default=0)
    #: Requests a second; lowered when Stripe says that they are too many, and slowly raised again.
    rate = models.FloatField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name"], name="promos_stripepace_name_unique")]

    def __str__(self) -> str:
        return f"{self.name}: {self.rate:.1f}/s"
