"""The cast and the stage of the tests: an owner, a customer, a stranger, and a running stand-in for Stripe."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connections
from playwright.sync_api import expect
from pytest_django import DjangoDbBlocker, Settings

from promos.models import Customer
from promos.standin import server
from promos.standin.server import Standin
from tests import factories

PASSWORD = "promodesk-tests"
CHROMIUM = "/usr/bin/chromium"
IN_CI = os.environ.get("CI") == "true"


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """On SQLite use a file of this run's own: memory would hide every lock, a fixed name clash with other runs.

    On PostgreSQL begin with a copy of the database TEST_TEMPLATE, if it is set: CI migrates once, not in each process.
    """
    database = connections["default"].settings_dict
    if database["ENGINE"] == "django.db.backends.sqlite3":
        database["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")
    else:
        database["TEST"]["TEMPLATE"] = os.environ.get("TEST_TEMPLATE")


@pytest.fixture(scope="session", autouse=True)
def _no_sessions_left(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """End what servers and threads of the tests left open: PostgreSQL drops no database that is in use."""
    yield
    with django_db_blocker.unblock():
        connection = connections["default"]
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )


@pytest.fixture(autouse=True)
def _plain_settings(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    # Each test's client would read every static file's stats anew.
    settings.WHITENOISE_AUTOREFRESH = True
    # A port nobody listens on: a test that does not ask for the stand-in finds Stripe down.
    settings.STRIPE_HOST = "http://127.0.0.1:9"


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def standin(settings: Settings) -> Iterator[Standin]:
    """A stand-in of this test's own, to which the product's calls go."""
    running = server.start(port=0)
    settings.STRIPE_HOST = running.url
    yield running
    running.stop()


@pytest.fixture
def owner(db: None) -> User:
    return factories.user("owner@example.com", PASSWORD, is_staff=True, is_superuser=True)


@pytest.fixture
def customer(db: None) -> Customer:
    user = factories.user("customer@example.com", PASSWORD)
    return factories.CustomerFactory(user=user, email=user.email)


@pytest.fixture
def stranger(db: None) -> User:
    """Somebody with an account here and no rights."""
    return factories.user("stranger@example.com", PASSWORD)


@pytest.fixture
def _fresh_cache(db: None) -> None:
    cache.clear()


def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores: browsers, processes and Stripe's answers are waited for."""
    return (os.cpu_count() or 1) + 1


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", metavar="DIR", help="keep the pictures of the README there")


@pytest.fixture(scope="session", autouse=True)
def _patient_browser() -> None:
    """What is to appear may take its time where several tests share a core."""
    expect.set_options(timeout=20_000)


def has_chromium() -> bool:
    return Path(CHROMIUM).exists() or shutil.which("chromium") is not None


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, object]) -> dict[str, object]:
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": ["--no-sandbox"]}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is about the other database; say why a browser test is left out where there is no browser."""
    other = "postgresql" if connections["default"].vendor == "sqlite" else "sqlite"
    if elsewhere := [item for item in items if item.get_closest_marker(other)]:
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = [item for item in items if item not in elsewhere]
    missing = pytest.mark.skip(reason="needs Chromium (Debian: apt install chromium)")
    for item in items:
        if item.get_closest_marker("browser") and not has_chromium():
            item.add_marker(missing)


def pytest_collection_finish() -> None:
    """Spare the garbage collector what the imports left: it takes a tenth of the time to look at it over and over."""
    gc.freeze()
    gc.set_threshold(100_000)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a test that is left out is a failure: there everything is installed."""
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"Left out in CI: {report.longrepr}"
    return report
