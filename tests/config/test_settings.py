"""Wrong settings stop every process at once, with a sentence."""

import logging
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from config import environment
from config.settings import DEFAULT_SECRET_KEY

HOOK = {"ALERT_WEBHOOK_SECRET": "whsec_x"}
LIVE = {"STRIPE_SECRET_KEY": "sk_live_" + "0" * 24}
OWN = {"SECRET_KEY": "one of their own"}
HOUSE = Path(settings.BASE_DIR)


@pytest.fixture
def refusal(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], str]:
    """What the settings say of an environment; empty when they take it."""

    def refused(environment: dict[str, str]) -> str:
        for name, value in ({"SECRET_KEY": DEFAULT_SECRET_KEY} | environment).items():
            monkeypatch.setenv(name, value)
        try:
            runpy.run_path(str(HOUSE / "config" / "settings.py"))
        except ImproperlyConfigured as error:
            return str(error)
        return ""

    return refused


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        (
            {"ALERT_WEBHOOK_URL": "ftp://example.com/", **HOOK},
            "ALERT_WEBHOOK_URL must be a full http:// or https:// address",
        ),
        ({"ALERT_WEBHOOK_URL": "https://me:secret@example.com/", **HOOK}, "must be a full http://"),
        ({"ALERT_WEBHOOK_URL": "https://example.com/"}, "needs an ALERT_WEBHOOK_SECRET"),
        ({"ALERT_EXPIRES_DAYS": "0"}, "a whole number, at least 1, not '0'. ALERTS_OFF turns alerts off."),
        ({"REPORT_EVERY": "day"}, "REPORT_EVERY must be one of week, month, not 'day'."),
        ({"SITE_URL": "promo.example.com"}, "SITE_URL must be a full http:// or https:// address"),
        ({"SITE_URL": "https://promo.example.com"}, "Set a SECRET_KEY of your own"),
        ({"SITE_URL": "https://promo.example.com", "SECRET_KEY": ""}, "Set a SECRET_KEY of your own"),
        ({"STRIPE_SECRET_KEY": "pk_test_" + "0" * 24}, "STRIPE_SECRET_KEY must look like sk_test_…"),
        (LIVE, "Set a SECRET_KEY of your own"),
        ({**LIVE, **OWN, "DEBUG": "true"}, "DEBUG must be off beside a live Stripe key."),
        ({**LIVE, **OWN, "STRIPE_API_HOST": "http://127.0.0.1:8421"}, "STRIPE_API_HOST must not be set"),
    ],
)
def test_wrong_settings_are_refused(
    environment: dict[str, str], sentence: str, refusal: Callable[[dict[str, str]], str]
) -> None:
    assert sentence in refusal(environment)


@pytest.mark.parametrize(
    "environment",
    [
        {"ALERT_WEBHOOK_URL": "https://example.com/hook?key=1", "REPORT_EVERY": "month", **HOOK},
        {"SITE_URL": "https://promo.example.com", **LIVE, **OWN},
    ],
)
def test_good_settings_are_taken(
    environment: dict[str, str], refusal: Callable[[dict[str, str]], str]
) -> None:
    assert refusal(environment) == ""


