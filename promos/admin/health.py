"""How the installation is, for its owner: keys, webhooks, the queue, the comparison with Stripe, people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import pluralize
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.timesince import timesince
from djstripe.models import WebhookEndpoint

from promos import health, roles
from promos.admin.pages import page
from promos.models import WebhookEvent

#: An account that sells at all sends events more often than this.
QUIET = timedelta(days=2)
#: The comparison is made every hour.
OVERDUE = timedelta(hours=3)


@dataclass(frozen=True)
class Line:
    """One thing that was looked at: how it is, and what to do when that is not well."""

    name: str
    found: str
    is_good: bool
    fix: str = ""


class HealthPage:
    """Mixed into the page of webhook events."""

    @page("health/", permission="promos.view_webhookevent")
    def health(self: Any, request: HttpRequest) -> HttpResponse:
        """Show every part with what to do about it."""
        context = self.page_context(request, title="Health", lines=lines(timezone.now()))
        return TemplateResponse(request, "admin/promos/health.html", context)


def lines(now: datetime) -> list[Line]:
    """Return what was found, each with a fix where one is needed; Stripe is not asked."""
    found = health.check(now)
    return [
        _database(found),
        _key(),
        _endpoint(),
        _last_event(found, now),
        Line(
            "Queue",
            f"The oldest piece of work waits for {_span(found.queue_age)}",
            found.is_prompt,
            "Is the worker (manage.py sync_worker) running? After a large batch it only needs time.",
        ),
        _comparison(found, now),
        _failed_events(),
        *_people(),
    ]


def _database(found: health.Health) -> Line:
    words = f"{connection.display_name} answers{'' if found.takes_writes else ', but takes no writes'}"
    return Line(
        "Database", words, found.takes_writes, "Is its disk full? The log says what the database says."
    )


def _key() -> Line:
    kind = "restricted" if settings.STRIPE_SECRET_KEY.startswith("rk_") else "secret"
    mode = "live" if settings.STRIPE_LIVE_MODE else "test"
    where = settings.STRIPE_HOST or "Stripe"
    return Line("Key", f"A {kind} {mode} key, calls go to {where}", True)


def _endpoint() -> Line:
    enabled = WebhookEndpoint.objects.filter(status="enabled").count()
    secrets = len(settings.STRIPE_WEBHOOK_SECRETS)
    found = f"{enabled} enabled here, {secrets} secret{pluralize(secrets)} from the settings"
    return Line("Webhook endpoint", found, bool(enabled or secrets), "Run manage.py connect_stripe.")


def _last_event(found: health.Health, now: datetime) -> Line:
    at = found.last_webhook_at
    words = f"The last one came {_span(now - at)} ago" if at else "None has come yet"
    fix = "Look at the endpoint in Stripe's dashboard: does it reach this site?"
    return Line("Events", words, at is not None and now - at < QUIET, fix)


def _comparison(found: health.Health, now: datetime) -> Line:
    at = found.reconciled_at
    count = f"{found.differences} difference{pluralize(found.differences)}"
    words = f"Made {_span(now - at)} ago, {count} left" if at else "Never made"
    if found.comparison_error:
        words += f", but it could not be finished: {found.comparison_error}"
    fix = "The worker makes it every hour; manage.py reconcile_promo_codes makes it now."
    is_recent = at is not None and now - at < OVERDUE
    is_good = is_recent and not found.differences and not found.comparison_error
    return Line("Comparison with Stripe", words, is_good, fix)


def _failed_events() -> Line:
    count = WebhookEvent.objects.failed().count()
    fix = "Nothing to do while Stripe is down; else read the reason on the event."
    return Line("Events tried again", str(count), count == 0, fix)


def _people() -> list[Line]:
    staff = User.objects.filter(is_staff=True, is_active=True)
    bare = staff.exclude(pk__in=Authenticator.objects.values("user")).count()
    owners = roles.owners().count()
    could_approve = not settings.APPROVAL_REQUIRED and owners >= 2
    approval = "On" if settings.APPROVAL_REQUIRED else "Off"
    return [
        Line(
            "Second factors",
            f"{bare} of {staff.count()} staff {pluralize(bare, 'has,have')} none",
            bare == 0,
            "Set one up under /accounts/2fa/; REQUIRE_STAFF_MFA asks everybody for it.",
        ),
        Line(
            "Approval by a second person",
            f"{approval}, with {owners} owner{pluralize(owners)}",
            not could_approve,
            "There are several owners: APPROVAL_REQUIRED has one approve what the other gives away.",
        ),
    ]


def _span(span: timedelta) -> str:
    now = timezone.now()
    return timesince(now - span, now, depth=1).replace("\xa0", " ")
