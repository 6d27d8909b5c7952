"""Totals worked out anew from their rows: from nothing, from wrong ones, in part, and while others record."""

import json
from datetime import date, timedelta
from importlib import import_module
from io import StringIO
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F

from analytics import total_checks
from promos.models import CodeBatch, CodeDayTotal, CodeTotal, CodeWeekTotal, LedgerEntry, PlanDayTotal
from promos.redemptions import rebuilding
from promos.redemptions.rebuilding import Weeks
from tests.analytics.builders import after, buy, pay_back, redeem, renew, take_more_off
from tests.factories import OfferFactory, PromoCodeFactory, UsageFactory

# On PostgreSQL several connections read.
pytestmark = pytest.mark.django_db(transaction=True)
TABLES = (CodeTotal, CodeWeekTotal, CodeDayTotal, PlanDayTotal)


def rebuild(*arguments: str) -> str:
    out = StringIO()
    call_command("rebuild_totals", *arguments, stdout=out)
    return out.getvalue()


def differences() -> list[object]:
    return [*total_checks.codes(), *total_checks.batches(), *total_checks.plans()]


def rows() -> list[list[object]]:
    return [sorted(table.objects.values_list("currency", *table.COLUMNS), key=str) for table in TABLES]


@pytest.fixture(autouse=True)
def _lives(transactional_db: None) -> None:
    """Two codes of a batch and one alone, in two currencies over some weeks, beside sales without a code."""
    batch = CodeBatch.objects.create(offer=OfferFactory(), prefix="B-", pattern="####", requested=2)
    for code in (PromoCodeFactory(batch=batch), PromoCodeFactory(batch=batch), PromoCodeFactory()):
        usage = redeem(code, gross=10_000, discount=2_000, is_new_customer=True)
        renew(usage, gross=5_000, discount=0, at=after(31))
        take_more_off(usage, PromoCodeFactory(), 250)
        pay_back(usage, 700, at=after(32))
        pay_back(usage, 300, kind=LedgerEntry.Kind.DISPUTE, at=after(33))
        redeem(code, gross=900, discount=900, currency="eur", at=after(60))
        UsageFactory(promo_code=code, status="pending")
    buy(is_new_customer=True)
    buy(plan="", at=after(3))


def test_rebuild_finds_what_recording_kept() -> None:
    kept = rows()
    for table in TABLES:
        table.objects.all().delete()
    assert differences()
    rebuild()
    assert (rows(), differences()) == (kept, [])


def test_migration_takes_second_codes_out_of_the_days_of_plans() -> None:
    PlanDayTotal.objects.filter(day=after(0).date()).update(discounted_orders=F("discounted_orders") + 3)
    migration = import_module("promos.migrations.0006_count_orders_with_two_codes_once")
    migration.count_once(apps, SimpleNamespace(connection=connection))
    assert differences() == []


def test_rebuild_in_small_steps_corrects_what_is_wrong() -> None:
    for table in TABLES:
        table.objects.update(net_amount=1)
    CodeDayTotal.objects.create(promo_code=PromoCodeFactory(), day=date(2020, 1, 1), currency="usd", orders=5)
    rebuild("--weeks", "1")
    assert differences() == []


def test_rebuild_of_some_days_leaves_the_other_weeks() -> None:
    CodeDayTotal.objects.update(orders=9)
    first = after(31).date()
    rebuild("--from", str(first), "--to", str(first))
    left = {row.day for row in CodeDayTotal.objects.filter(orders=9)}
    assert left == {after(days).date() for days in (0, 32, 33, 60)}


def test_rebuild_stopped_between_steps_is_finished_by_another_run(monkeypatch) -> None:
    for table in TABLES:
        table.objects.all().delete()

    def stop(step: Weeks) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuilding.run(rebuilding.all_weeks(), at_once=1, watch=stop)
    assert PlanDayTotal.objects.exists()
    rebuild()
    assert differences() == []


def test_rebuild_tells_what_it_did() -> None:
    told = json.loads(rebuild("--json"))
    monday = after(0).date() - timedelta(days=after(0).weekday())
    assert (told["weeks"], told["from"]) == (10, monday.isoformat())
    assert rebuild() == "Totals of 10 weeks rebuilt.\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "31.12.2025"], "Write dates as"),
        (["--weeks", "0"], "at least one week"),
        (["--from", "2026-02-01", "--to", "2026-01-01"], "before they start"),
    ],
)
def test_rebuild_refuses_what_makes_no_sense(arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        rebuild(*arguments)


def test_rebuild_of_days_without_rows_does_nothing() -> None:
    assert rebuild("--from", "2040-01-01") == "There is nothing to sum up.\n"