#: Every reader of the environment, what it was told, and what it then expects.
WRONG = [
    (environment.flag, {"default": True}, "ture", "true or false, not 'ture'"),
    (environment.whole, {"default": 1}, "abc", "a whole number, at least 0, not 'abc'"),
    (environment.whole, {"default": 1}, "-1", "a whole number, at least 0, not '-1'"),
    (environment.whole, {"default": 1, "most": 100}, "101", "a whole number, from 0 to 100, not '101'"),
    (environment.whole, {"default": 1}, "9" * 5_000, "a whole number, at least 0, not '999"),
    (environment.number, {"default": 1.0}, "0", "a number above 0, not '0'"),
    (environment.number, {"default": 1.0}, "nan", "a number above 0, not 'nan'"),
    (environment.percent, {"default": "0", "may_be_nothing": True}, "inf", "a percentage from 0"),
    (environment.percent, {"default": "0", "may_be_nothing": False}, "0", "a percentage above 0"),
    (environment.amounts, {}, "usd", "minor units by currency, such as usd=30,eur=25, not 'usd'"),
    (environment.amounts, {}, "usd=0.30", "minor units by currency"),
    (environment.one_of, {"allowed": ["a", "b"]}, "c", "one of a, b, not 'c'"),
    (environment.address, {}, "http://[abc", "a full http:// or https:// address"),
    (environment.address, {}, "http://host:port", "a full http:// or https:// address"),
    (environment.mail_addresses, {}, "a@b.example,nobody", "mail addresses such as"),
    (environment.sender, {"default": "a@b.example"}, "Shop", "a mail address such as"),
    (environment.time_zone, {"default": "UTC"}, "Mars", "a time zone such as UTC"),
    (environment.database, {"default": ""}, "abc", "postgres://user:password@host/name or"),
    (environment.database, {"default": ""}, "postgres://u:secret@h:port/x", "postgres://user:password@"),
    (environment.database, {"default": ""}, "postgres://u:secret@h", "postgres://user:password@"),
    (environment.mail_server, {"default": ""}, "smtp://u:secret@h:port", "smtp+tls://user:password@"),
]


