"""The secrets a webhook may be signed with, kept in process memory so that the gate need not ask the database."""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.conf import settings
from django.db.models.signals import post_delete, post_save
from djstripe.models import WebhookEndpoint

CACHE_SECONDS = 60
#: After a signature that no secret fits, read again, but not more often than this: strangers send junk.
REFRESH_SECONDS = 5


@dataclass(frozen=True)
class _Known:
    secrets: tuple[str, ...]
    read_at: float


_known: _Known | None = None


def current(*, max_age_seconds: float = CACHE_SECONDS) -> tuple[str, ...]:
    """Return every secret of the environment and of our mode's enabled endpoints."""
    global _known  # noqa: PLW0603 - the cache of this process
    known = _known
    if known is None or time.monotonic() - known.read_at > max_age_seconds:
        known = _known = _Known(_read(), time.monotonic())
    return known.secrets


def connect() -> None:
    """Drop the cache whenever an endpoint's row changes in this process; called once at start-up."""
    for signal in (post_save, post_delete):
        signal.connect(forget, sender=WebhookEndpoint, dispatch_uid="promos_signing_secrets")


def forget(**_signal: object) -> None:
    global _known  # noqa: PLW0603 - the cache of this process
    _known = None


def _read() -> tuple[str, ...]:
    endpoints = WebhookEndpoint.objects.filter(livemode=settings.STRIPE_LIVE_MODE, status="enabled")
    stored = endpoints.exclude(secret="").order_by("-djstripe_id").values_list("secret", flat=True)
    return (*settings.STRIPE_WEBHOOK_SECRETS, *stored)
