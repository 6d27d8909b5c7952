"""The common event, a paid checkout of ours with a code, costs few statements and no call to Stripe."""

from datetime import datetime, timedelta

import pytest
from django.db import connection

from promos import redemptions, stripe_gateway
from promos.models import CheckoutAttempt, PromoCode, WebhookEvent
from promos.webhooks import inbox
from tests.factories import CampaignFactory, CustomerFactory, SyncedPromoCodeFactory
from tests.promos import stripe_events
from tests.promos.stripe_orders import session

pytestmark = pytest.mark.django_db


def paid_checkout(code: PromoCode, now: datetime) -> dict[str, object]:
    customer = CustomerFactory(stripe_customer_id="cus_1")
    attempt = redemptions.hold(
        CheckoutAttempt(
            customer=customer,
            promo_code=code,
            plan="price_monthly",
            stripe_session_id="cs_test_1",
            state=CheckoutAttempt.State.OPEN,
            currency="usd",
            held_amount=1_000,
            created_at=now,
            expires_at=now + timedelta(minutes=30),
        )
    )
    paid = session(code)
    paid["metadata"]["promodesk_attempt"] = str(attempt.pk)
    return stripe_events.event("checkout.session.completed", paid)


@pytest.mark.parametrize(
    ("budget", "statements"), [(None, 15), ({"currency": "usd"}, 16)], ids=["plain", "campaign"]
)
def test_paid_checkout_costs_few_statements(now, django_assert_num_queries, budget, statements) -> None:
    # PostgreSQL is sent the notes and the four totals in two.
    statements -= 3 if connection.vendor == "postgresql" else 0
    code = SyncedPromoCodeFactory(campaign=CampaignFactory(**budget) if budget else None)
    event = paid_checkout(code, now)
    with django_assert_num_queries(statements):
        inbox.take(event, now=now)
    code.refresh_from_db()
    assert (code.used_count, code.held_count) == (1, 0)


def test_paid_checkout_asks_stripe_nothing(now, monkeypatch) -> None:
    event = paid_checkout(SyncedPromoCodeFactory(), now)
    asked: list[object] = []
    monkeypatch.setattr(stripe_gateway, "client", lambda: asked.append("the client"))
    inbox.take(event, now=now)
    assert (asked, WebhookEvent.objects.get().error) == ([], "")
