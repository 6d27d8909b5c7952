"""What stands before every page."""

import logging

import pytest
from django.test import Client
from django.utils import translation

from config.middleware import FORM
from promos.webhooks import inbox
from tests.promos import stripe_events


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("scanner.test", "scanner.test"),
        ("no host at all", "no host at all"),
        ("a" * 1_000, "a" * 253),
    ],
)
def test_unknown_host_is_refused_in_one_line(
    host: str, told: str, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    response = client.get("/healthz", headers={"host": host})
    assert response.status_code == 400
    assert caplog.messages == [f"Refused the host '{told}', which is not in ALLOWED_HOSTS."]
    assert [(record.levelno, record.exc_info) for record in caplog.records] == [(logging.WARNING, None)]


@pytest.mark.django_db
def test_known_host_is_served(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    assert client.get("/accounts/login/", headers={"host": "127.0.0.1:8000"}).status_code == 200
    assert caplog.messages == []


@pytest.mark.parametrize("charset", ["utf-7", "utf-16", "latin-1"])
def test_form_in_another_charset_is_refused_without_a_failure(db: None, charset: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.get("/accounts/login/")
    answer = client.post("/accounts/login/", b"login=x", content_type=f"{FORM}; charset={charset}")
    assert answer.status_code == 415
    assert (
        client.post("/accounts/login/", b"login=x", content_type=f"{FORM}; charset=UTF-8").status_code == 403
    )


@pytest.mark.django_db
def test_event_meets_only_what_is_for_all(client: Client, settings) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = [stripe_events.SECRET]
    answer = stripe_events.deliver(client, stripe_events.event("checkout.session.expired"))
    assert (answer.status_code, answer["X-Content-Type-Options"]) == (200, "nosniff")
    assert not {"Content-Security-Policy", "Content-Language", "Vary"} & set(answer.headers)


@pytest.mark.django_db
def test_event_is_not_taken_in_the_language_of_the_last_visitor(
    client: Client, settings, monkeypatch
) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = [stripe_events.SECRET]
    spoken: list[str] = []
    monkeypatch.setattr(inbox, "take", lambda *args, **kwargs: spoken.append(translation.get_language()))
    with translation.override("de"):
        stripe_events.deliver(client, stripe_events.event("checkout.session.expired"))
    assert spoken == [settings.LANGUAGE_CODE]


@pytest.mark.django_db
def test_unknown_address_beside_the_webhooks_is_no_page(client: Client) -> None:
    answer = client.post("/api/webhooks/elsewhere/")
    assert (answer.status_code, "Content-Security-Policy" in answer) == (404, True)
