"""The worker's queue: claims, leases, retries, and the audit trail."""

from datetime import timedelta

import pytest
from django.db import connection
from djstripe.models import Event

from promos import leases, settlements, stripe_gateway
from promos.models import WebhookEvent
from promos.webhooks import queue, receivers
from promos.webhooks.receivers import Receiver
from tests import factories
from tests.crowd import at_once
from tests.promos import stripe_events

TYPE = "product.updated"


def stored(*, event_type=TYPE, **fields):
    payload = stripe_events.event(event_type, {"id": "prod_1", "object": "product"})
    return factories.WebhookEventFactory(
        stripe_event_id=payload["id"], type=event_type, object_id="prod_1", payload=payload, **fields
    )


@pytest.fixture
def calls(monkeypatch):
    """Receive events and note whether a transaction was open; raise what ``calls.error`` holds."""

    class Calls(list):
        error = None

        def __call__(self, event, now):
            self.append((event.pk, connection.in_atomic_block))
            if self.error:
                raise self.error

    recorded = Calls()
    monkeypatch.setitem(receivers.REGISTRY, TYPE, Receiver(recorded))
    return recorded


@pytest.mark.django_db(transaction=True)
def test_work_runs_the_receiver_outside_any_transaction_and_keeps_the_audit_trail(calls, standin, now):
    event = stored()

    assert queue.work(now) == 1

    event.refresh_from_db()
    assert calls == [(event.pk, False)]
    assert event.processed_at == event.mirrored_at == now
    assert (event.lease_token, event.lease_until) == ("", None)
    assert Event.objects.get().id == event.stripe_event_id


@pytest.mark.django_db
def test_work_finds_nothing_left_to_do(calls, standin, now):
    stored()
    queue.work(now)

    assert queue.work(now) == 0
    assert len(calls) == 1


@pytest.mark.django_db
def test_work_takes_the_oldest_first_and_no_more_than_asked(calls, standin, now):
    later, earlier = stored(received_at=now), stored(received_at=now - timedelta(hours=1))

    assert queue.work(now, limit=1) == 1

    assert [pk for pk, _ in calls] == [earlier.pk]
    assert later.processed_at is None


@pytest.mark.django_db
def test_outage_sets_the_rest_of_the_batch_free(calls, standin, now):
    first, second = stored(received_at=now - timedelta(hours=1)), stored(received_at=now)
    calls.error = stripe_gateway.Unavailable("Stripe could not be reached.")

    assert queue.work(now) == 1

    assert [pk for pk, _ in calls] == [first.pk]
    second.refresh_from_db()
    assert (second.attempts, second.lease_token, second.lease_until) == (0, "", None)


@pytest.mark.django_db
def test_event_that_another_worker_took_meanwhile_is_left_to_it(calls, monkeypatch, standin, now):
    first, second = stored(received_at=now - timedelta(hours=1)), stored(received_at=now)

    def slowly(event, now):
        calls.append((event.pk, False))
        WebhookEvent.objects.filter(pk=second.pk).update(lease_token="another")

    monkeypatch.setitem(receivers.REGISTRY, TYPE, Receiver(slowly))
    queue.work(now)

    assert [pk for pk, _ in calls] == [first.pk]


@pytest.mark.django_db
def test_failure_waits_longer_each_time_and_never_gives_up(calls, now):
    event = stored(attempts=500)
    calls.error = stripe_gateway.Unavailable("Stripe could not be reached.")

    queue.work(now)

    event.refresh_from_db()
    assert event.error == "Stripe could not be reached."
    assert event.attempts == 501
    assert now <= event.next_try_at <= now + timedelta(minutes=15)
    assert queue.work(event.next_try_at) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("error", "has_traceback"),
    [
        (stripe_gateway.Unavailable("Away."), False),
        (settlements.NotSettled("Not paid yet."), False),
        (ValueError("Oh."), True),
    ],
)
def test_what_only_has_to_wait_is_logged_without_a_traceback(calls, now, caplog, error, has_traceback):
    stored()
    calls.error = error

    queue.work(now)

    # The copy for dj-stripe fails after it.
    told = caplog.records[0]
    assert str(error) in caplog.text
    assert (told.exc_info is not None) is has_traceback


@pytest.mark.django_db
@pytest.mark.parametrize(("attempts", "soon"), [(0, True), (5, False)])
def test_what_stripe_refuses_is_tried_seldom_after_a_while(calls, now, attempts, soon):
    event = stored(attempts=attempts)
    calls.error = stripe_gateway.NotFound("No such promotion code")

    queue.work(now)

    event.refresh_from_db()
    assert (event.next_try_at < now + timedelta(hours=1)) is soon


@pytest.mark.parametrize(("attempts", "longest"), [(1, 1), (4, 8), (10, 512), (11, 900), (10_000, 900)])
def test_wait_doubles_up_to_a_quarter_of_an_hour(attempts, longest):
    waits = [leases.wait(attempts).total_seconds() for _ in range(300)]

    assert 0 <= min(waits) < longest * 0.2
    assert longest * 0.8 < max(waits) <= longest


@pytest.mark.django_db
def test_unreachable_account_does_not_undo_the_receiver(calls, now):
    event = stored()

    queue.work(now)

    event.refresh_from_db()
    assert event.processed_at == now
    assert event.mirrored_at is None
    assert "could not be reached" in event.error


@pytest.mark.django_db
def test_event_of_a_killed_worker_is_taken_up_when_its_lease_ends(calls, standin, now):
    event = stored(lease_token="killed", lease_until=now + timedelta(minutes=1))

    assert queue.work(now) == 0
    assert queue.work(now + timedelta(minutes=1)) == 1
    event.refresh_from_db()
    assert event.processed_at is not None


@pytest.mark.django_db
def test_worker_that_lost_its_lease_writes_nothing(monkeypatch, standin, now):
    def lose_lease(event, now):
        WebhookEvent.objects.filter(pk=event.pk).update(lease_token="another")

    monkeypatch.setitem(receivers.REGISTRY, TYPE, Receiver(lose_lease))
    event = stored()

    queue.work(now)

    event.refresh_from_db()
    assert (event.processed_at, event.lease_token) == (None, "another")


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_share_the_events(calls, standin, now):
    events = [stored() for _ in range(30)]

    def run(worker):
        while queue.work(now, limit=3):
            pass

    at_once(run, range(4))

    assert sorted(pk for pk, _ in calls) == sorted(event.pk for event in events)
    assert not WebhookEvent.objects.due(now).exists()


@pytest.mark.django_db
def test_process_again_runs_processed_events_once_more(calls, standin, now):
    event = stored()
    queue.work(now)

    assert queue.process_again(WebhookEvent.objects.filter(pk=event.pk), now) == 1

    assert queue.work(now) == 1
    assert len(calls) == 2
    assert Event.objects.count() == 1


@pytest.mark.django_db
def test_type_that_left_the_registry_is_done_with_and_not_mirrored(now):
    event = stored(event_type="customer.updated")

    queue.work(now)

    event.refresh_from_db()
    assert event.processed_at == now
    assert not Event.objects.exists()
