"""An alert from its opening to its end, and what is sent about it."""

import hashlib
import hmac
import json
import logging
import smtplib
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from threading import Event, Thread
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core import mail as django_mail
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from pytest_django import Settings

from analytics import outbox, turns, webhook
from analytics.alerts import rounds, rules, sending, watch
from analytics.alerts.findings import Finding
from analytics.models import Alert, AlertMessage
from promos import rounds as worker_rounds
from promos import worker
from tests import factories
from tests.crowd import at_once

NOW = datetime(2026, 6, 30, 12, 20, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SILENCE = Finding(Alert.Kind.WEBHOOKS_SILENT, "", "No webhook has come.", "/admin/health/")
SECRET = "whsec_of_the_test"

pytestmark = pytest.mark.django_db


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """What the rules find, to be changed by the test."""
    findings = [SILENCE]
    monkeypatch.setattr(rules, "look", lambda now: list(findings))
    return findings


class Listener(ThreadingHTTPServer):
    """Somebody's server: answers with the next of ``answers`` (200 after them).

    None: hangs until released; 0: dribbles the head of its answer until then.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/hook?key=hidden"
        self.heard: list[tuple[bytes, str]] = []
        self.answers: list[int | None] = []
        self.released = Event()
        Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    server: Any

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append((body, self.headers[webhook.HEADER]))
        status = self.server.answers.pop(0) if self.server.answers else 200
        if status is None:
            self.server.released.wait(5)
            return
        if status == 0:
            self._dribble()
            return
        self.send_response(status)
        self.send_header("Location", self.server.url)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _dribble(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        with suppress(OSError):
            for _ in range(600):
                self.wfile.write(b"x")
                if self.server.released.wait(0.05):
                    return

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def listener(settings: Settings) -> Iterator[Listener]:
    server = Listener()
    settings.ALERT_WEBHOOK_URL, settings.ALERT_WEBHOOK_SECRET = server.url, SECRET
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()


def test_alert_opens_once_and_closes_when_it_is_over(found: list[Finding], owner: User) -> None:
    for minutes in (0, 5, 10):
        watch.keep(NOW + timedelta(minutes=minutes))
    alert = Alert.objects.get()
    assert (alert.opened_at, alert.seen_at) == (NOW, NOW + timedelta(minutes=10))
    found.clear()
    watch.keep(NOW + timedelta(minutes=39))
    assert Alert.objects.get().closed_at is None
    watch.keep(NOW + timedelta(minutes=40))
    assert Alert.objects.get().closed_at == NOW + timedelta(minutes=40)
    assert AlertMessage.objects.count() == 1  # the mail about its opening


def test_what_comes_and_goes_is_one_occurrence_and_later_another(found: list[Finding], owner: User) -> None:
    watch.keep(NOW)
    found.clear()
    watch.keep(NOW + timedelta(minutes=20))
    found.append(SILENCE)
    watch.keep(NOW + timedelta(minutes=25))
    assert Alert.objects.count() == 1
    watch.keep(NOW + HOUR)
    found.clear()
    watch.keep(NOW + 2 * HOUR)
    found.append(SILENCE)
    watch.keep(NOW + 3 * HOUR)
    assert list(Alert.objects.order_by("pk").values_list("closed_at", flat=True)) == [NOW + 2 * HOUR, None]


def test_database_holds_one_open_alert_of_a_kind() -> None:
    told = {"kind": "budget", "subject": "campaign:1", "opened_at": NOW, "seen_at": NOW}
    Alert.objects.create(**told, closed_at=NOW)
    Alert.objects.create(**told)
    with pytest.raises(IntegrityError), transaction.atomic():
        Alert.objects.create(**told)


def test_owners_get_one_mail_about_all_alerts(found: list[Finding], owner: User, settings: Settings) -> None:
    settings.ALERT_MAIL_TO = ["desk@example.com", "owner@example.com"]
    partner = factories.user("partner@example.com", "x", is_staff=True)
    partner.groups.add(Group.objects.get(name="Owner"))
    factories.user("viewer@example.com", "x", is_staff=True)
    factories.user("gone@example.com", "x", is_staff=True, is_superuser=True, is_active=False)
    found.append(Finding(Alert.Kind.BUDGET, "campaign:1", "Spring is nearly spent.", "/admin/spring/"))
    assert rounds.work(NOW) == 2
    assert rounds.work(NOW + DAY) == 0
    [mail] = django_mail.outbox
    assert sorted(mail.to) == ["desk@example.com", "owner@example.com", "partner@example.com"]
    assert mail.subject == "[Promodesk] No webhooks from Stripe and 1 more"
    assert "Spring is nearly spent.\nRaise the budget" in mail.body
    assert "http://127.0.0.1:8000/admin/spring/" in mail.body


def test_mail_server_that_refuses_is_tried_again(
    found: list[Finding], owner: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        raise smtplib.SMTPAuthenticationError(535, b"password hunter2 is wrong")

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refuse)
    assert rounds.work(NOW) == 0
    message = AlertMessage.objects.get()
    assert message.error == "The mail server refused it with code 535."
    monkeypatch.undo()
    assert sending.work(NOW + HOUR) == 1


def test_webhook_is_signed_as_a_receiver_checks_it(found: list[Finding], listener: Listener) -> None:
    assert rounds.work(NOW) == 1
    [(body, header)] = listener.heard
    moment, sent = (part.split("=")[1] for part in header.split(","))
    expected = hmac.new(SECRET.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    assert (int(moment), sent) == (int(NOW.timestamp()), expected)
    event = json.loads(body)
    assert (event["type"], event["data"]["kind"]) == ("alert.opened", "webhooks_silent")
    assert event["data"]["url"] == "http://127.0.0.1:8000/admin/health/"


def test_signature_is_the_known_one() -> None:
    """Reckoned with ``printf '1000000000.{}' | openssl dgst -sha256 -hmac secret``."""
    signed = webhook.signature(b"{}", secret="secret", now=datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC))
    assert signed == "t=1000000000,v1=10447a13c77e61914632c736653543f75b152b77a1573fc15a41baad63fc66a3"


def test_webhook_also_tells_that_it_is_over(found: list[Finding], listener: Listener) -> None:
    rounds.work(NOW)
    found.clear()
    rounds.work(NOW + HOUR)
    opened, closed = (json.loads(body) for body, _ in listener.heard)
    assert [opened["type"], closed["type"]] == ["alert.opened", "alert.closed"]
    assert opened["data"]["alert"] == closed["data"]["alert"]
    assert closed["data"]["closed_at"] == "2026-06-30T13:20:00+00:00"


def test_webhook_that_answers_500_is_tried_again(found: list[Finding], listener: Listener) -> None:
    listener.answers = [500, 307]  # after which a POST would be sent again as it is
    assert rounds.work(NOW) == 0
    assert AlertMessage.objects.get().error == "The webhook's address answered with status 500."
    assert sending.work(NOW + HOUR) == 0  # a redirect is not followed
    assert sending.work(NOW + 2 * HOUR) == 1
    ids = [json.loads(body)["id"] for body, _ in listener.heard]
    assert len(ids) == 3
    assert len(set(ids)) == 1
    message = AlertMessage.objects.get()
    assert (message.attempts, message.error, message.sent_at) == (3, "", NOW + 2 * HOUR)


def test_webhook_that_hangs_is_left_in_time(
    found: list[Finding], listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "TIMEOUTS", (0.2, 0.2))
    listener.answers = [None]
    assert rounds.work(NOW) == 0
    assert AlertMessage.objects.get().error == "The webhook's address did not answer in time."


def test_webhook_that_dribbles_is_left_in_time(
    found: list[Finding], listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "TIMEOUTS", (0.5, 0.5))
    monkeypatch.setattr(webhook, "IN_ALL_SECONDS", 0.3)
    listener.answers = [0]
    began = time.monotonic()
    assert rounds.work(NOW) == 0
    assert time.monotonic() - began < 15  # it would dribble for 30
    assert AlertMessage.objects.get().error == "The webhook's address did not answer in time."


def test_webhook_that_refuses_keeps_every_secret_out_of_log_and_row(
    found: list[Finding], settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        settings.ALERT_WEBHOOK_URL = f"http://127.0.0.1:{unused.getsockname()[1]}/hook?key=hidden"
        settings.ALERT_WEBHOOK_SECRET = SECRET
        with caplog.at_level(logging.DEBUG):
            assert rounds.work(NOW) == 0
    kept = caplog.text + AlertMessage.objects.get().error
    assert "could not be reached" in kept
    assert SECRET not in kept
    assert "hidden" not in kept


def test_webhook_is_given_up_after_three_days_and_the_owner_told(
    found: list[Finding], listener: Listener, client: Client, owner: User, settings: Settings
) -> None:
    factories.PromoCodeFactory()
    listener.answers = [500] * 3
    now = datetime.now(UTC)
    for later in (timedelta(), DAY, 3 * DAY):
        rounds.work(now + later)
    message = AlertMessage.objects.get(channel="webhook")
    assert (message.given_up_at, message.attempts) == (now + 3 * DAY, 3)
    assert sending.work(now + 4 * DAY) == 0
    client.force_login(owner)
    assert "could not be sent" in client.get("/admin/").content.decode()


def test_crash_between_claim_and_send_loses_nothing(found: list[Finding], listener: Listener) -> None:
    watch.keep(NOW)
    claimed = outbox.claim(AlertMessage.objects.all(), now=NOW)
    assert len(claimed) == 1
    # The process that claimed it is killed here.
    assert sending.work(NOW + timedelta(minutes=1)) == 0
    assert sending.work(NOW + outbox.LEASE) == 1
    assert len(listener.heard) == 1


def test_late_finisher_does_not_touch_what_another_sent(found: list[Finding], listener: Listener) -> None:
    watch.keep(NOW)
    [slow] = outbox.claim(AlertMessage.objects.all(), now=NOW)
    sending.work(NOW + outbox.LEASE)
    outbox.send([slow], lambda: None, now=NOW + HOUR)
    message = AlertMessage.objects.get()
    assert (message.sent_at, message.attempts) == (NOW + outbox.LEASE, 1)


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_the_webhook_is_sent(
    found: list[Finding], listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_ones: list[bool] = []
    post = webhook.post
    monkeypatch.setattr(
        webhook, "post", lambda *a, **k: (open_ones.append(connection.in_atomic_block), post(*a, **k))
    )
    assert rounds.work(NOW) == 1
    assert open_ones == [False]


def run(*words: str) -> dict[str, Any]:
    """Run the command and return its JSON, whatever its exit status."""
    out = StringIO()
    with suppress(CommandError):
        call_command("check_alerts", *words, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_command_lists_open_alerts_and_sends_them(found: list[Finding], owner: User) -> None:
    told = run()
    assert ([alert["kind"] for alert in told["alerts"]], told["sent"]) == (["webhooks_silent"], 1)
    with pytest.raises(CommandError, match=r"1 open\."):
        call_command("check_alerts")


def test_command_tries_every_way_out(owner: User, listener: Listener) -> None:
    listener.answers = [404]
    assert run("--test") == {"mail": "", "webhook": "The webhook's address answered with status 404."}
    assert run("--test") == {"mail": "", "webhook": ""}
    assert json.loads(listener.heard[0][0])["type"] == "alert.test"
    assert "This is a test" in django_mail.outbox[0].body
    assert django_mail.outbox[0].subject == "[Promodesk] Test of alerts, nothing is wrong"
    assert not Alert.objects.exists()


def test_command_says_that_nobody_is_told() -> None:
    with pytest.raises(CommandError, match="Nothing was sent"):
        call_command("check_alerts", "--test")


def test_unknown_kind_in_the_settings_is_refused(settings: Settings) -> None:
    settings.ALERTS_OFF = ["budget", "everything"]
    with pytest.raises(ImproperlyConfigured, match="no kind of alert: everything"):
        rules.refuse_unknown_kinds()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_many_watches_open_one_alert(found: list[Finding], owner: User) -> None:
    at_once(watch.keep, [NOW] * 6)
    assert (Alert.objects.count(), AlertMessage.objects.count()) == (1, 1)


def test_turn_is_taken_by_one_worker_at_a_time() -> None:
    five = timedelta(minutes=5)
    assert [turns.take("x", every=five, now=NOW) for _ in range(2)] == [True, False]
    assert turns.take("y", every=five, now=NOW)
    assert not turns.take("x", every=five, now=NOW + five - timedelta(seconds=1))
    assert [turns.take("x", every=five, now=NOW + five) for _ in range(2)] == [True, False]


def test_worker_makes_the_rounds_and_survives_one_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(now: datetime) -> int:
        raise ValueError("a bug")

    assert "alerts" in worker_rounds.REGISTRY
    monkeypatch.setattr(worker_rounds, "REGISTRY", {"broken": broken, "good": lambda now: 2})
    assert worker.work(NOW) == 2


def test_home_shows_open_alerts_with_a_fix_and_a_link(
    found: list[Finding], client: Client, owner: User
) -> None:
    factories.PromoCodeFactory()
    client.force_login(owner)
    watch.keep(NOW)
    page = client.get("/admin/").content.decode()
    assert '<a href="/admin/health/">No webhook has come.</a>' in page
    assert "does it reach this site?" in page
    found.clear()
    watch.keep(NOW + HOUR)
    assert "No webhook has come." not in client.get("/admin/").content.decode()
