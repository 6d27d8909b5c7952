"""A worker that is killed anywhere between a finding and its delivery loses no message; a naive one does."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail as django_mail
from pytest_django import Settings

from analytics import mail, outbox, webhook
from analytics.alerts import rounds, watch
from analytics.models import Alert, AlertMessage
from analytics.models.outgoing import Outgoing
from promos import leases
from tests.factories import WebhookEventFactory, user
from tests.flows.crashing import Point, killed_at

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 30, 12, 20, tzinfo=UTC)
PLACES = {
    "announcing": (watch, "_announce"),
    "claim": (leases, "claim"),
    "mail": (mail, "send"),
    "post": (webhook, "post"),
    "note": (outbox, "_note"),
}
POINTS = [Point(name, *place, is_before) for name, place in PLACES.items() for is_before in (True, False)]


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> list[str]:
    """Silent webhooks, an owner, and the ids of what a webhook's receiver got."""
    WebhookEventFactory(received_at=NOW - timedelta(days=3))
    user("owner@example.com", "x", is_staff=True, is_superuser=True)
    settings.ALERT_WEBHOOK_URL, settings.ALERT_WEBHOOK_SECRET = "http://127.0.0.1:9/", "s"
    ids: list[str] = []

    def post(body: bytes, **kwargs: Any) -> None:
        ids.append(json.loads(body)["id"])

    monkeypatch.setattr(webhook, "post", post)
    return ids


def crash_and_go_on(point: Point) -> None:
    """Kill a worker at the point; let others come by until every lease is over."""
    with killed_at(point) as killed:
        rounds.work(NOW)
    assert killed.was_reached
    for minutes in (5, 10, 20, 40):
        rounds.work(NOW + timedelta(minutes=minutes))


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_every_message_arrives_wherever_a_worker_is_killed(point: Point, posted: list[str]) -> None:
    crash_and_go_on(point)
    assert Alert.objects.count() == 1
    assert AlertMessage.objects.filter(sent_at=None).count() == 0
    assert set(posted) == {f"alert_{Alert.objects.get().pk}_opened"}
    # Twice only where nobody can know that it had arrived; the first note is the mail's.
    assert len(django_mail.outbox) == (2 if str(point) in {"after mail", "before note"} else 1)
    assert len(posted) == (2 if str(point) == "after post" else 1)


def naive_send(rows: Sequence[Outgoing], way: Callable[[], None], *, now: datetime) -> int:
    """Note first, so that nothing goes twice: what was noted and not sent never goes."""
    for row in rows:
        outbox._note(row, "", now)
    if rows:
        way()
    return len(rows)


def test_naive_sending_loses_a_message(posted: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "send", naive_send)
    crash_and_go_on(Point("post", webhook, "post", is_before=True))
    assert posted == []
