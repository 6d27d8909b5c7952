"""What a monitor asks: does the database answer and take writes, and does the worker keep up?"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from django.core.cache import cache
from django.db import DatabaseError
from django.db.models import Min, Q
from django.db.models.functions import Coalesce
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from promos.models import PromoCode, StripePace, WebhookEvent
from promos.sync import limiter
from promos.sync.drift import doctor

#: The worker looks twice a second; work that has been due for this long means that it does not run.
LATEST = timedelta(minutes=10)
#: How often writing is tried at most, however often somebody asks, and with how much: more than a page is left free.
TRIED_SECONDS, TRIED_BYTES = 10, 12_000


@dataclass(frozen=True)
class Health:
    """``queue_age`` is how long the longest-waiting piece of work has been due; what waits for a next try is not.

    ``differences`` is what the last comparison with Stripe left to the owner, ``comparison_error`` what broke it off.
    """

    takes_writes: bool
    queue_age: timedelta
    last_webhook_at: datetime | None
    reconciled_at: datetime | None
    differences: int
    comparison_error: str

    @property
    def is_prompt(self) -> bool:
        return self.queue_age <= LATEST

    @property
    def is_good(self) -> bool:
        return self.takes_writes and self.is_prompt


def check(now: datetime) -> Health:
    """Return how things stand. Raises DatabaseError when the database does not answer."""
    since = min((at for at in (_event_due_since(now), _code_due_since(now)) if at), default=now)
    last = WebhookEvent.objects.order_by("-received_at").values_list("received_at", flat=True).first()
    run = doctor.last()
    return Health(
        takes_writes=_takes_writes(int(time.monotonic() / TRIED_SECONDS)),
        queue_age=max(now - since, timedelta()),
        last_webhook_at=last,
        reconciled_at=run.started_at if run else None,
        differences=doctor.left().count(),
        comparison_error=run.error if run else "",
    )


@lru_cache(maxsize=1)
def _takes_writes(period: int) -> bool:
    """Say whether the database takes a write of some size, tried once in each period; a full disk still lets us read."""
    # Of its own, since other processes try as well; what cannot be written is told by nothing but its absence.
    key = f"health-{secrets.token_hex(8)}"
    cache.set(key, secrets.token_bytes(TRIED_BYTES))
    return key in cache and cache.delete(key)


def _event_due_since(now: datetime) -> datetime | None:
    due = WebhookEvent.objects.due(now).order_by()
    return due.aggregate(since=Min(Coalesce("next_try_at", "received_at")))["since"]  # type: ignore[no-any-return]


def _code_due_since(now: datetime) -> datetime | None:
    """Return since when a code waits; a long line of new ones only since the worker last called Stripe."""
    due = PromoCode.objects.due_for_push(now).order_by()
    found = due.aggregate(
        timed=Min("next_try_at"), in_line=Min("updated_at", filter=Q(next_try_at__isnull=True))
    )
    last_call_at = (
        StripePace.objects.filter(name=limiter.EVERYTHING).values_list("next_at", flat=True).first()
    )
    if found["in_line"] and last_call_at:
        found["in_line"] = max(found["in_line"], datetime.fromtimestamp(last_call_at, UTC))
    return min((at for at in found.values() if at), default=None)


@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when all is well, else 503; the JSON says what is not."""
    try:
        health = check(timezone.now())
    except DatabaseError:
        return JsonResponse({"ok": False, "database": "unreachable"}, status=503)
    body = {
        "ok": health.is_good,
        "database": "ok" if health.takes_writes else "takes no writes: is its disk full?",
        "queue": "ok" if health.is_prompt else "late: is the worker (manage.py sync_worker) running?",
        "queue_age_seconds": int(health.queue_age.total_seconds()),
        "last_webhook_at": health.last_webhook_at,
        "reconciled_at": health.reconciled_at,
        "differences": health.differences,
        # What exactly is no business of whoever asks here.
        "comparison": "broke off: the admin says why" if health.comparison_error else "ok",
    }
    return JsonResponse(body, status=200 if health.is_good else 503)
