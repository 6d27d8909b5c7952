"""A redemption's page tells its life, each step with its place at Stripe and the event that brought it."""

from datetime import datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from promos import redemptions
from promos.models import LedgerEntry, PromoCodeUsage, WebhookEvent
from promos.webhooks import inbox
from tests.factories import SyncedPromoCodeFactory, UsageFactory
from tests.promos import stripe_events
from tests.promos.stripe_orders import invoice, refund, session

pytestmark = pytest.mark.django_db


@pytest.fixture
def office(owner: User, client: Client) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture
def life(now: datetime) -> PromoCodeUsage:
    """A checkout by its event, a renewal, and a refund of it that failed."""
    code = SyncedPromoCodeFactory()
    inbox.take(stripe_events.event("checkout.session.completed", session(code)), now=now)
    renewal = redemptions.record_invoice(invoice(code, month=1), event=None, now=now)
    redemptions.record_refund(refund(month=1, status="failed"), order=renewal, event=None)
    return PromoCodeUsage.objects.get()


def page(office: Client, row: PromoCodeUsage | LedgerEntry) -> str:
    address = reverse(f"admin:promos_{row._meta.model_name}_change", args=[row.pk])
    return office.get(address).content.decode()


def test_usage_tells_its_life_with_links_to_stripe(office: Client, life: PromoCodeUsage) -> None:
    told = page(office, life)
    for place in ("subscriptions/sub_1", "invoices/in_1", "refunds/re_1"):
        assert f"https://dashboard.stripe.com/test/{place}" in told
    assert "Refund failed" in told


def test_usage_links_to_the_event_of_each_entry(office: Client, life: PromoCodeUsage) -> None:
    event = WebhookEvent.objects.get()
    assert reverse("admin:promos_webhookevent_change", args=[event.pk]) in page(office, life)


def test_entry_names_the_order_it_takes_from(office: Client, life: PromoCodeUsage) -> None:
    taken = LedgerEntry.objects.get(stripe_object_id="re_1")
    told = page(office, taken)
    assert reverse("admin:promos_ledgerentry_change", args=[taken.order_id]) in told


def test_payments_past_a_limit_are_listed(office: Client, life: PromoCodeUsage) -> None:
    PromoCodeUsage.objects.update(is_over_limit=True)
    address = reverse("admin:promos_promocodeusage_changelist")
    listed = [
        office.get(address, {"is_over_limit__exact": value}).context["cl"].result_count for value in (1, 0)
    ]
    assert listed == [1, 0]


def test_customer_leads_to_what_they_did(office: Client, life: PromoCodeUsage) -> None:
    customer = life.customer
    assert customer is not None
    told = office.get(reverse("admin:promos_customer_change", args=[customer.pk])).content.decode()
    assert (
        f'/admin/promos/promocodeusage/?customer__id__exact={customer.pk}" class="text-link">1 redemption<'
        in told
    )
    assert f"{LedgerEntry.objects.count()} ledger entries<" in told
    assert "No code checks" in told


def test_links_of_a_customer_show_their_rows_alone(office: Client, life: PromoCodeUsage) -> None:
    UsageFactory()
    rows = office.get(
        reverse("admin:promos_promocodeusage_changelist"), {"customer__id__exact": life.customer_id}
    )
    assert [row.pk for row in rows.context["cl"].result_list] == [life.pk]
