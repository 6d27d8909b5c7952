"""The inbox: an event is stored once, and what fails is kept and tried again."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import IntegrityError, connection
from django.test import Client

from promos.models import Customer, LedgerEntry, WebhookEvent
from promos.webhooks import queue, receivers, signing_secrets
from promos.webhooks.receivers import Receiver
from tests.crowd import at_once
from tests.promos import stripe_events
from tests.promos.stripe_events import deliver
from tests.promos.stripe_orders import session

COMPLETED = "checkout.session.completed"


@pytest.fixture(autouse=True)
def _secret(settings):
    settings.STRIPE_WEBHOOK_SECRETS = [stripe_events.SECRET]
    signing_secrets.forget()
    yield
    signing_secrets.forget()


@pytest.fixture
def calls(monkeypatch):
    """A receiver that leaves a row behind and then fails as often as ``calls.failures`` says."""

    class Calls(list):
        failures = 0

        def __call__(self, event, now):
            self.append(event.stripe_event_id)
            Customer.objects.create(email=f"{len(self)}@example.com")
            if self.failures:
                self.failures -= 1
                raise IntegrityError("the ledger is not ready")

    recorded = Calls()
    monkeypatch.setitem(receivers.REGISTRY, COMPLETED, Receiver(recorded, needs_stripe=False))
    return recorded


@pytest.mark.django_db
def test_checkout_event_is_processed_in_the_request(client, calls):
    deliver(client, stripe_events.event(COMPLETED))

    stored = WebhookEvent.objects.get()
    assert calls == [stored.stripe_event_id]
    assert stored.processed_at == stored.received_at


@pytest.mark.django_db
def test_event_that_comes_again_is_answered_and_dropped(client, calls):
    payload = stripe_events.event(COMPLETED)

    statuses = [deliver(client, payload).status_code for _ in range(5)]

    assert statuses == [200] * 5
    assert len(calls) == WebhookEvent.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_event_that_comes_five_times_at_once_is_processed_once(calls):
    payload = stripe_events.event(COMPLETED)

    answers = at_once(lambda client: deliver(client, payload), [Client() for _ in range(5)])

    assert [answer.status_code for answer in answers] == [200] * 5
    assert WebhookEvent.objects.count() == Customer.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_failing_receiver_keeps_the_event_and_nothing_else(client, calls):
    calls.failures = 1

    response = deliver(client, stripe_events.event(COMPLETED))

    stored = WebhookEvent.objects.get()
    assert response.status_code == 200
    assert stored.error == "IntegrityError: the ledger is not ready"
    assert (stored.processed_at, stored.attempts) == (None, 1)
    assert stored.next_try_at > stored.received_at
    assert not Customer.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_worker_retries_a_failed_event_until_it_succeeds(client, calls, standin, now):
    calls.failures = 3
    deliver(client, stripe_events.event(COMPLETED))

    for hour in range(1, 4):
        queue.work(now + hour * queue.LEASE)

    stored = WebhookEvent.objects.get()
    assert len(calls) == 4
    assert (stored.error, stored.attempts, stored.next_try_at) == ("", 3, None)
    assert stored.processed_at is not None
    assert Customer.objects.count() == 1


@contextmanager
def full_disk() -> Iterator[None]:
    """Let the database file grow no further."""
    with connection.cursor() as cursor:
        # Less is left than an event needs.
        cursor.execute("SELECT page_count + 2 FROM pragma_page_count")
        cursor.execute(f"PRAGMA max_page_count = {cursor.fetchone()[0]}")
        yield
        cursor.execute("PRAGMA max_page_count = 1000000")


@pytest.mark.sqlite
@pytest.mark.django_db(transaction=True)
def test_event_that_finds_the_disk_full_is_stripes_to_send_again(client: Client) -> None:
    large = [
        stripe_events.event(COMPLETED, session(id=f"cs_{n}", subscription=f"sub_{n}", padding="x" * 400_000))
        for n in range(3)
    ]
    with full_disk():
        assert [deliver(client, each).status_code for each in large] == [500, 500, 500]
    assert (WebhookEvent.objects.count(), LedgerEntry.objects.count(), Customer.objects.count()) == (0, 0, 0)
    assert [deliver(client, each).status_code for each in large] == [200, 200, 200]
    assert (WebhookEvent.objects.count(), LedgerEntry.objects.count()) == (3, 3)
