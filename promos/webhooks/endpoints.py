"""Our webhook endpoint at Stripe: exactly our events, our API version, a secret that we know.

Stripe shows an endpoint's secret once, and never changes its API version. So an
endpoint of ours whose secret is unknown here, or that speaks another version, is
replaced: the new one is made first, the old one disabled after, and no event is
missed in between (two deliveries of one event are one event here).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from django.conf import settings
from django.urls import reverse
from djstripe.models import WebhookEndpoint

from promos import mirror, stripe_gateway
from promos.stripe_gateway import StripeObject
from promos.webhooks import receivers

#: Marks the endpoints that we made.
METADATA_KEY = "promodesk"


@dataclass(frozen=True)
class Outcome:
    """What ``ensure`` found and did; ``foreign`` are endpoints at our address that somebody else made."""

    endpoint: StripeObject
    change: str = "unchanged"
    disabled: list[str] = field(default_factory=list)
    foreign: list[StripeObject] = field(default_factory=list)

    @property
    def missing_events(self) -> list[str]:
        """Our events that the endpoint in use does not send; only one made by hand can lack some."""
        enabled = set(self.endpoint["enabled_events"])
        return [] if "*" in enabled else [event for event in events() if event not in enabled]


def url() -> str:
    """Return the address Stripe is to deliver to."""
    return f"{settings.SITE_URL}{reverse('stripe_webhook')}"


def events() -> list[str]:
    """Return the types of event we handle, in the registry's order."""
    return list(receivers.REGISTRY)


def ensure() -> Outcome:
    """Make Stripe deliver our events to ``url()``, changing only what is not so already.

    An endpoint made by hand is left to do the work when its secret is in
    ``STRIPE_WEBHOOK_SECRET`` and there is none of ours.
    """
    at_stripe = list(stripe_gateway.list_webhook_endpoints())
    _forget_vanished(at_stripe)
    enabled = [found for found in at_stripe if found["status"] == "enabled" and _is_at_our_url(found)]
    ours = [found for found in enabled if METADATA_KEY in (found["metadata"] or {})]
    foreign = [found for found in enabled if found not in ours]
    if foreign and not ours and settings.STRIPE_WEBHOOK_SECRETS:
        return Outcome(foreign[0], "by hand")
    kept, change = _kept_or_created(ours)
    disabled = [_disable(found) for found in ours if found["id"] != kept["id"]]
    return Outcome(kept, "replaced" if disabled and change == "created" else change, disabled, foreign)


def _is_at_our_url(endpoint: StripeObject) -> bool:
    return str(endpoint["url"]).rstrip("/") == url().rstrip("/")


def _kept_or_created(ours: list[StripeObject]) -> tuple[StripeObject, str]:
    usable = next((endpoint for endpoint in ours if _is_usable(endpoint)), None)
    if usable is None:
        return _create(), "created"
    if sorted(usable["enabled_events"]) == sorted(events()):
        return usable, "unchanged"
    updated = stripe_gateway.update_webhook_endpoint(usable["id"], {"enabled_events": events()})
    mirror.copy(updated)
    return updated, "updated"


def _is_usable(endpoint: StripeObject) -> bool:
    if endpoint["api_version"] != settings.STRIPE_API_VERSION:
        return False
    return bool(WebhookEndpoint.objects.filter(id=endpoint["id"]).exclude(secret="").exists())


def _create() -> StripeObject:
    created = stripe_gateway.create_webhook_endpoint(
        {
            "url": url(),
            "enabled_events": events(),
            "api_version": settings.STRIPE_API_VERSION,
            "description": "Promodesk",
            "metadata": {METADATA_KEY: "webhooks"},
        },
        idempotency_key=f"promodesk-endpoint-{secrets.token_hex(16)}",
    )
    mirror.copy(created)
    return created


def _disable(endpoint: StripeObject) -> str:
    mirror.copy(stripe_gateway.update_webhook_endpoint(endpoint["id"], {"disabled": True}))
    return str(endpoint["id"])


def _forget_vanished(at_stripe: list[StripeObject]) -> None:
    """Stop accepting the secrets of endpoints that were deleted at Stripe."""
    known = [endpoint["id"] for endpoint in at_stripe]
    rows = WebhookEndpoint.objects.filter(livemode=settings.STRIPE_LIVE_MODE, status="enabled")
    for row in rows.exclude(id__in=known):
        row.status = "disabled"
        row.save(update_fields=["status"])
