"""Wrong settings stop every process at once, with a sentence; read in a process of their own, as they are."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

HOOK = {"ALERT_WEBHOOK_SECRET": "whsec_x"}


def refusal(**environment: str) -> str:
    """Return what the settings say of an environment; empty when they take it."""
    asked = "import config.settings"
    done = subprocess.run(  # noqa: S603 - our own settings
        [sys.executable, "-c", asked],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DATABASE_URL": "sqlite://:memory:", **environment},
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
    ],
)
def test_wrong_settings_are_refused(environment: dict[str, str], sentence: str) -> None:
    assert sentence in refusal(**environment)


def test_good_settings_are_taken() -> None:
    assert refusal(ALERT_WEBHOOK_URL="https://example.com/hook?key=1", REPORT_EVERY="month", **HOOK) == ""
