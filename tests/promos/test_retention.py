"""What is over age goes, in short steps; an event's id stays."""

import json
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from djstripe.models import Event, WebhookEventTrigger

from promos import funnel, retention
from promos.models import BrakeCounter, CodeCheck, WebhookEvent
from promos.webhooks import inbox
from tests import factories
from tests.promos import stripe_events

pytestmark = pytest.mark.django_db


def event(received_at: datetime, **fields: object) -> WebhookEvent:
    done = {"processed_at": received_at, "mirrored_at": received_at}
    return factories.WebhookEventFactory(received_at=received_at, **done | fields)


def prune(*options: str) -> dict[str, int]:
    out = StringIO()
    call_command("prune_events", "--json", *options, stdout=out)
    return json.loads(out.getvalue())["pruned"]


def test_prune_empties_old_bodies_and_keeps_the_ids(now: datetime) -> None:
    old, new = event(now - timedelta(days=61)), event(now - timedelta(days=59))
    assert prune()["bodies of events"] == 1
    old.refresh_from_db()
    new.refresh_from_db()
    assert (old.payload, new.payload["id"]) == ({}, new.stripe_event_id)
    inbox.take(stripe_events.event("product.created", id=old.stripe_event_id), now=now)
    assert WebhookEvent.objects.count() == 2


def test_prune_keeps_the_body_of_an_event_that_is_not_finished(now: datetime) -> None:
    event(now - timedelta(days=90), processed_at=None)
    event(now - timedelta(days=90), mirrored_at=None)
    assert prune()["bodies of events"] == 0


def test_prune_deletes_dj_stripes_copies_and_old_checks(now: datetime) -> None:
    factories.AccountFactory()
    Event.objects.create(
        id="evt_1", type="product.created", livemode=False, data={}, stripe_data={"id": "evt_1"}
    )
    WebhookEventTrigger.objects.create(remote_ip="127.0.0.1", headers={}, body="{}")
    Event.objects.update(djstripe_created=now - timedelta(days=61))
    WebhookEventTrigger.objects.update(created=now - timedelta(days=31))
    factories.CodeCheckFactory(promo_code=None, checked_at=now - timedelta(days=401))
    factories.CodeCheckFactory(promo_code=None, checked_at=now)
    assert list(prune().values()) == [0, 1, 1, 1, 0, 0, 0, 0]
    assert (CodeCheck.objects.count(), Event.objects.exists()) == (1, False)


def test_prune_deletes_sessions_that_are_over(now: datetime) -> None:
    for key, days in (("over", -1), ("open", 1)):
        Session.objects.create(session_key=key, session_data="", expire_date=now + timedelta(days=days))
    assert prune()["sessions that are over"] == 1
    assert Session.objects.get().session_key == "open"


def test_prune_works_in_steps_until_all_is_done(now: datetime, monkeypatch) -> None:
    monkeypatch.setattr(retention, "CHUNK", 2)
    for _ in range(5):
        event(now - timedelta(days=61))
    steps: list[int] = []
    retention.prune(retention.Ages(), now=now, watch=lambda words, count: steps.append(count))
    assert steps == [2, 2, 1]


def test_dry_run_counts_and_changes_nothing(now: datetime) -> None:
    kept = event(now - timedelta(days=10))
    assert prune("--dry-run", "--bodies", "9")["bodies of events"] == 1
    kept.refresh_from_db()
    assert kept.payload != {}


def test_prune_refuses_to_forget_what_stripe_still_sends() -> None:
    with pytest.raises(CommandError, match="at least four"):
        call_command("prune_events", "--bodies", "3")


def test_prune_deletes_links_and_counters_that_lead_nowhere(now: datetime) -> None:
    long_ago = now - timedelta(days=365)
    BrakeCounter.objects.create(key="network:x", counted_at=long_ago)
    lost = funnel.arrive(None, {}, now=long_ago)
    funnel.view("NOSUCH", journey=lost, now=long_ago)
    pruned = prune()
    kinds = ("counters of the brake", "links without a code", "journeys of nobody")
    assert [pruned[words] for words in kinds] == [1, 1, 1]
