"""What waits for the owner, counted."""

from datetime import datetime, timedelta

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from analytics import needs
from analytics.models import Alert, AlertMessage
from promos.models import ReconcileRun
from tests.analytics.builders import set_sync
from tests.factories import LONG_AGO, CampaignFactory, PromoCodeFactory, WebhookEventFactory

pytestmark = pytest.mark.django_db


def test_codes_in_need_counts_each_trouble(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    set_sync(PromoCodeFactory(), "error")
    set_sync(PromoCodeFactory(archived_at=LONG_AGO), "error")
    set_sync(PromoCodeFactory(archived_at=LONG_AGO), "conflict")
    set_sync(PromoCodeFactory(), "pending", "Stripe cannot be reached.")
    set_sync(PromoCodeFactory(), "pending")
    PromoCodeFactory(approved_at=None)
    PromoCodeFactory(needs_review=True)
    for used_count in (7, 8, 10):
        PromoCodeFactory(max_redemptions=10, used_count=used_count)

    with django_assert_num_queries(7):
        row = needs.codes_in_need(LONG_AGO)

    assert row == needs.CodesInNeed(
        failed=1, conflicting=1, retrying=1, expiring=0, running_out=1, waiting=1, to_review=1
    )


@pytest.mark.parametrize(
    ("limit", "used", "running_out"),
    [(2, 1, 0), (4, 3, 0), (5, 4, 1), (7, 5, 0), (7, 6, 1), (7, 7, 0), (2**31 - 1, 1, 0)],
)
def test_code_runs_out_from_four_fifths_of_its_limit_on(limit: int, used: int, running_out: int) -> None:
    PromoCodeFactory(max_redemptions=limit, used_count=used)

    assert needs.codes_in_need(LONG_AGO).running_out == running_out


def test_campaigns_in_need_are_counted() -> None:
    for spent, promised in ((79, 0), (40, 40), (100, 0)):
        CampaignFactory(currency="usd", budget_amount=100, spent_amount=spent, promised_amount=promised)
    CampaignFactory(needs_approval=True)
    CampaignFactory(needs_approval=True, approved_at=LONG_AGO)

    assert (needs.budgets_nearly_spent(), needs.campaigns_waiting()) == (2, 1)


@pytest.mark.parametrize(
    ("left", "expiring"),
    [(timedelta(0), 0), (timedelta(seconds=1), 1), (timedelta(days=7), 1), (timedelta(days=7, seconds=1), 0)],
)
def test_codes_in_need_counts_those_of_the_next_seven_days(left: timedelta, expiring: int) -> None:
    PromoCodeFactory(expires_at=LONG_AGO + left)
    PromoCodeFactory(expires_at=LONG_AGO + left, archived_at=LONG_AGO)

    assert needs.codes_in_need(LONG_AGO).expiring == expiring


def test_differences_are_those_that_the_last_run_left_besides_conflicts(now: datetime) -> None:
    found = {"sentence": "It differs.", "outcome": "for_owner", "found_at": now}
    for started_at in (now, now + timedelta(hours=1)):
        run = ReconcileRun.objects.create(started_at=started_at, finished_at=started_at)
        for kind in ("counter_gap", "conflict", "not_pushed"):
            run.findings.create(kind=kind, **found)
        run.findings.create(kind="edited_there", **found | {"outcome": "repaired"})

    assert needs.differences() == 1


def test_failed_webhooks_are_those_still_to_process() -> None:
    WebhookEventFactory(error="It broke.")
    WebhookEventFactory(error="It broke once.", processed_at=LONG_AGO)
    WebhookEventFactory()

    assert needs.failed_webhooks() == 1


def test_thresholds_are_settings(settings: Settings) -> None:
    settings.ALERT_BUDGET_PERCENT, settings.ALERT_EXPIRES_DAYS = 50, 2
    for spent in (49, 50):
        CampaignFactory(currency="usd", budget_amount=100, spent_amount=spent)
    for days in (2, 3):
        PromoCodeFactory(expires_at=LONG_AGO + timedelta(days=days))

    assert (needs.budgets_nearly_spent(), needs.codes_in_need(LONG_AGO).expiring) == (1, 1)


def test_open_alerts_leave_out_what_is_counted_by_itself() -> None:
    seen = {"opened_at": LONG_AGO, "seen_at": LONG_AGO}
    for kind in ("guessing", "budget", "expiring", "sync_failed"):
        Alert.objects.create(kind=kind, **seen)
    Alert.objects.create(kind="webhooks_silent", closed_at=LONG_AGO, **seen)

    assert [alert.kind for alert in needs.open_alerts()] == ["guessing"]


def test_undelivered_messages_are_those_of_a_week() -> None:
    alert = Alert.objects.create(kind="guessing", opened_at=LONG_AGO, seen_at=LONG_AGO)
    kept = {"alert": alert, "created_at": LONG_AGO}
    AlertMessage.objects.create(event="opened", channel="mail", error="Refused.", **kept)
    AlertMessage.objects.create(event="opened", channel="webhook", sent_at=LONG_AGO, **kept)
    AlertMessage.objects.create(event="closed", channel="webhook", **kept)

    assert needs.undelivered_messages(LONG_AGO + timedelta(days=6)) == 1
    assert needs.undelivered_messages(LONG_AGO + timedelta(days=7)) == 0
