"""What is not kept for ever: bodies of events, dj-stripe's copies of them, checks of codes, and sessions that are over.

An event's row stays when its body goes: its id is what tells a late copy of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from djstripe.models import Event, WebhookEventTrigger

from promos import brake, funnel
from promos.breaks import Breaks
from promos.models import CodeCheck, WebhookEvent

CHUNK = 1_000
#: Stripe sends an event again for three days, and lists it for thirty.
BODY_DAYS, TRIGGER_DAYS, MIRROR_DAYS, CHECK_DAYS = 60, 30, 60, 400

Watch = Callable[[str, int], None]


@dataclass(frozen=True)
class Ages:
    """After how many days each kind goes; never sooner than Stripe may send an event again."""

    bodies: int = BODY_DAYS
    triggers: int = TRIGGER_DAYS
    mirrored: int = MIRROR_DAYS
    checks: int = CHECK_DAYS


def due(ages: Ages, *, now: datetime) -> dict[str, QuerySet[Any]]:
    """Return what is over age, under the words for it; an event that is not finished keeps its body."""

    def before(days: int) -> datetime:
        return now - timedelta(days=days)

    finished = WebhookEvent.objects.filter(processed_at__isnull=False, mirrored_at__isnull=False)
    return {
        "bodies of events": finished.filter(received_at__lt=before(ages.bodies)).exclude(payload={}),
        "requests kept by dj-stripe": WebhookEventTrigger.objects.filter(created__lt=before(ages.triggers)),
        "events kept by dj-stripe": Event.objects.filter(djstripe_created__lt=before(ages.mirrored)),
        "checks of codes": CodeCheck.objects.filter(checked_at__lt=before(ages.checks)),
        "counters of the brake": brake.empty(now),
        "links without a code": funnel.dead_links(now),
        "journeys of nobody": funnel.lost_journeys(now),
        "sessions that are over": Session.objects.filter(expire_date__lt=now),
    }


def prune(ages: Ages, *, now: datetime, watch: Watch = lambda words, count: None) -> dict[str, int]:
    """Empty or delete what is over age, in short steps, and return how much of each kind; tells ``watch`` each step."""
    pruned, breaks = {}, Breaks()
    for words, rows in due(ages, now=now).items():
        pruned[words] = 0
        while keys := list(rows.order_by("pk").values_list("pk", flat=True)[:CHUNK]):
            chunk = rows.model._default_manager.filter(pk__in=keys)
            if rows.model is WebhookEvent:
                chunk.update(payload={})
            else:
                chunk.delete()
            pruned[words] += len(keys)
            watch(words, len(keys))
            breaks.take()
    return pruned
