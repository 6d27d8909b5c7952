from datetime import datetime

import pytest

from analytics.demo import history
from analytics.demo.catalogue import Catalogue
from promos.models import CheckoutAttempt, CodeCheck, CodeView, LedgerEntry, PromoCodeUsage
from tests.factories import SyncedPromoCodeFactory

CATALOGUE = Catalogue("price_monthly", "prod_monthly", "price_annual", "prod_setup")


@pytest.mark.slow
@pytest.mark.django_db
def test_history_written_twice_is_the_same(now: datetime) -> None:
    for text in ("LAUNCH50", "TESTCLIENT70"):
        SyncedPromoCodeFactory(code=text)
    written = len(list(history.record(CATALOGUE, today=now)))
    checks, entries = CodeCheck.objects.count(), LedgerEntry.objects.count()
    list(history.record(CATALOGUE, today=now))
    checkouts = LedgerEntry.objects.filter(kind="checkout")
    assert (written, checkouts.count()) == (history.ORDERS, history.ORDERS)
    assert LedgerEntry.objects.count() == entries > checkouts.count()
    assert CodeCheck.objects.count() == checks
    steps = [
        CodeView.objects.count(),
        CodeCheck.objects.count(),
        CodeCheck.objects.filter(reason="").count(),
        CheckoutAttempt.objects.count(),
        CheckoutAttempt.objects.filter(state="completed").count(),
    ]
    assert steps == sorted(steps, reverse=True)
    assert steps[-1] == PromoCodeUsage.objects.count()


@pytest.mark.slow
@pytest.mark.django_db
def test_history_that_was_stopped_goes_on_as_if_it_had_not_been(now: datetime) -> None:
    story = history.record(CATALOGUE, today=now)
    for _ in range(20):
        next(story)
    list(history.record(CATALOGUE, today=now))
    assert LedgerEntry.objects.filter(kind="checkout").count() == history.ORDERS
