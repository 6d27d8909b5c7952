"""The trigram index of codes: PostgreSQL uses it for what the admin searches."""

import pytest
from django.apps import apps
from django.db import connection

from promos import search_index
from promos.models import PromoCode
from tests import factories

pytestmark = pytest.mark.django_db


def test_search_within_codes_uses_the_index_where_there_is_one() -> None:
    factories.PromoCodeFactory(code="WELCOME")
    is_postgresql = connection.vendor == "postgresql"
    if is_postgresql:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
    found = PromoCode.objects.filter(code__icontains="elcom")
    assert found.get().code == "WELCOME"
    assert ("promos_promocode_code_trgm" in found.explain()) == is_postgresql


def test_making_it_twice_changes_nothing() -> None:
    made = []
    for _ in range(2):
        search_index.create_after_migrate(using="default", app_config=apps.get_app_config("promos"))
        made.append(_indexes())
    names = {"promos_promocode_code_trgm", "promos_promocode_description_trgm"}
    assert set(made[0]) == (names if connection.vendor == "postgresql" else set())
    assert made[1] == made[0]


def _indexes() -> dict[str, int]:
    """Return the trigram indexes there are, each with its number, which one that is made anew does not keep."""
    if connection.vendor != "postgresql":
        return {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname, oid FROM pg_class WHERE relname LIKE %s", ["promos_promocode_%_trgm"])
        return dict(cursor.fetchall())