@pytest.mark.parametrize(("reader", "options", "told", "expected"), WRONG)
def test_what_cannot_be_meant_is_refused_by_name(
    reader: Callable[..., object],
    options: dict[str, object],
    told: str,
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("THE_NAME", told)
    with pytest.raises(ImproperlyConfigured) as refused:
        reader("THE_NAME", **options)
    assert str(refused.value).startswith(f"THE_NAME must be {expected}")
    assert "secret" not in str(refused.value)


def test_what_is_meant_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_NAME", "USD=30, eur=25")
    assert environment.amounts("THE_NAME") == {"usd": 30, "eur": 25}
    monkeypatch.setenv("THE_NAME", '"Shop, Inc." <shop@example.com>')
    assert environment.sender("THE_NAME", default="") == '"Shop, Inc." <shop@example.com>'
    monkeypatch.setenv("THE_NAME", "")
    assert environment.whole("THE_NAME", default=3) == 3
    assert environment.flag("THE_NAME", default=True)


#: How processes of ours start, with nothing of a server bound.
STARTS = {
    "command": ["manage.py", "check"],
    "own command": ["manage.py", "sync_worker", "--once"],
    "web": ["-m", "gunicorn", "-c", "config/gunicorn.py", "-b", "127.0.0.1:0", "config.wsgi"],
}


def start(arguments: list[str], **environment: str) -> tuple[int, str]:
    """Return the exit status of a process that stops by itself, and what it says of it."""
    done = subprocess.run(  # noqa: S603 - our own processes
        [sys.executable, *arguments],
        cwd=HOUSE,
        env={**os.environ, "DATABASE_URL": "sqlite://:memory:", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("arguments", STARTS.values(), ids=STARTS)
def test_every_process_tells_a_wrong_setting_in_a_sentence(arguments: list[str]) -> None:
    status, told = start(arguments, TRUSTED_PROXY_COUNT="abc")
    assert status == 1
    assert told.endswith("TRUSTED_PROXY_COUNT must be a whole number, at least 0, not 'abc'.\n")
    assert "Traceback" not in told


def test_command_tells_in_a_sentence_that_the_database_is_down() -> None:
    status, told = start(STARTS["own command"], DATABASE_URL="postgres://nobody@127.0.0.1:9/nothing")
    assert status == 1
    assert told.startswith("The database does not work: connection failed")


def test_command_asks_for_a_database_that_is_prepared() -> None:
    status, told = start(STARTS["own command"])
    assert (status, told) == (1, "The database is not prepared for this version: run manage.py promo_db.\n")


@pytest.mark.parametrize("arguments", STARTS.values(), ids=STARTS)
def test_every_process_tells_what_only_the_apps_know_of(arguments: list[str]) -> None:
    status, told = start(arguments, ALERTS_OFF="abc")
    assert status
    assert "\nALERTS_OFF names no kind of alert: abc." in f"\n{told}"


def test_example_names_exactly_the_settings_there_are() -> None:
    read = "".join((HOUSE / "config" / name).read_text() for name in ("settings.py", "gunicorn.py"))
    known = set(re.findall(r"(?:env\.\w+|_whole)\(\s*\"([A-Z_]+)\"", read))
    named = re.findall(r"^#?([A-Z_]+)=", (HOUSE / ".env.example").read_text(), re.MULTILINE)

    assert sorted(named) == sorted(known)


def test_example_shows_the_defaults() -> None:
    read = (HOUSE / "config" / "settings.py").read_text()
    default = r'env\.\w+\("([A-Z_]+)", default="?([\w.]+)"?[,)]|_whole\("([A-Z_]+)", (\d+)\)'
    defaults = {one or other: value or number for one, value, other, number in re.findall(default, read)}
    shown = dict(re.findall(r"^#([A-Z_]+)=(.+)$", (HOUSE / ".env.example").read_text(), re.MULTILINE))
    both = (defaults.keys() & shown.keys()) - {"LOG_LEVEL"}

    assert len(both) > 20
    assert {name: _plain(shown[name]) for name in both} == {name: _plain(defaults[name]) for name in both}


def _plain(value: str) -> str | float:
    word = {"on": "true", "off": "false"}.get(value.lower(), value.lower())
    return float(word) if word.replace(".", "").isdecimal() else word


def test_first_visitor_does_not_wait_for_every_page_to_be_imported() -> None:
    asked = "import sys, config.wsgi; sys.exit('analytics.pages.urls' not in sys.modules)"
    assert start(["-c", asked]) == (0, "")


def test_monitor_that_asks_without_a_body_leaves_no_line_in_the_log() -> None:
    assert not logging.getLogger("gunicorn.http.wsgi").isEnabledFor(logging.WARNING)


def test_gunicorn_refuses_a_wrong_number_of_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "many")
    with pytest.raises(SystemExit, match="WEB_CONCURRENCY must be a whole number, at least 1, not 'many'"):
        runpy.run_path(str(HOUSE / "config" / "gunicorn.py"))


def test_gunicorn_takes_its_settings_from_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(monkeypatch, tmp_path / ".env", WEB_BIND="0.0.0.0:9000", WEB_CONCURRENCY="7")
    monkeypatch.setenv("ENV_FILE", str(tmp_path / ".env"))

    found = runpy.run_path(str(HOUSE / "config" / "gunicorn.py"))

    assert (found["bind"], found["workers"]) == ("0.0.0.0:9000", 7)


@pytest.mark.parametrize(("named", "read"), [("", "here"), ("there", "there")])
def test_another_file_is_read_where_one_is_named(
    named: str, read: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("here", "there"):
        told(monkeypatch, tmp_path / place, THE_NAME=place)
    monkeypatch.setenv("ENV_FILE", named and str(tmp_path / named))

    environment.read(tmp_path / "here")

    assert environment.text("THE_NAME") == read


@pytest.mark.parametrize(
    ("named", "why"), [("nowhere", "No such file or directory"), ("latin", "it is not in UTF-8")]
)
def test_named_file_that_cannot_be_read_is_refused(
    named: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "latin").write_bytes("THE_NAME=café".encode("latin-1"))
    monkeypatch.setenv("ENV_FILE", str(tmp_path / named))
    with pytest.raises(ImproperlyConfigured, match=f"{named} cannot be read: {why}"):
        environment.read(tmp_path / "here")


def test_file_is_needed_only_where_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENV_FILE")
    environment.read(tmp_path / "nowhere")
    with pytest.raises(ImproperlyConfigured, match="cannot be read: Is a directory"):
        environment.read(tmp_path)


def told(monkeypatch: pytest.MonkeyPatch, path: Path, **lines: str) -> None:
    path.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    for name in lines:
        # Set and unset again, so that what the file puts there goes after the test.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def test_gunicorn_takes_empty_settings_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "")
    monkeypatch.setenv("WEB_BIND", "")
    told = runpy.run_path(str(HOUSE / "config" / "gunicorn.py"))
    assert (told["workers"], told["bind"]) == (2, "127.0.0.1:8000")
