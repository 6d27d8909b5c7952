"""How long a million codes take to make, and the owner's lists to show, each view of the codes among them.

    python -m tests.benchmarks.million_codes [codes]

Runs on a throwaway database beside the one of DATABASE_URL. A page is asked for as
gunicorn serves it (compressed, templates kept), once to warm up and then several times:
the time on the clock depends on what else the machine does, that of the processor hardly.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from statistics import median
from typing import Any

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, setup_databases, teardown_databases
from django.urls import reverse
from django.utils import timezone

from promos import batches
from promos.admin import site
from promos.models import CodeBatch, Offer, PromoCode
from tests import factories
from tests.factories import LONG_AGO

CODES = "promocode"
VIEWS = {
    "page 100": {"p": "100"},
    "by uses": {"o": "-5"},
    "by uses, least first": {"o": "5"},
    "by end": {"o": "8"},
    "by code": {"o": "1"},
    "used": {"uses": "used"},
    "nearly used up": {"uses": "nearly"},
    "search of six letters": {"q": "ABCDEF"},
    "search of three letters": {"q": "A2B"},
    **{f"tab {title}": query for title, query in site.VIEWS},
}
OTHER_LISTS = ("promocodeusage", "customer", "ledgerentry", "codecheck", "webhookevent")
#: Of each kind but codes.
ROWS = 10_000
ROUNDS = 9


def make(count: int) -> None:
    batch = CodeBatch(prefix="B-", pattern="####-####-####", requested=count, max_redemptions=3)
    batches.create(batch, offer=Offer(percent_off=20), now=timezone.now())
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


def use() -> None:
    """Let one code, that is in no batch, have a long story."""
    code = factories.PromoCodeFactory(code="SPRING", used_count=ROWS)
    customers = _many(factories.CustomerFactory)
    used = {"promo_code": code, "status": "settled", "discount_amount": 500}
    usages = _many(factories.UsageFactory, "redeemed_at", customer=customers, **used)
    _many(factories.LedgerEntryFactory, "occurred_at", customer=customers, usage=usages, discount_amount=500)
    _many(factories.CodeCheckFactory, "checked_at", customer=customers, promo_code=code)
    _many(factories.WebhookEventFactory, "received_at")


def _many(factory: type, when: str = "", **fields: Any) -> list[Any]:
    """Make as many rows as lists are long, a minute apart; of a field that is a list each takes its own."""
    rows = []
    for number in range(ROWS):
        own = {name: value[number] if isinstance(value, list) else value for name, value in fields.items()}
        rows.append(factory.build(**own, **({when: LONG_AGO + timedelta(minutes=number)} if when else {})))
    return rows[0]._meta.model.objects.bulk_create(rows, batch_size=1000)


def look(client: Client) -> None:
    say("clock: middle, worst   processor    SQL  queries    found")
    for name, query in VIEWS.items():
        say(f"{_measured(client, CODES, query)}  {name}")
    for model in OTHER_LISTS:
        say(f"{_measured(client, model, {})}  list of {model}")


def _measured(client: Client, model: str, query: dict[str, str]) -> str:
    address = reverse(f"admin:promos_{model}_changelist")
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(address, query)
    assert answer.status_code == 200
    found = answer.context_data["cl"].paginator.shown_count
    asked = list(queries)  # The next request forgets them.
    sql = sum(float(query["time"]) for query in asked) * 1000
    clock, processor = zip(*_times(client, address, query), strict=True)
    return (
        f"{median(clock):10.0f} ms {max(clock):5.0f} ms {median(processor):8.0f} ms {sql:3.0f} ms "
        f"{len(asked):8} {found:>8}"
    )


def _times(client: Client, address: str, query: dict[str, str]) -> Iterator[tuple[float, float]]:
    """Yield the milliseconds of each round, by the clock and of this process alone."""
    for _ in range(ROUNDS):
        began, busy = time.perf_counter(), time.process_time()
        client.get(address, query)
        yield (time.perf_counter() - began) * 1000, (time.process_time() - busy) * 1000


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    settings.MIGRATION_MODULES = {app.split(".")[-1]: None for app in settings.INSTALLED_APPS}
    old = setup_databases(verbosity=0, interactive=False)
    try:
        client = Client(SERVER_NAME="localhost", headers={"accept-encoding": "gzip"})
        client.force_login(
            factories.user("owner@example.com", "owner", is_staff=True, is_superuser=True),
            backend="django.contrib.auth.backends.ModelBackend",
        )
        make(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
        assert PromoCode.objects.exists()
        use()
        look(client)
    finally:
        teardown_databases(old, verbosity=0)


if __name__ == "__main__":
    main()
