from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Event, Thread

import pytest
import requests
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from promos import promo_codes, redemptions, stripe_gateway, worker
from promos.billing import overdue
from promos.models import CheckoutAttempt, Customer, LedgerEntry, PromoCode, ReconcileRun
from promos.standin.server import Standin
from promos.sync import push
from tests.factories import LedgerEntryFactory, PromoCodeFactory, SyncedPromoCodeFactory
from tests.promos import sides

pytestmark = pytest.mark.django_db

#: In this database alone: another on the same server may have a worker too.
END_OF_LISTENER = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND query = 'LISTEN promos_push'
"""


def open_attempt(customer: Customer, code: PromoCode, now: datetime) -> CheckoutAttempt:
    """A checkout held here that ended half an hour ago, its session not opened yet."""
    customer.stripe_customer_id = stripe_gateway.create_customer({}, idempotency_key="customer")["id"]
    customer.save()
    attempt = CheckoutAttempt(customer=customer, promo_code=code, plan="price_1", currency="usd")
    attempt.created_at, attempt.expires_at = now - timedelta(hours=1), now - timedelta(minutes=30)
    return redemptions.hold(attempt)


def opened_session(attempt: CheckoutAttempt) -> str:
    line = {"currency": "usd", "unit_amount": 500, "product_data": {"name": "Team"}}
    params = {
        "mode": "payment",
        "customer": attempt.customer.stripe_customer_id,
        "line_items": [{"price_data": line, "quantity": 1}],
        "success_url": "https://example.com/",
        "metadata": {"promodesk_attempt": str(attempt.pk)},
    }
    return str(stripe_gateway.create_checkout_session(params, idempotency_key="session")["id"])


def held(code: PromoCode) -> int:
    return PromoCode.objects.get(pk=code.pk).held_count


def test_worker_says_where_it_asks_stripe_and_that_it_stopped(
    standin: Standin, caplog: pytest.LogCaptureFixture
) -> None:
    stop = Event()
    stop.set()
    worker.run(stop)
    assert caplog.messages == [f"The worker started; Stripe is asked at {standin.url}", "The worker stopped"]


def test_an_overdue_checkout_without_a_session_is_released(
    standin: Standin, customer: Customer, now: datetime
) -> None:
    code = PromoCodeFactory()
    open_attempt(customer, code, now)
    assert overdue.work(now) == 1
    assert (held(code), CheckoutAttempt.objects.get().state) == (0, "failed")


def test_an_overdue_checkout_that_is_still_open_keeps_its_hold(
    standin: Standin, customer: Customer, now: datetime
) -> None:
    code = PromoCodeFactory()
    opened_session(open_attempt(customer, code, now))
    assert overdue.work(now) == 1
    assert held(code) == 1
    assert (overdue.work(now), overdue.work(now + timedelta(minutes=5))) == (0, 1)


def test_an_overdue_checkout_that_expired_at_stripe_is_released(
    standin: Standin, customer: Customer, now: datetime
) -> None:
    code = PromoCodeFactory()
    stripe_gateway.expire_checkout_session(opened_session(open_attempt(customer, code, now)))
    overdue.work(now)
    assert (held(code), CheckoutAttempt.objects.get().state) == (0, "expired")


@pytest.mark.parametrize("fault", [{"gone": True}, {"amount_total": "strange"}])
def test_an_overdue_checkout_that_cannot_be_read_does_not_stop_the_next(
    standin: Standin, customer: Customer, now: datetime, fault: dict[str, object]
) -> None:
    strange, code = PromoCodeFactory(), PromoCodeFactory()
    session = opened_session(open_attempt(customer, strange, now))
    CheckoutAttempt.objects.update(stripe_session_id=session)
    answers = {"status": "complete", "payment_status": "paid", **fault}
    sides.answer_instead(standin, f"/v1/checkout/sessions/{session}", **answers)
    second = open_attempt(customer, code, now)
    assert overdue.work(now) == 2
    assert CheckoutAttempt.objects.get(pk=second.pk).state == "failed"
    assert (held(strange), held(code)) == (0 if "gone" in fault else 1, 0)


def test_an_overdue_checkout_that_stripe_does_not_know_is_released(
    standin: Standin, customer: Customer, now: datetime
) -> None:
    attempt = open_attempt(customer, PromoCodeFactory(), now)
    CheckoutAttempt.objects.update(stripe_session_id="cs_test_of_another_account", state="open")
    assert overdue.work(now) == 1
    assert (held(attempt.promo_code), CheckoutAttempt.objects.get().state) == (0, "failed")


def test_an_overdue_checkout_of_a_customer_deleted_at_stripe_is_released(
    standin: Standin, customer: Customer, now: datetime
) -> None:
    attempt = open_attempt(customer, PromoCodeFactory(), now)
    sides.refuse(standin, "/v1/checkout/sessions", code="resource_missing", param="customer")
    assert overdue.work(now) == 1
    assert (held(attempt.promo_code), CheckoutAttempt.objects.get().state) == (0, "failed")


def test_overdue_checkouts_wait_while_stripe_is_down(
    standin: Standin, customer: Customer, now: datetime, settings: Settings
) -> None:
    code = PromoCodeFactory()
    opened_session(open_attempt(customer, code, now))
    settings.STRIPE_HOST = "http://127.0.0.1:9"
    assert worker.work(now) >= 0
    assert (held(code), LedgerEntry.objects.count()) == (1, 0)


def test_a_late_payment_is_asked_after_ever_more_seldom(
    standin: Standin, customer: Customer, now: datetime
) -> None:
    attempt = open_attempt(customer, PromoCodeFactory(), now)
    sides.answer_instead(standin, "/v1/checkout/sessions/", status="complete", payment_status="unpaid")
    CheckoutAttempt.objects.update(stripe_session_id=opened_session(attempt), state="open")
    assert [day for day in range(16) if overdue.work(now + timedelta(days=day))] == [0, 1, 3, 7, 15]
    assert held(attempt.promo_code) == 1


def test_sync_worker_once_does_all_that_is_due(standin: Standin, capsys: pytest.CaptureFixture[str]) -> None:
    PromoCodeFactory.create_batch(3)
    call_command("sync_worker", "--once", "--json")
    assert capsys.readouterr().out == '{"done": 3}\n'
    assert not PromoCode.objects.exclude(sync_status="synced").exists()


@pytest.mark.django_db(transaction=True)
def test_sync_promo_codes_pushes_without_the_signal(
    standin: Standin, capsys: pytest.CaptureFixture[str]
) -> None:
    code = PromoCodeFactory(sync_status="error")
    PromoCode.objects.filter(pk=code.pk).update(sync_status="error")
    call_command("sync_promo_codes", "--json")
    assert capsys.readouterr().out == '{"ok": true, "counts": {"synced": 1}}\n'


@pytest.mark.django_db(transaction=True)
def test_sync_promo_codes_fails_when_stripe_is_down() -> None:
    PromoCodeFactory()
    with pytest.raises(CommandError, match="1 not in step"):
        call_command("sync_promo_codes")


@pytest.mark.django_db(transaction=True)
def test_run_pushes_a_saved_code_and_stops(standin: Standin) -> None:
    with running():
        code = PromoCodeFactory()
        promo_codes.pause(code, now=timezone.now())
        assert eventually(lambda: PromoCode.objects.get(pk=code.pk).sync_status == "synced")


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgresql
def test_run_goes_on_when_the_database_ends_its_connection(
    standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "PAUSE_SECONDS", 0.1)
    with running():
        assert eventually(lambda: fetched(END_OF_LISTENER) == [(True,)])
        assert pushes_a_new_code()


@pytest.mark.django_db(transaction=True)
def test_run_goes_on_when_something_strange_is_raised(
    standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange = [KeyError("status")]
    monkeypatch.setattr(worker, "PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(worker.overdue, "work", lambda now: raise_next(strange))
    with running():
        assert eventually(lambda: not strange)
        assert pushes_a_new_code()


@pytest.mark.django_db(transaction=True)
def test_rounds_go_on_when_something_strange_is_raised(
    standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange = [KeyError("status")]
    monkeypatch.setattr(worker, "ROUND_SECONDS", 0.05)
    monkeypatch.setattr(worker.redemptions, "link_known", lambda now: raise_next(strange))
    with running():
        assert eventually(lambda: ReconcileRun.objects.filter(finished_at__isnull=False).exists())


@pytest.mark.django_db(transaction=True)
def test_the_hourly_round_is_made_once(standin: Standin, now: datetime) -> None:
    worker.make_round(now)
    worker.make_round(now)
    assert ReconcileRun.objects.count() == 1
    worker.make_round(now + timedelta(hours=1))
    assert ReconcileRun.objects.count() == 2


@pytest.mark.parametrize("place", ["promos.backfill.missed.catch_up", "promos.redemptions.link_known"])
def test_what_breaks_off_in_a_round_is_made_again_in_an_hour(
    place: str, standin: Standin, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    met: list[datetime] = []

    def strange(*, now: datetime) -> None:
        met.append(now)
        raise KeyError("status")

    monkeypatch.setattr(place, strange)
    for seconds in (0, 30, 3_600):
        worker.make_round(now + timedelta(seconds=seconds))
    assert met == [now, now + timedelta(hours=1)]
    assert ReconcileRun.objects.filter(error="").count() == 2


def test_a_round_that_an_outage_broke_off_is_made_soon(now: datetime) -> None:
    with pytest.raises(stripe_gateway.Unavailable):
        worker.make_round(now)
    assert not ReconcileRun.objects.exists()


def test_a_failed_late_payment_whose_event_was_lost_is_soon_known(
    standin: Standin, customer: Customer, now: datetime, settings: Settings
) -> None:
    deaf = {"url": "http://127.0.0.1:9/", "enabled_events": ["checkout.session.async_payment_failed"]}
    stripe_gateway.create_webhook_endpoint(deaf, idempotency_key="deaf")
    attempt = open_attempt(customer, PromoCodeFactory(), now)
    session = opened_session(attempt)
    page = stripe_gateway.retrieve_checkout_session(session)["url"]
    requests.post(page, {"action": "bank", "email": "buyer@example.com"}, timeout=10, allow_redirects=False)
    worker.make_round(now)
    standin.hooks.fail_payment(session)
    assert held(attempt.promo_code) == 1
    worker.make_round(now + timedelta(minutes=1))
    assert (held(attempt.promo_code), LedgerEntry.objects.count()) == (0, 0)


def eventually(is_so: Callable[[], bool]) -> bool:
    """Look every 50 ms; a machine with other work gets half a minute."""
    return any(is_so() or Event().wait(0.05) for _ in range(600))


def pushes_a_new_code() -> bool:
    code = PromoCodeFactory()
    return eventually(lambda: PromoCode.objects.get(pk=code.pk).sync_status == "synced")


def fetched(sql: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def raise_next(errors: list[Exception]) -> int:
    if errors:
        raise errors.pop()
    return 0


@contextmanager
def running() -> Iterator[None]:
    """The worker beside the test; it ends with it, whatever became of the test."""
    stop = Event()
    thread = Thread(target=run_and_close, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()


def run_and_close(stop: Event) -> None:
    try:
        worker.run(stop)
    finally:
        connection.close()


def test_a_wrong_key_stops_the_worker_and_keeps_the_code_pending(
    standin: Standin, now: datetime, settings: Settings
) -> None:
    code = PromoCodeFactory()
    settings.STRIPE_SECRET_KEY = "not_a_key"
    with pytest.raises(stripe_gateway.NotAuthorised):
        push.work(now)
    code.refresh_from_db()
    assert (code.sync_status, code.lease_token) == ("pending", "")


def test_the_hourly_round_links_orders_whose_code_came_in_the_same_moment(
    standin: Standin, now: datetime
) -> None:
    code = SyncedPromoCodeFactory()
    raw = {"stripe_promotion_code_id": f"promo_{code.pk}", "redemption_key": "sub_1", "discount_amount": 500}
    LedgerEntryFactory(**raw)
    worker.make_round(now)
    assert PromoCode.objects.get(pk=code.pk).used_count == 1
    assert code.usages.get().discount_amount == 500
