"""The SQL of the view ``promo_code_analytics``: for each code and currency, what it did and what it cost.

It is read from the rows themselves (usages, ledger and checks), so it is right at
every moment, and it is the interface for people who bring their own SQL. The text is
the same for SQLite and PostgreSQL but for the thirty days. Amounts are integer minor units of
``currency``; tax is left out; formulas are METRICS' own:

- a use is a settled redemption, also when it was refunded later;
- ``net_amount`` = gross − discount − refunded − disputed;
- ``discount_rate`` and ``average_discount_amount`` count discounted orders only
  (checkouts and renewals with a discount above zero), NULL when there is none;
- ``conversion_rate`` = customers who redeemed the code within thirty days of entering
  it ÷ customers whose entry was accepted. Who enters a code chooses no currency, so
  the three columns say the same of every currency of a code: never add them up;
- the attributed ROI of a code is made of ``gross_amount``, ``discount_amount``,
  ``refunded_amount``, ``disputed_amount``, ``charged_amount`` (before tax) and
  ``payments`` (orders that charged something), with margin, fees and fixed cost.

No migration contains the view: SQLite refuses to rebuild a table that a view
reads, PostgreSQL to alter its columns. It is dropped before ``migrate`` changes
anything and made again after it (see analytics.apps).
"""

from typing import Any

from django.db import connections, router
from django.db.backends.base.base import BaseDatabaseWrapper

VIEW = "promo_code_analytics"
#: What the view reads; it is made only where all of these exist.
TABLES = frozenset({"promo_codes", "promo_code_usage", "promos_ledgerentry", "promos_codecheck"})
#: Whether a redemption followed a check as in ``queries.bought``: in thirty days, or in its second, since Stripe tells
#: whole seconds. SQLite's times are text, and its own reckoning with them knows milliseconds only.
WITHIN = {
    "postgresql": """usages.redeemed_at > checks.checked_at - INTERVAL '1 second'
                AND usages.redeemed_at < checks.checked_at + INTERVAL '30 days'""",
    "sqlite": """usages.redeemed_at > datetime(substr(checks.checked_at, 1, 19), '-1 second')
                    || substr(checks.checked_at, 20)
                AND usages.redeemed_at < datetime(substr(checks.checked_at, 1, 19), '+30 days')
                    || substr(checks.checked_at, 20)""",
}

