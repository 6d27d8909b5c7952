"""Alerts: what is out of the ordinary, from when it was seen until it was over, and the messages about it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from analytics.models.outgoing import Outgoing


class Alert(models.Model):
    """One occurrence. While it is open there is no second one of the same kind about the same thing."""

    class Kind(models.TextChoices):
        REDEMPTIONS_JUMP = "redemptions_jump", "Jump in redemptions"
        REDEMPTIONS_STOP = "redemptions_stop", "No more redemptions"
        FAILED_CHECKS_JUMP = "failed_checks_jump", "Jump in refused codes"
        GUESSING = "guessing", "Somebody may be guessing codes"
        BUDGET = "budget", "Budget about to run out"
        EXPIRING = "expiring", "Code about to expire"
        SYNC_FAILED = "sync_failed", "Code not in step with Stripe"
        WEBHOOKS_SILENT = "webhooks_silent", "No webhooks from Stripe"

    kind = models.CharField(max_length=18, choices=Kind)
    # What it is about, as "campaign:7"; empty: everything here.
    subject = models.CharField(max_length=80, blank=True)
    sentence = models.TextField()
    link = models.CharField(max_length=500, help_text="Its page in the admin, without the site's address.")
    opened_at = models.DateTimeField()
    seen_at = models.DateTimeField(db_index=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"],
                condition=Q(closed_at__isnull=True),
                name="analytics_alert_open_unique",
            ),
        ]

    def __str__(self) -> str:
        return self.sentence

    @property
    def fix(self) -> str:
        """What helps, in one sentence."""
        return FIXES[self.Kind(self.kind)]


FIXES = {
    Alert.Kind.REDEMPTIONS_JUMP: "Look at who redeems what; pause a code that got where it should not be.",
    Alert.Kind.REDEMPTIONS_STOP: "Try the billing page yourself, and look at health: do checkouts and webhooks work?",
    Alert.Kind.FAILED_CHECKS_JUMP: "Look at which codes are refused and why; a code in an advert may be wrong.",
    Alert.Kind.GUESSING: "The brake slows them down; look at the checks, and make short codes longer.",
    Alert.Kind.BUDGET: "Raise the budget if its codes should go on working.",
    Alert.Kind.EXPIRING: "Give it a later end if it should go on.",
    Alert.Kind.SYNC_FAILED: "Read the reason on the code; correct the terms, or choose which side is right.",
    Alert.Kind.WEBHOOKS_SILENT: "Look at the endpoint in Stripe's dashboard: does it reach this site?",
}


class AlertMessage(Outgoing):
    """One message about an alert by one way."""

    class Event(models.TextChoices):
        OPENED = "opened", "Opened"
        CLOSED = "closed", "Closed"

    class Channel(models.TextChoices):
        MAIL = "mail", "Mail"
        WEBHOOK = "webhook", "Webhook"

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="messages")
    event = models.CharField(max_length=6, choices=Event)
    channel = models.CharField(max_length=7, choices=Channel)

    class Meta(Outgoing.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["alert", "event", "channel"], name="analytics_alertmessage_once_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()}, {self.event}: {self.alert}"
