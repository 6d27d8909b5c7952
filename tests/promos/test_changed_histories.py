"""Every order notes whose history it changed, in its own transaction."""

from datetime import datetime, timedelta

import pytest

from promos import redemptions, statements
from promos.models import Customer, HistoryChange
from promos.redemptions import changed_histories, totals
from tests.factories import LedgerEntryFactory, SyncedPromoCodeFactory
from tests.promos.stripe_orders import invoice, session

pytestmark = pytest.mark.django_db


def noted() -> list[tuple[int, datetime | None]]:
    """Return what was noted since the last time."""
    changes = HistoryChange.objects.order_by("pk")
    found = list(changes.values_list("customer_id", "began_at"))
    changes.all().delete()
    return found


def test_a_first_order_says_when_its_customer_began(now: datetime) -> None:
    redemptions.record(session(SyncedPromoCodeFactory()), event=None, now=now)

    assert noted() == [(Customer.objects.get().pk, now)]


def test_a_renewal_names_the_customer_alone(now: datetime) -> None:
    code = SyncedPromoCodeFactory()
    redemptions.record(session(code), event=None, now=now)
    noted()
    redemptions.record_invoice(invoice(code, month=1), event=None, now=now + timedelta(days=30))

    assert {customer_id for customer_id, _ in noted()} == {Customer.objects.get().pk}


def test_an_order_that_moves_says_both_times(now: datetime) -> None:
    entry = LedgerEntryFactory(is_new_customer=True, occurred_at=now)
    before = totals.of_entry(entry)
    entry.occurred_at = now - timedelta(days=1)

    statements.change_in_turn(changed_histories.note([-before, totals.of_entry(entry)]))

    assert sorted(noted()) == [(entry.customer_id, now - timedelta(days=1)), (entry.customer_id, now)]


def test_orders_of_nobody_note_nothing(now: datetime) -> None:
    assert changed_histories.note([totals.of_entry(LedgerEntryFactory(customer=None))]) == []
    assert changed_histories.note([]) == []
