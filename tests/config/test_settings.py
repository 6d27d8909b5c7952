"""Wrong settings stop every process at once, with a sentence; read in a process of their own, as they are."""

import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from config.settings import DEFAULT_SECRET_KEY

HOOK = {"ALERT_WEBHOOK_SECRET": "whsec_x"}
LIVE = {"STRIPE_SECRET_KEY": "sk_live_" + "0" * 24}
OWN = {"SECRET_KEY": "one of their own"}
HOUSE = Path(settings.BASE_DIR)


def refusal(**environment: str) -> str:
    """Return what the settings say of an environment; empty when they take it."""
    asked = "import config.settings"
    plain = {"DATABASE_URL": "sqlite://:memory:", "SECRET_KEY": DEFAULT_SECRET_KEY}
    done = subprocess.run(  # noqa: S603 - our own settings
        [sys.executable, "-c", asked],
        cwd=HOUSE,
        env={**os.environ, **plain, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr.strip().rpartition("\n")[2]


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"ALERT_WEBHOOK_URL": "ftp://example.com/", **HOOK}, "must be a full http:// or https:// address"),
        ({"ALERT_WEBHOOK_URL": "https://me:secret@example.com/", **HOOK}, "must be a full http://"),
        ({"ALERT_WEBHOOK_URL": "https://example.com/"}, "needs an ALERT_WEBHOOK_SECRET"),
        ({"ALERT_EXPIRES_DAYS": "0"}, "ALERT_EXPIRES_DAYS must be at least 1, not 0."),
        ({"REPORT_EVERY": "day"}, "REPORT_EVERY must be week, month or empty"),
        ({"SITE_URL": "promo.example.com"}, "SITE_URL must be a full address"),
        ({"SITE_URL": "https://promo.example.com"}, "Set a SECRET_KEY of your own"),
        ({"STRIPE_SECRET_KEY": "pk_test_" + "0" * 24}, "STRIPE_SECRET_KEY must look like sk_test_…"),
        (LIVE, "Set a SECRET_KEY of your own"),
        ({**LIVE, **OWN, "DEBUG": "true"}, "DEBUG must be off beside a live Stripe key."),
        ({**LIVE, **OWN, "STRIPE_API_HOST": "http://127.0.0.1:8421"}, "STRIPE_API_HOST must not be set"),
    ],
)
def test_wrong_settings_are_refused(environment: dict[str, str], sentence: str) -> None:
    assert sentence in refusal(**environment)


@pytest.mark.parametrize(
    "environment",
    [
        {"ALERT_WEBHOOK_URL": "https://example.com/hook?key=1", "REPORT_EVERY": "month", **HOOK},
        {"SITE_URL": "https://promo.example.com", **LIVE, **OWN},
    ],
)
def test_good_settings_are_taken(environment: dict[str, str]) -> None:
    assert refusal(**environment) == ""


def test_example_names_exactly_the_settings_there_are() -> None:
    read = "".join((HOUSE / "config" / name).read_text() for name in ("settings.py", "gunicorn.py"))
    known = set(re.findall(r"(?:env\.\w+|_whole)\(\s*\"([A-Z_]+)\"", read))
    named = re.findall(r"^#?([A-Z_]+)=", (HOUSE / ".env.example").read_text(), re.MULTILINE)

    assert sorted(named) == sorted(known)


def test_example_shows_the_defaults() -> None:
    read = (HOUSE / "config" / "settings.py").read_text()
    default = r'env\.\w+\("([A-Z_]+)", default="?([\w.]+)"?\)|_whole\("([A-Z_]+)", (\d+)\)'
    defaults = {one or other: value or number for one, value, other, number in re.findall(default, read)}
    shown = dict(re.findall(r"^#([A-Z_]+)=(.+)$", (HOUSE / ".env.example").read_text(), re.MULTILINE))
    both = (defaults.keys() & shown.keys()) - {"LOG_LEVEL"}

    assert len(both) > 20
    assert {name: _plain(shown[name]) for name in both} == {name: _plain(defaults[name]) for name in both}


def _plain(value: str) -> str | float:
    word = {"on": "true", "off": "false"}.get(value.lower(), value.lower())
    return float(word) if word.replace(".", "").isdecimal() else word


def test_gunicorn_takes_its_settings_from_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("WEB_BIND", "0.0.0.0:9000"), ("WEB_CONCURRENCY", "7")):
        with (tmp_path / ".env").open("a") as file:
            file.write(f"{name}={value}\n")
        # Set and unset again, so that what the file puts there goes after the test.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    (tmp_path / "config").mkdir()
    shutil.copy(HOUSE / "config" / "gunicorn.py", tmp_path / "config")

    found = runpy.run_path(str(tmp_path / "config" / "gunicorn.py"))

    assert (found["bind"], found["workers"]) == ("0.0.0.0:9000", 7)
