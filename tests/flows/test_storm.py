"""A storm of events: a thousand checkouts, each told five times, by eight senders at once, to real web processes."""

from __future__ import annotations

import json
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import requests
from django.utils import timezone
from djstripe.models import WebhookEndpoint

from analytics import verification
from promos.models import CheckoutAttempt, Customer, LedgerEntry, PromoCode, PromoCodeUsage, WebhookEvent
from tests.factories import CampaignFactory, SyncedPromoCodeFactory
from tests.flows.conftest import House
from tests.promos import stripe_events
from tests.promos.stripe_orders import session

pytestmark = [pytest.mark.slow, pytest.mark.race]

CHECKOUTS, COPIES, SENDERS = 1_000, 5, 8


@pytest.fixture(autouse=True)
def _several_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(House, "processes", 3)


@pytest.fixture
def code(house: House) -> PromoCode:
    """A code of a campaign with a budget, held by every one of the open checkouts."""
    campaign = CampaignFactory(currency="usd", budget_amount=10**9, held_amount=1_000 * CHECKOUTS)
    return SyncedPromoCodeFactory(campaign=campaign, held_count=CHECKOUTS, max_redemptions=CHECKOUTS)


def open_checkouts(code: PromoCode) -> None:
    now = timezone.now()
    Customer.objects.bulk_create(
        Customer(pk=number, stripe_customer_id=f"cus_{number}") for number in range(1, CHECKOUTS + 1)
    )
    CheckoutAttempt.objects.bulk_create(
        CheckoutAttempt(
            customer_id=number,
            promo_code=code,
            plan="price_monthly",
            stripe_session_id=f"cs_{number}",
            state=CheckoutAttempt.State.OPEN,
            currency="usd",
            held_amount=1_000,
            created_at=now,
            expires_at=now + timedelta(minutes=30),
        )
        for number in range(1, CHECKOUTS + 1)
    )


def bodies(code: PromoCode) -> list[bytes]:
    """Return every copy of every event, shuffled; a redelivery is the same event, byte for byte."""
    told = []
    for attempt in CheckoutAttempt.objects.order_by("pk"):
        number = attempt.stripe_session_id.removeprefix("cs_")
        paid = session(
            code,
            id=attempt.stripe_session_id,
            customer=f"cus_{number}",
            customer_details={"email": f"buyer{number}@example.com"},
            subscription=f"sub_{number}",
            invoice=f"in_{number}",
        )
        paid["metadata"]["promodesk_attempt"] = str(attempt.pk)
        told += [json.dumps(stripe_events.event("checkout.session.completed", paid)).encode()] * COPIES
    random.Random(2026).shuffle(told)  # noqa: S311 - the order of events
    return told


def test_storm_is_recorded_exactly_once(house: House, code: PromoCode) -> None:
    open_checkouts(code)
    secret = WebhookEndpoint.objects.get().secret

    def send(share: list[bytes]) -> list[int]:
        with requests.Session() as connection:
            return [post(connection, body) for body in share]

    def post(connection: requests.Session, body: bytes) -> int:
        headers = {"Stripe-Signature": stripe_events.signature(body, secret=secret)}
        return connection.post(
            house.url + stripe_events.ADDRESS, data=body, headers=headers, timeout=60
        ).status_code

    told = bodies(code)
    with ThreadPoolExecutor(SENDERS) as senders:
        answers = senders.map(send, [told[sender::SENDERS] for sender in range(SENDERS)])
        statuses = Counter(status for share in answers for status in share)

    code.refresh_from_db()
    assert statuses == {200: CHECKOUTS * COPIES}
    assert not WebhookEvent.objects.exclude(error="").exists()
    assert (PromoCodeUsage.objects.count(), LedgerEntry.objects.count()) == (CHECKOUTS, CHECKOUTS)
    assert (code.used_count, code.held_count) == (CHECKOUTS, 0)
    assert not [difference for check in verification.CHECKS.values() for difference in check()]