DROP = "DROP VIEW IF EXISTS promo_code_analytics"
CREATE = """
CREATE VIEW promo_code_analytics AS
SELECT
    promo_codes.id AS promo_code_id,
    promo_codes.code,
    promo_codes.campaign_id,
    sums.currency,
    sums.uses,
    sums.unique_customers,
    sums.new_customer_uses,
    ROUND(sums.new_customer_uses * 1.0 / NULLIF(sums.uses, 0), 4) AS new_customer_share,
    sums.gross_amount,
    sums.discount_amount,
    sums.refunded_amount,
    sums.disputed_amount,
    sums.net_amount,
    sums.charged_amount,
    sums.orders,
    sums.payments,
    sums.discounted_orders,
    (sums.discount_amount + sums.discounted_orders / 2)
        / NULLIF(sums.discounted_orders, 0) AS average_discount_amount,
    ROUND(sums.discount_amount * 1.0 / NULLIF(sums.discounted_gross_amount, 0), 4) AS discount_rate,
    sums.first_used_at,
    sums.last_used_at,
    COALESCE(entered.customers, 0) AS entered_customers,
    COALESCE(entered.converted, 0) AS converted_customers,
    ROUND(entered.converted * 1.0 / NULLIF(entered.customers, 0), 4) AS conversion_rate
FROM (
    SELECT
        facts.promo_code_id,
        facts.currency,
        COUNT(facts.redeemed_at) AS uses,
        COUNT(DISTINCT facts.customer_id) AS unique_customers,
        CAST(SUM(facts.is_new) AS bigint) AS new_customer_uses,
        CAST(SUM(facts.gross_amount) AS bigint) AS gross_amount,
        CAST(SUM(facts.discount_amount) AS bigint) AS discount_amount,
        CAST(SUM(CASE WHEN facts.kind IN ('refund', 'credit_note') THEN -facts.net_amount ELSE 0 END) AS bigint)
            AS refunded_amount,
        CAST(SUM(CASE WHEN facts.kind = 'dispute' THEN -facts.net_amount ELSE 0 END) AS bigint)
            AS disputed_amount,
        CAST(SUM(facts.net_amount) AS bigint) AS net_amount,
        CAST(SUM(CASE WHEN facts.kind IN ('checkout', 'invoice') THEN facts.net_amount ELSE 0 END) AS bigint)
            AS charged_amount,
        CAST(SUM(CASE WHEN facts.kind IN ('checkout', 'invoice') THEN 1 ELSE 0 END) AS bigint) AS orders,
        CAST(SUM(CASE WHEN facts.kind IN ('checkout', 'invoice') AND facts.net_amount > 0 THEN 1 ELSE 0 END) AS bigint)
            AS payments,
        CAST(SUM(CASE WHEN facts.discount_amount > 0 THEN 1 ELSE 0 END) AS bigint) AS discounted_orders,
        CAST(SUM(CASE WHEN facts.discount_amount > 0 THEN facts.gross_amount ELSE 0 END) AS bigint)
            AS discounted_gross_amount,
        MIN(facts.redeemed_at) AS first_used_at,
        MAX(facts.redeemed_at) AS last_used_at
    FROM (
        SELECT
            usages.promo_code_id,
            usages.currency,
            'use' AS kind,
            usages.redeemed_at,
            usages.customer_id,
            CASE WHEN usages.is_new_customer THEN 1 ELSE 0 END AS is_new,
            0 AS gross_amount,
            0 AS discount_amount,
            0 AS net_amount
        FROM promo_code_usage AS usages
        WHERE usages.status IN ('settled', 'refunded')
        UNION ALL
        SELECT
            usages.promo_code_id,
            entries.currency,
            entries.kind,
            NULL,
            NULL,
            0,
            entries.gross_amount,
            entries.discount_amount,
            entries.net_amount
        FROM promos_ledgerentry AS entries
        JOIN promo_code_usage AS usages ON usages.id = entries.usage_id
    ) AS facts
    GROUP BY facts.promo_code_id, facts.currency
) AS sums
JOIN promo_codes ON promo_codes.id = sums.promo_code_id
LEFT JOIN (
    SELECT
        checks.promo_code_id,
        COUNT(DISTINCT checks.customer_id) AS customers,
        COUNT(DISTINCT CASE WHEN EXISTS (
            SELECT 1
            FROM promo_code_usage AS usages
            WHERE usages.promo_code_id = checks.promo_code_id
                AND usages.customer_id = checks.customer_id
                AND usages.status IN ('settled', 'refunded')
                AND {within}
        ) THEN checks.customer_id END) AS converted
    FROM promos_codecheck AS checks
    WHERE checks.reason = '' AND checks.promo_code_id IS NOT NULL
    GROUP BY checks.promo_code_id
) AS entered ON entered.promo_code_id = promo_codes.id
"""


def drop_before_migrate(*, using: str, **_: Any) -> None:
    """Drop the view so that its tables may be altered."""
    _execute(connections[using], DROP)


def create_after_migrate(*, using: str, **_: Any) -> None:
    """Make the view anew where its tables are; ``flush`` comes here too, without the drop before."""
    connection = connections[using]
    if router.allow_migrate(using, "promos") and set(connection.introspection.table_names()) >= TABLES:
        _execute(connection, DROP)
        _execute(connection, CREATE.format(within=WITHIN[connection.vendor]))


def _execute(connection: BaseDatabaseWrapper, sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
