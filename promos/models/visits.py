"""Who looks at codes before anybody buys: counters of the brake on guessing, and the first step of the funnel."""

from django.db import models

from promos.models.codes import PromoCode
from promos.models.customers import Customer


class BrakeCounter(models.Model):
    """How many answers about codes somebody got lately; it leaks (see promos.brake)."""

    #: "account:7", "network:3f2a…", "asked:7:b1c9…" or "everybody"; addresses, sessions and texts only as hashes.
    key = models.CharField(max_length=80)
    count = models.FloatField(default=0)
    counted_at = models.DateTimeField()
    alarmed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key"], name="promos_brakecounter_key_unique")]
        indexes = [models.Index(fields=["counted_at"], name="promos_brakecounter_age_idx")]

    def __str__(self) -> str:
        return f"{self.key}: {self.count:.1f}"


class Journey(models.Model):
    """Where a visitor came from, the first time and last; nobody's until its visitor signs in.

    A touch has the keys utm_source, utm_medium, utm_campaign, utm_term,
    utm_content and referrer, as far as they were given.
    """

    uid = models.UUIDField()
    customer = models.ForeignKey(
        Customer, null=True, blank=True, on_delete=models.CASCADE, related_name="journeys"
    )
    first_touch = models.JSONField(default=dict, blank=True)
    last_touch = models.JSONField(default=dict, blank=True)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["uid"], name="promos_journey_uid_unique")]

    def __str__(self) -> str:
        return str(self.uid)


class CodeView(models.Model):
    """Somebody followed a link with a code. Kept for any text; whether it names a code is looked up later."""

    text = models.CharField(max_length=255)
    promo_code = models.ForeignKey(
        PromoCode, null=True, blank=True, on_delete=models.CASCADE, related_name="views"
    )
    journey = models.ForeignKey(
        Journey, null=True, blank=True, on_delete=models.SET_NULL, related_name="code_views"
    )
    viewed_at = models.DateTimeField(db_index=True)

    class Meta:
        indexes = [
            models.Index(fields=["promo_code", "viewed_at"], name="promos_codeview_code_idx"),
            models.Index(
                fields=["text"],
                condition=models.Q(promo_code__isnull=True),
                name="promos_codeview_unresolved_idx",
            ),
        ]

    def __str__(self) -> str:
        return self.text
