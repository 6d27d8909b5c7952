"""The languages that pages are offered in."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from django.conf.global_settings import LANGUAGES
from django.utils.translation import to_locale

#: What the texts are written in.
SOURCE = "en"


def offered(locale_paths: Iterable[Path]) -> list[tuple[str, str]]:
    """Return English and, as pairs of code and name, every language with a compiled translation of our own texts."""
    compiled = {path.parts[-3] for folder in locale_paths for path in folder.glob("*/LC_MESSAGES/django.mo")}
    return [(code, name) for code, name in LANGUAGES if code == SOURCE or to_locale(code) in compiled]
