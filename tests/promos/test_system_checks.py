"""Checks of the settings run before there is a database: ``makemigrations`` and a first ``promo_db`` need them."""

from django.core import checks


def test_checks_ask_no_database() -> None:
    # Without the mark for a database, every query fails.
    assert checks.run_checks(tags=[checks.Tags.admin]) == []
