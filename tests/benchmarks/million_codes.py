"""How long a million codes take to make, and the owner's list of them to show.

    python -m tests.benchmarks.million_codes [codes]

Runs on a throwaway database beside the one of DATABASE_URL.
"""

from __future__ import annotations

import sys
import time

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import (
    CaptureQueriesContext,
    setup_databases,
    setup_test_environment,
    teardown_databases,
)
from django.utils import timezone

from promos import batches
from promos.models import CodeBatch, Offer, PromoCode
from tests import factories

LIST = "/admin/promos/promocode/"
PAGES = {
    "first page": {},
    "page 100": {"p": "100"},
    "by uses": {"o": "-5"},
    "by uses, least first": {"o": "5"},
    "by end": {"o": "8"},
    "by code": {"o": "1"},
    "active": {"status": "active"},
    "paused": {"status": "paused"},
    "waiting": {"status": "waiting"},
    "used up": {"status": "used_up"},
    "archived": {"status": "archived"},
    "refused by Stripe": {"sync_status__exact": "error"},
    "used": {"uses": "used"},
    "search of six letters": {"q": "ABCDEF"},
    "search of three letters": {"q": "A2B"},
}


def make(count: int) -> None:
    batch = CodeBatch(prefix="B-", pattern="####-####-####", requested=count, max_redemptions=3)
    batches.create(batch, offer=Offer(percent_off=20))
    began = time.perf_counter()
    while batches.work(timezone.now()):
        pass
    seconds = time.perf_counter() - began
    say(f"{connection.vendor}: {count:,} codes in {seconds:.1f} s, {count / seconds:,.0f} a second")
    # Something to find: one in a hundred was used, one in a thousand is paused.
    with connection.cursor() as cursor:
        cursor.execute("UPDATE promo_codes SET used_count = 1 + id % 3 WHERE id % 100 = 0")
        cursor.execute("UPDATE promo_codes SET paused_at = created_at WHERE id % 1000 = 0")
        if connection.vendor == "postgresql":
            cursor.execute("ANALYZE promo_codes")


def look(client: Client) -> None:
    for name, query in PAGES.items():
        client.get(LIST, query)
        began = time.perf_counter()
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(LIST, query)
        took = (time.perf_counter() - began) * 1000
        assert answer.status_code == 200
        found = answer.context["cl"].paginator.shown_count
        sql = sum(float(query["time"]) for query in queries) * 1000
        say(f"{took:6.0f} ms, {sql:5.0f} of them SQL, {len(queries)} queries  {found:>8} found  {name}")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def main() -> None:
    settings.MIGRATION_MODULES = {app.split(".")[-1]: None for app in settings.INSTALLED_APPS}
    setup_test_environment()
    old = setup_databases(verbosity=0, interactive=False)
    try:
        client = Client()
        client.force_login(
            factories.user("owner@example.com", "owner", is_staff=True, is_superuser=True),
            backend="django.contrib.auth.backends.ModelBackend",
        )
        make(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
        assert PromoCode.objects.exists()
        look(client)
    finally:
        teardown_databases(old, verbosity=0)


if __name__ == "__main__":
    main()
