"""SQL by hand does what the ORM would have done."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Model
from django.db.models.signals import post_save, pre_save

from promos import statements
from promos.models import HistoryChange, LedgerEntry, PromoCodeUsage, WebhookEvent
from tests.factories import LedgerEntryFactory, UsageFactory, WebhookEventFactory

pytestmark = pytest.mark.django_db
NOTE = "INSERT INTO promos_historychange (customer_id) VALUES (%s)"


@pytest.mark.parametrize("factory", [WebhookEventFactory, UsageFactory, LedgerEntryFactory])
def test_insert_stores_what_a_save_does(factory) -> None:
    saved: Model = factory()
    stored = type(saved).objects.values()
    before = stored.get()
    type(saved).objects.all().delete()
    saved._state.adding = True
    statements.insert(saved)
    assert saved._state.adding is False
    assert stored.get() == before | {"id": saved.pk}


@pytest.mark.parametrize("model", [WebhookEvent, PromoCodeUsage, LedgerEntry])
def test_nobody_listens_to_what_is_inserted_without_signals(model: type[Model]) -> None:
    assert not pre_save.has_listeners(model)
    assert not post_save.has_listeners(model)


@pytest.mark.parametrize("count", [0, 1, 3, 4])
def test_statements_run_in_their_turn(count: int) -> None:
    statements.change_in_turn([(NOTE, [number]) for number in range(count)])
    noted = HistoryChange.objects.order_by("pk").values_list("customer_id", flat=True)
    assert list(noted) == list(range(count))


def test_a_statement_that_fails_fails_all_of_them() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        statements.change_in_turn([(NOTE, [1]), (NOTE, [None]), (NOTE, [2])])
    assert not HistoryChange.objects.exists()


def test_values_apart_from_their_text_go_one_statement_at_a_time(
    monkeypatch, django_assert_num_queries
) -> None:
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"server_side_binding": True})
    with django_assert_num_queries(3):
        statements.change_in_turn([(NOTE, [number]) for number in range(3)])
