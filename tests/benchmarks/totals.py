"""How fast totals are rebuilt from millions of ledger rows, and how fast they answer beside the rows themselves.

    python -m tests.benchmarks.totals [ledger rows]

Runs on a throwaway PostgreSQL database beside the one of DATABASE_URL, filled by
SQL: a year of orders, two in five of them with a code (one of 100, or one of a batch's
100,000), one in fifty paid back.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial

from django.conf import settings
from django.db import connection, transaction
from django.test.utils import setup_databases, teardown_databases

from analytics import kept, queries
from analytics.measures import top_codes
from analytics.periods import Period
from analytics.queries import Scope
from promos.models import CodeBatch, CodeTotal, Offer, PromoCode
from promos.redemptions import rebuilding, totals
from tests import factories

QUARTER = Period(date(2025, 10, 1), date(2025, 12, 30))
QUESTIONS = {
    "money": queries.money,
    "redemptions": partial(queries.redemptions, with_customers=False),
    "money by day": queries.money_by_day,
    "redemptions by day": queries.redemptions_by_day,
    "orders by plan": queries.orders_by_plan,
    "most used codes": lambda scope: top_codes.most_redeemed(scope.period, limit=8),
}
#: What the seeding SQL is told besides the number of rows.
SIZES = {"codes": 100, "batch_codes": 100_000, "customers": 200_000}
#: No checks of foreign keys row by row, which would take most of the time.
UNCHECKED = "SET LOCAL session_replication_role = replica"
#: Made anew once the tables are full, which takes a fifth of the time.
SECONDARY_INDEXES = """
SELECT indexname, indexdef FROM pg_indexes
WHERE schemaname = current_schema() AND tablename IN ('promo_code_usage', 'promos_ledgerentry')
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = indexname)
"""
FILL = (
    """
    INSERT INTO promos_customer (id, email, email_key, created_at)
    SELECT n, 'buyer' || n || '@example.com', 'buyer' || n || '@example.com', now()
    FROM generate_series(1, %(customers)s) AS n
    """,
    """
    INSERT INTO promo_code_usage (id, redemption_key, promo_code_id, stripe_promotion_code_id, stripe_session_id,
        customer_id, plan, is_new_customer, is_over_limit, is_given_back, status, currency, gross_amount,
        discount_amount, net_amount, reserved_amount, promised_amount, redeemed_at)
    SELECT n, 'sub_' || n, (SELECT min(id) FROM promo_codes) + CASE
            WHEN n %% 7 = 0 THEN %(codes)s + n %% %(batch_codes)s ELSE (n %% 997) %% %(codes)s END,
        'promo_1', 'cs_' || n, 1 + (n::bigint * 7919) %% %(customers)s, 'price_' || n %% 4, n %% 3 = 0, FALSE, FALSE,
        'settled', CASE WHEN n %% 10 = 0 THEN 'eur' ELSE 'usd' END, 9950, 1990, 7960, 0, 0,
        timestamptz '2025-01-01 00:00+00' + (n::float8 / %(rows)s) * interval '365 days'
    FROM generate_series(1, %(rows)s) AS n WHERE n %% 5 < 2
    """,
    """
    INSERT INTO promos_ledgerentry (kind, stripe_object_id, redemption_key, stripe_session_id, stripe_invoice_id,
        stripe_payment_intent_id, usage_id, customer_id, stripe_promotion_code_id, plan, interval, is_new_customer,
        currency, gross_amount, discount_amount, tax_amount, net_amount, occurred_at)
    SELECT CASE WHEN n %% 50 = 1 THEN 'refund' ELSE 'checkout' END, 'sub_' || n, 'sub_' || n, 'cs_' || n, '', '',
        CASE WHEN n %% 5 < 2 THEN n END, 1 + (n::bigint * 7919) %% %(customers)s, '', 'price_' || n %% 4, 'month', n %% 3 = 0,
        CASE WHEN n %% 10 = 0 THEN 'eur' ELSE 'usd' END, 9950, CASE WHEN n %% 5 < 2 THEN 1990 ELSE 0 END, 0,
        CASE WHEN n %% 50 = 1 THEN -500 WHEN n %% 5 < 2 THEN 7960 ELSE 9950 END,
        timestamptz '2025-01-01 00:00+00' + (n::float8 / %(rows)s) * interval '365 days'
    FROM generate_series(1, %(rows)s) AS n
    """,
)


def prepare(rows: int) -> None:
    factories.PromoCodeFactory.create_batch(SIZES["codes"])
    batch = CodeBatch.objects.create(
        offer=Offer.objects.first(), prefix="B-", pattern="#" * 12, requested=SIZES["batch_codes"]
    )
    first = factories.PromoCodeFactory(batch=batch)
    with transaction.atomic(), connection.cursor() as cursor:
        columns = ", ".join(
            f'"{field.column}"' for field in first._meta.concrete_fields if field.column not in {"id", "code"}
        )
        cursor.execute(
            f"INSERT INTO promo_codes (code, {columns}) SELECT 'B-' || n, {columns} "  # noqa: S608
            "FROM promo_codes, generate_series(2, %s) AS n WHERE id = %s",
            [SIZES["batch_codes"], first.pk],
        )
        cursor.execute(UNCHECKED)
        indexes = dict(cursor.execute(SECONDARY_INDEXES).fetchall())
        for name in indexes:
            cursor.execute(f"DROP INDEX {name}")
        for sql in FILL:
            cursor.execute(sql, {"rows": rows, **SIZES})
        for definition in indexes.values():
            cursor.execute(definition)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def rebuild(rows: int) -> None:
    for what in ("from nothing", "with nothing to correct"):
        is_over = threading.Event()
        began = time.perf_counter()
        with ThreadPoolExecutor(1) as pool:
            writer = pool.submit(record, is_over)
            rebuilding.run(rebuilding.all_weeks(), watch=lambda step: None)
            seconds = time.perf_counter() - began
            is_over.set()
        say(
            f"rebuilt {what} in {seconds:.2f} s, {rows / seconds:,.0f} rows a second, load {os.getloadavg()[0]:.1f}"
        )
        say(
            f"meanwhile {len(writer.result())} moves of the hottest totals; the longest took {max(writer.result()):.3f} s"
        )
    assert CodeTotal.objects.filter(batch__isnull=False).exists()


def record(is_over: threading.Event) -> list[float]:
    """Move the totals of one code, and back, until told to stop; return how long each time took."""
    code, took = PromoCode.objects.earliest("pk"), []
    move = totals.Move(QUARTER.first_day, "usd", {"orders": 1}, ("promo_code_id", code.pk), "price_1")
    while not is_over.wait(0.05):
        began = time.perf_counter()
        with transaction.atomic():
            totals.apply([move])
            totals.apply([-move])
        took.append(time.perf_counter() - began)
    connection.close()
    return took


def look(period: Period) -> None:
    """Ask what the owner's home asks of a period, by the totals and then by the rows."""
    for name in ("totals", "rows"):
        for question, ask in QUESTIONS.items():
            began = time.perf_counter()
            ask(Scope(period))
            say(f"{(time.perf_counter() - began) * 1000:8.1f} ms by {name}: {question}")
        kept.is_exact = kept.has_same_days = lambda period: False


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    settings.MIGRATION_MODULES = {app.split(".")[-1]: None for app in settings.INSTALLED_APPS}
    old = setup_databases(verbosity=0, interactive=False)
    try:
        rows = int(sys.argv[1]) if len(sys.argv) > 1 else 3_000_000
        began = time.perf_counter()
        prepare(rows)
        say(f"{rows:,} ledger rows written in {time.perf_counter() - began:.0f} s")
        rebuild(rows)
        look(QUARTER)
    finally:
        teardown_databases(old, verbosity=0)


if __name__ == "__main__":
    main()
