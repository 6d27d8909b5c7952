"""What a monitor is told."""

from datetime import timedelta

import pytest
from django.db import OperationalError, connection

from promos import health
from promos.models import DriftFinding, PromoCode, ReconcileRun, StripePace
from promos.sync.drift import doctor
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_tried_yet():
    health._takes_writes.cache_clear()


def test_healthy_installation_answers_200(client, now):
    factories.WebhookEventFactory(received_at=now, processed_at=now, mirrored_at=now)

    response = client.get("/healthz")

    answer = response.json()
    assert response.status_code == 200
    assert (answer["ok"], answer["database"], answer["queue_age_seconds"]) == (True, "ok", 0)
    assert answer["last_webhook_at"].startswith(now.strftime("%Y-%m-%dT%H:%M:%S"))


def test_fresh_installation_answers_200(client):
    assert client.get("/healthz").json()["last_webhook_at"] is None


@pytest.mark.parametrize(("minutes", "status"), [(9, 200), (11, 503)])
def test_event_nobody_took_up_is_noticed(client, now, minutes, status):
    factories.WebhookEventFactory(received_at=now - timedelta(minutes=minutes))

    response = client.get("/healthz")

    assert response.status_code == status
    assert response.json()["ok"] is (status == 200)


@pytest.mark.parametrize("column", ["updated_at", "next_try_at"])
def test_code_nobody_pushed_is_noticed(now, column):
    code = factories.PromoCodeFactory()
    row = PromoCode.objects.filter(pk=code.pk)
    row.update(**{"next_try_at": None, column: now - timedelta(hours=1)})

    assert health.check(now).queue_age == timedelta(hours=1)


@pytest.mark.parametrize(("minutes", "is_good"), [(9, True), (11, False)])
def test_long_line_is_late_only_when_the_worker_stands_still(now, minutes, is_good):
    code = factories.PromoCodeFactory()
    PromoCode.objects.filter(pk=code.pk).update(next_try_at=None, updated_at=now - timedelta(hours=1))
    last_call_at = now - timedelta(minutes=minutes)
    StripePace.objects.create(name="all", rate=20, next_at=last_call_at.timestamp())

    assert health.check(now).is_good is is_good


def test_failure_that_waits_for_its_next_try_is_not_late(now):
    factories.WebhookEventFactory(received_at=now - timedelta(days=1), next_try_at=now + timedelta(minutes=5))

    assert health.check(now).is_good


def test_last_comparison_with_stripe_is_told(client, standin, now):
    code = factories.SyncedPromoCodeFactory()
    PromoCode.objects.filter(pk=code.pk).update(sync_status="conflict", sync_error="Why.")
    doctor.run(is_repairing=False, now=now)

    answer = client.get("/healthz").json()

    assert answer["reconciled_at"].startswith(now.strftime("%Y-%m-%dT%H:%M:%S"))
    assert answer["differences"] == DriftFinding.objects.count() > 0


def test_comparison_that_broke_off_is_told_without_its_reason(client, now):
    ReconcileRun.objects.create(started_at=now, finished_at=now, error="KeyError: 'anna@example.com'")

    response = client.get("/healthz")

    assert response.json()["comparison"] == "broke off: the admin says why"
    assert b"anna" not in response.content


def test_unreachable_database_answers_503(client):
    def fail(execute, sql, params, many, context):
        raise OperationalError("connection refused")

    with connection.execute_wrapper(fail):
        response = client.get("/healthz")

    assert (response.status_code, response.json()) == (503, {"ok": False, "database": "unreachable"})


def full(execute, sql, params, many, context):
    if sql.startswith(("INSERT", "UPDATE", "DELETE")):
        raise OperationalError("database or disk is full")
    return execute(sql, params, many, context)


def test_full_disk_answers_503(client):
    with connection.execute_wrapper(full):
        response = client.get("/healthz")

    answer = response.json()
    assert (response.status_code, answer["database"]) == (503, "takes no writes: is its disk full?")
    assert answer["queue"] == "ok"


def test_writing_is_tried_once_in_a_while(now, monkeypatch):
    monkeypatch.setattr(health.time, "monotonic", lambda: 5.0)
    health.check(now)
    with connection.execute_wrapper(full):
        assert health.check(now).is_good

    monkeypatch.setattr(health.time, "monotonic", lambda: 15.0)
    with connection.execute_wrapper(full):
        assert not health.check(now).is_good
