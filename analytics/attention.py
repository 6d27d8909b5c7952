"""What waits for the owner: each a label, how many, the way to them and what helps."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from analytics import links
from analytics.needs import CodesInNeed
from analytics.reports import Attention, Overview
from promos.models import Campaign, DriftFinding, PromoCode, WebhookEvent


@dataclass(frozen=True)
class Concern:
    """Something that waits for the owner, what one and what several are called, the way there and what helps."""

    one: str
    several: str
    count: int
    link: str
    fix: str

    @property
    def label(self) -> str:
        return self.one if self.count == 1 else self.several


def concerns(overview: Overview) -> list[Concern]:
    """Return what waits, what is out of the ordinary first; what nothing waits for is left out."""
    attention = overview.attention
    everything = [
        *_alerts(attention, overview),
        *_pushes(attention.codes),
        *_approvals(attention),
        *_differences(attention, overview),
        *_running_out(attention, overview),
    ]
    return [concern for concern in everything if concern.count]


def _alerts(attention: Attention, overview: Overview) -> list[Concern]:
    return [
        *(Concern(alert.sentence, "", 1, alert.link, alert.fix) for alert in attention.alerts),
        Concern(
            "Message about an alert that could not be sent",
            "Messages about alerts that could not be sent",
            attention.undelivered_messages,
            links.undelivered_messages(overview.now),
            "Read why on the message; EMAIL_URL and ALERT_WEBHOOK_URL say where they go.",
        ),
    ]


def _pushes(codes: CodesInNeed) -> list[Concern]:
    return [
        Concern(
            "Code that Stripe refused",
            "Codes that Stripe refused",
            codes.failed,
            links.rows(PromoCode, sync_status__exact="error", archived_at__isnull="True"),
            "Read Stripe's reason on the code, correct the terms, save.",
        ),
        Concern(
            "Code in conflict with Stripe",
            "Codes in conflict with Stripe",
            codes.conflicting,
            links.rows(PromoCode, sync_status__exact="conflict"),
            "Choose which side is right.",
        ),
        Concern(
            "Code not yet at Stripe, being retried",
            "Codes not yet at Stripe, being retried",
            codes.retrying,
            links.rows(
                PromoCode, sync_status__exact="pending", sync_error__gt="", next_try_at__isnull="False"
            ),
            "Nothing to do if Stripe is down; else see the error on the code.",
        ),
    ]


def _approvals(attention: Attention) -> list[Concern]:
    return [
        Concern(
            "Code that waits for approval",
            "Codes that wait for approval",
            attention.codes.waiting,
            links.rows(
                PromoCode,
                submitted_at__isnull="False",
                approved_at__isnull="True",
                archived_at__isnull="True",
            ),
            "Somebody other than who set its terms approves it.",
        ),
        Concern(
            "Campaign that waits for approval",
            "Campaigns that wait for approval",
            attention.campaigns_waiting,
            links.rows(Campaign, needs_approval__exact="1", approved_at__isnull="True"),
            "Somebody other than who set its budget approves it.",
        ),
        Concern(
            "Code from Stripe that gives much away",
            "Codes from Stripe that give much away",
            attention.codes.to_review,
            links.rows(PromoCode, needs_review__exact="1"),
            "It works; look at it, then approve or pause it.",
        ),
    ]


def _differences(attention: Attention, overview: Overview) -> list[Concern]:
    return [
        Concern(
            "Webhook not processed yet, being retried",
            "Webhooks not processed yet, being retried",
            attention.failed_webhooks,
            links.rows(WebhookEvent, processed_at__isnull="True", error__gt=""),
            "Nothing to do if Stripe is down; else read the reason on the event.",
        ),
        Concern(
            "Difference from Stripe that could not be repaired",
            "Differences from Stripe that could not be repaired",
            attention.differences,
            links.rows(DriftFinding),
            "Read what differs; the next comparison tells whether it is gone.",
        ),
        Concern(
            "Redemption past its code's limit in this period",
            "Redemptions past their code's limit in this period",
            attention.over_limit,
            links.redemptions(overview.period, is_over_limit__exact="1"),
            "Stripe took the payment, so it counts; raise the limit or refund.",
        ),
    ]


def _running_out(attention: Attention, overview: Overview) -> list[Concern]:
    return [
        Concern(
            f"Code that expires within {settings.ALERT_EXPIRES_DAYS} days",
            f"Codes that expire within {settings.ALERT_EXPIRES_DAYS} days",
            attention.codes.expiring,
            links.expiring_codes(overview.now),
            "Give it a later end if it should go on.",
        ),
        Concern(
            "Code of which at least 80% is used up",
            "Codes of which at least 80% is used up",
            attention.codes.running_out,
            links.rows(PromoCode, uses="nearly"),
            "Raise its limit if it should go on.",
        ),
        Concern(
            f"Campaign of which at least {settings.ALERT_BUDGET_PERCENT}% of the budget is spent or promised",
            f"Campaigns of which at least {settings.ALERT_BUDGET_PERCENT}% of the budget is spent or promised",
            attention.budgets_nearly_spent,
            links.rows(Campaign, budget="nearly"),
            "Raise the budget if its codes should go on working.",
        ),
    ]
