"""The whole house for journeys: a real web process on the test's database, webhooks delivered to it over HTTP."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
import requests
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from analytics.demo import catalogue
from analytics.demo.visitor import Visitor
from promos import connect, plans, worker
from promos.standin.server import Standin


class House:
    """The web as its own process; the worker is run by the test, step by step."""

    processes = 1

    def __init__(self, standin: Standin, port: int) -> None:
        self.standin = standin
        self.bind = f"127.0.0.1:{port}"
        self.url = f"http://{self.bind}"

    def open(self) -> None:
        environment = os.environ | {
            "DATABASE_URL": database_url(),
            "STRIPE_API_HOST": self.standin.url,
            "SITE_URL": self.url,
            "WEB_BIND": self.bind,
            "WEB_CONCURRENCY": str(self.processes),
        }
        command = [sys.executable, "-m", "gunicorn", "config.wsgi", "--config", "config/gunicorn.py"]
        self.web = subprocess.Popen(  # noqa: S603
            [*command, "--log-level", "warning"], cwd=django_settings.BASE_DIR, env=environment
        )
        eventually(self._answers, seconds=60)

    def close(self) -> None:
        self.web.terminate()
        self.web.wait(20)

    def _answers(self) -> bool:
        with suppress(requests.RequestException):
            return bool(requests.get(f"{self.url}/healthz", timeout=5))
        return False

    def sign_in(self, user: User) -> Visitor:
        """Give a browser in which a person is signed in already: hashing the password takes half a second."""
        client = Client()
        client.force_login(user, django_settings.AUTHENTICATION_BACKENDS[0])
        visitor = Visitor(self.url)
        name = django_settings.SESSION_COOKIE_NAME
        visitor.session.cookies.set(name, client.cookies[name].value)
        # Any page brings the token that forms are sent with.
        visitor.get("/billing/")
        return visitor


def database_url() -> str:
    """Return the address of the test's database for another process."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    server = connection.settings_dict
    return f"postgres://{server['USER']}:{server['PASSWORD']}@{server['HOST']}:{server['PORT']}/{name}"


def eventually(is_so: Callable[[], object], *, seconds: float = 15) -> None:
    """Work and wait until something holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it never came about"
        worker.work(timezone.now())
        time.sleep(0.02)


@pytest.fixture
def house(transactional_db: None, standin: Standin, settings: Settings, live_port: int) -> Iterator[House]:
    built = House(standin, live_port)
    settings.SITE_URL = built.url
    try:
        built.open()
        assert all(step.ok for step in connect.run(now=timezone.now()))
        yield built
    finally:
        built.close()


@pytest.fixture
def live_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def shop(house: House) -> catalogue.Catalogue:
    """The demo's plans, made at Stripe and arrived here by webhook."""
    made = catalogue.ensure()
    eventually(lambda: plans.get(made.monthly_price) and plans.get(made.annual_price))
    return made
