"""Events that came while nobody listened are asked for afterwards."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from pytest_django import Settings

from promos import stripe_gateway
from promos.backfill import chronology, missed
from promos.models import LedgerEntry, PromoCode, PromoCodeUsage, SyncCursor, WebhookEvent
from promos.webhooks import inbox, queue, receivers
from tests import past_account
from tests.past_account import PastAccount
from tests.standin.faults import Faults
from tests.standin.recorder import Recorder

pytestmark = pytest.mark.django_db

#: Where nobody listens.
DEAF = "http://127.0.0.1:9/api/webhooks/stripe/"


def open_account(settings: Settings, *, days_ago: float) -> Iterator[PastAccount]:
    with past_account.opened(days_ago=days_ago) as opened:
        settings.STRIPE_HOST = opened.standin.url
        wanted = {"url": DEAF, "enabled_events": list(receivers.REGISTRY)}
        stripe_gateway.create_webhook_endpoint(wanted, idempotency_key="deaf")
        yield opened


@pytest.fixture
def account(settings: Settings) -> Iterator[PastAccount]:
    """Ten days old, and none of its events was delivered."""
    yield from open_account(settings, days_ago=10)


@pytest.fixture
def old_account(settings: Settings) -> Iterator[PastAccount]:
    yield from open_account(settings, days_ago=80)


def finish_events(now: datetime) -> None:
    while queue.work(now):
        pass


def test_missed_events_are_taken_in_as_if_they_came(account: PastAccount, now: datetime) -> None:
    account.buy(account.code("LAUNCH"))
    outcome = missed.catch_up(now=now)
    finish_events(now)
    assert outcome.taken == WebhookEvent.objects.count() > 5
    assert PromoCode.objects.get().code == "LAUNCH"
    entry = LedgerEntry.objects.get()
    assert PromoCodeUsage.objects.get().discount_amount == entry.discount_amount == 29950 // 2
    assert abs(entry.occurred_at - (now - timedelta(days=10))) < timedelta(hours=1)


def test_second_look_takes_nothing_in(account: PastAccount, now: datetime) -> None:
    account.buy()
    missed.catch_up(now=now)
    before = set(WebhookEvent.objects.values_list("pk", "received_at"))
    assert missed.catch_up(now=now + timedelta(hours=1)).taken == 0
    assert set(WebhookEvent.objects.values_list("pk", "received_at")) == before


def test_what_arrived_by_itself_is_not_taken_again(account: PastAccount, now: datetime) -> None:
    account.buy()
    delivered = next(stripe_gateway.list_events(type="checkout.session.completed"))
    inbox.take(delivered, now=now)
    missed.catch_up(now=now)
    assert WebhookEvent.objects.filter(type="checkout.session.completed").count() == 1
    assert LedgerEntry.objects.count() == 1


def test_delivered_events_are_not_asked_for(account: PastAccount, now: datetime) -> None:
    account.dashboard.v1.webhook_endpoints.delete(next(stripe_gateway.list_webhook_endpoints())["id"])
    account.buy()
    assert missed.catch_up(now=now).taken == 0


@pytest.fixture
def restored(account: PastAccount, now: datetime) -> PastAccount:
    """Five orders were delivered, one every two days; the database is that of the evening after the third."""
    account.dashboard.v1.webhook_endpoints.delete(next(stripe_gateway.list_webhook_endpoints())["id"])
    for _ in range(5):
        account.buy()
        account.pass_days(2)
    completed = list(stripe_gateway.list_events(type="checkout.session.completed"))
    for event in completed[2:]:
        inbox.take(event, now=datetime.fromtimestamp(event["created"], UTC))
    return account


def test_events_that_a_restored_database_lacks_are_taken_in(restored: PastAccount, now: datetime) -> None:
    assert LedgerEntry.objects.count() == 3
    foreseen = missed.catch_up(now=now, delivered_too=True, dry_run=True).taken
    assert missed.catch_up(now=now, delivered_too=True).taken == foreseen > 2
    assert LedgerEntry.objects.count() == 5


def test_look_at_a_restored_database_that_broke_off_begins_anew(
    restored: PastAccount, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    take, met = inbox.take, []

    def take_one(payload: dict[str, Any], *, now: datetime) -> None:
        if met:
            raise stripe_gateway.Unavailable("Stripe could not be reached.")
        met.append(take(payload, now=now))

    with monkeypatch.context() as patched:
        patched.setattr(inbox, "take", take_one)
        with pytest.raises(stripe_gateway.Unavailable):
            missed.catch_up(now=now, delivered_too=True)
    missed.catch_up(now=now)
    assert missed.catch_up(now=now, delivered_too=True).is_complete
    assert LedgerEntry.objects.count() == 5
    assert not SyncCursor.objects.filter(name=missed.RESTORED_CURSOR).exists()


def test_command_takes_in_what_a_restored_database_lacks(restored: PastAccount) -> None:
    call_command("backfill_stripe", "--missed", stdout=StringIO())
    assert LedgerEntry.objects.count() == 5


def test_no_call_asks_for_more_types_than_stripe_allows(account: PastAccount, now: datetime) -> None:
    recorder = account.standin.api = Recorder(account.standin.api)
    missed.catch_up(now=now)
    asked = [call.request.params["types"] for call in recorder.calls]
    assert all(len(types) <= 20 for types in asked)
    assert {one for types in asked for one in types.values()} == set(receivers.REGISTRY)


def test_recent_look_is_made_once_in_five_minutes_and_goes_back_an_hour(
    account: PastAccount, now: datetime
) -> None:
    account.buy()
    account.pass_days(10)
    account.buy()
    assert missed.catch_up_recent(now=now).taken > 0
    assert WebhookEvent.objects.filter(type="checkout.session.completed").count() == 1
    account.buy()
    assert missed.catch_up_recent(now=now + timedelta(minutes=4)).taken == 0
    assert missed.catch_up_recent(now=now + timedelta(minutes=5)).taken > 0


def test_dry_run_counts_and_stores_nothing(account: PastAccount, now: datetime) -> None:
    account.buy()
    foreseen = missed.catch_up(now=now, dry_run=True)
    assert not WebhookEvent.objects.exists()
    assert not SyncCursor.objects.exists()
    assert foreseen.taken == missed.catch_up(now=now).taken > 0


def test_longer_absence_walks_over_the_account(old_account: PastAccount, now: datetime) -> None:
    """What happened thirty-five days ago is in no list of events any more."""
    SyncCursor.objects.create(name=missed.CURSOR, reached_at=now - timedelta(days=40))
    old_account.buy(mode="payment", email="long.before@example.com")
    old_account.pass_days(45)
    code = old_account.code("LAUNCH")
    old_account.buy(code, mode="payment")
    old_account.pass_days(35)
    # Sixty-nine days are as far as the walk looks back.
    outcome = missed.catch_up(now=now)
    assert outcome.walked is not None
    assert LedgerEntry.objects.get().usage.promo_code.code == "LAUNCH"
    assert SyncCursor.objects.get(name=missed.CURSOR).reached_at == now


@pytest.mark.parametrize("last", [None, timedelta(days=10)])
def test_short_absence_and_first_look_need_no_walk(
    account: PastAccount, now: datetime, last: timedelta | None
) -> None:
    if last is not None:
        SyncCursor.objects.create(name=missed.CURSOR, reached_at=now - last)
    assert missed.catch_up(now=now).walked is None
    assert SyncCursor.objects.get(name=missed.CURSOR).reached_at == now


def test_look_that_failed_is_done_again(
    account: PastAccount, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.buy()
    monkeypatch.setattr(chronology, "WAITS", ())
    trouble = Faults(account.standin)
    trouble.always(trouble.outage, path="/v1/events")
    with pytest.raises(stripe_gateway.Unavailable):
        missed.catch_up(now=now)
    assert not SyncCursor.objects.exists()
    trouble.clear()
    assert missed.catch_up(now=now).taken > 0


def test_event_that_cannot_be_stored_spares_the_others(
    account: PastAccount, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.buy()
    take = inbox.take

    def take_all_but_one(payload: dict[str, object], *, now: datetime) -> None:
        if payload["type"] == "checkout.session.completed":
            raise DatabaseError("unstorable")
        take(payload, now=now)

    monkeypatch.setattr(inbox, "take", take_all_but_one)
    outcome = missed.catch_up(now=now)
    assert (outcome.failed, outcome.taken > 0, outcome.is_complete) == (1, True, False)
    assert not SyncCursor.objects.filter(name=missed.CURSOR).exists()


def test_events_of_the_other_mode_are_left_out(
    account: PastAccount, now: datetime, settings: Settings
) -> None:
    account.buy()
    settings.STRIPE_LIVE_MODE = True
    assert missed.catch_up(now=now).taken == 0


def test_command_takes_in_what_was_missed(account: PastAccount) -> None:
    account.buy()
    dry, real = StringIO(), StringIO()
    call_command("backfill_stripe", "--missed", "--dry-run", stdout=dry)
    call_command("backfill_stripe", "--missed", "--json", stdout=real)
    answer = json.loads(real.getvalue())
    assert dry.getvalue() == f"{answer['events']} missed events would be taken in.\n"
    assert (answer["ok"], answer["walked"]) == (True, None)


def test_command_says_that_stripe_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chronology, "WAITS", ())
    with pytest.raises(CommandError, match="Stripe stopped it: Stripe could not be reached"):
        call_command("backfill_stripe", "--missed", stdout=StringIO())
