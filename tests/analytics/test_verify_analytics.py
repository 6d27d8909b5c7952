"""The check of the figures must itself be able to fail: each kind of row is balanced and has to be named."""

import json
import threading
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Model

from analytics import verification, views_sql
from promos.models import (
    Campaign,
    CheckoutAttempt,
    CodeBatch,
    CodeDayTotal,
    CodeTotal,
    CodeWeekTotal,
    LedgerEntry,
    PlanDayTotal,
    PromoCode,
    PromoCodeUsage,
)
from tests.analytics.builders import after, buy, pay_back, redeem, renew
from tests.factories import (
    LONG_AGO,
    CampaignFactory,
    CodeCheckFactory,
    CustomerFactory,
    OfferFactory,
    PromoCodeFactory,
    UsageFactory,
)

pytestmark = pytest.mark.django_db


def verify() -> dict[str, Any]:
    out = StringIO()
    try:
        call_command("verify_analytics", "--json", stdout=out)
    except CommandError:
        return json.loads(out.getvalue())
    assert json.loads(out.getvalue()) == {"ok": True, "differences": []}
    return {"ok": True, "differences": []}


def named(outcome: dict[str, Any]) -> set[tuple[str, str, Any, Any]]:
    return {(one["table"], one["field"], one["kept"], one["reckoned"]) for one in outcome["differences"]}


def hold(code: PromoCode, amount: int) -> CheckoutAttempt:
    return CheckoutAttempt.objects.create(
        customer=CustomerFactory(),
        promo_code=code,
        plan="price_monthly",
        state=CheckoutAttempt.State.OPEN,
        held_amount=amount,
        created_at=LONG_AGO,
        expires_at=after(1),
    )


@pytest.fixture(name="code")
def balanced() -> PromoCode:
    """A code with a life: redeemed twice, renewed, refunded, disputed, in two currencies, and held once."""
    campaign = CampaignFactory(currency="usd", spent_amount=3_000, promised_amount=400, held_amount=700)
    code = PromoCodeFactory(code="LAUNCH50", campaign=campaign)
    usage = redeem(code, gross=10_000, discount=2_000)
    renew(usage, gross=5_000, discount=1_000, at=after(30))
    pay_back(usage, 500, at=after(31))
    pay_back(usage, 300, kind=LedgerEntry.Kind.DISPUTE, at=after(32))
    redeem(code, gross=900, discount=90, currency="eur", status=PromoCodeUsage.Status.REFUNDED)
    redeem(
        code, gross=0, discount=0, currency="eur", status=PromoCodeUsage.Status.REFUNDED, is_given_back=True
    )
    PromoCodeUsage.objects.filter(pk=usage.pk).update(promised_amount=400)
    UsageFactory(promo_code=code, status=PromoCodeUsage.Status.PENDING)
    hold(code, 700)
    PromoCode.objects.update(used_count=2, held_count=1)
    buy()
    redeem(PromoCodeFactory(used_count=1))
    return code


@pytest.mark.usefixtures("code")
def test_verify_agrees_with_balanced_rows() -> None:
    assert verify()["ok"]


@pytest.mark.parametrize("field", verification.AMOUNTS)
def test_verify_names_a_wrong_running_total(code: PromoCode, field: str) -> None:
    usage = code.usages.get(currency="eur", is_given_back=False)
    right = getattr(usage, field)
    PromoCodeUsage.objects.filter(pk=usage.pk).update(**{field: right + 1})

    assert named(verify()) == {("promo_code_usage", field, right + 1, right)}


def test_verify_names_a_usage_whose_entry_is_missing(code: PromoCode) -> None:
    code.usages.get(currency="eur", is_given_back=False).ledger_entries.all().delete()

    found = named(verify())

    assert found >= {
        ("promo_code_usage", "gross_amount", 900, 0),
        ("promo_code_usage", "discount_amount", 90, 0),
        ("promo_code_usage", "net_amount", 810, 0),
        ("promos_codetotal", "gross_amount", 900, 0),
        ("promos_plandaytotal", "gross_amount", 900, 0),
    }


@pytest.mark.parametrize("table", [CodeTotal, CodeWeekTotal, CodeDayTotal, PlanDayTotal])
def test_verify_names_a_wrong_total(code: PromoCode, table: type[Model]) -> None:
    row = table.objects.filter(currency="usd").order_by("pk").first()
    for field in table.COLUMNS:
        table.objects.filter(pk=row.pk).update(**{field: getattr(row, field) + 7})

    found = verify()["differences"]

    assert {(one["table"], one["id"]) for one in found} == {(table._meta.db_table, row.pk)}
    assert [one["field"] for one in found] == list(table.COLUMNS)


@pytest.mark.parametrize("table", [CodeTotal, CodeWeekTotal, CodeDayTotal, PlanDayTotal])
def test_verify_names_a_total_that_is_missing(code: PromoCode, table: type[Model]) -> None:
    table.objects.filter(currency="eur").delete()

    found = named(verify())

    assert (table._meta.db_table, "gross_amount", 0, 900) in found


def test_verify_names_the_total_of_a_batch() -> None:
    batch = CodeBatch.objects.create(offer=OfferFactory(), prefix="B-", pattern="####", requested=2)
    for _ in range(2):
        redeem(PromoCodeFactory(batch=batch, used_count=1))
    assert verify()["ok"]
    CodeTotal.objects.update(redemptions=1)

    (found,) = verify()["differences"]

    assert (found["name"], found["kept"], found["reckoned"]) == ("B-#### usd", 1, 2)


@pytest.mark.parametrize("table", [CodeTotal, CodeWeekTotal, CodeDayTotal])
@pytest.mark.parametrize("column", ["promo_code_id", "batch_id"])
def test_verify_names_a_total_of_nobody(code: PromoCode, table: type[Model], column: str) -> None:
    row = table.objects.filter(promo_code=code, currency="usd").earliest("pk")
    row.pk, row.promo_code_id = None, None
    setattr(row, column, 404)
    row.save()

    found = verify()["differences"]

    assert {(one["table"], one["id"], one["reckoned"]) for one in found} == {
        (table._meta.db_table, row.pk, 0)
    }
    assert found[0]["name"].startswith("nobody's 404")


@pytest.mark.parametrize(("field", "right"), [("used_count", 2), ("held_count", 1)])
def test_verify_names_a_wrong_counter_of_a_code(code: PromoCode, field: str, right: int) -> None:
    PromoCode.objects.filter(pk=code.pk).update(**{field: 5})

    assert named(verify()) == {("promo_codes", field, 5, right)}


@pytest.mark.parametrize(
    ("field", "right"), [("spent_amount", 3_000), ("promised_amount", 400), ("held_amount", 700)]
)
def test_verify_names_a_wrong_budget(code: PromoCode, field: str, right: int) -> None:
    Campaign.objects.update(**{field: 1})

    assert named(verify()) == {("promos_campaign", field, 1, right)}


@pytest.mark.parametrize(
    ("wrong", "columns"),
    [
        (
            ("WHERE usages.status IN ('settled', 'refunded')", ""),
            {"uses", "unique_customers", "last_used_at"},
        ),
        (("COUNT(DISTINCT facts.customer_id)", "COUNT(facts.customer_id) + 1"), {"unique_customers"}),
        (("'refund', 'credit_note'", "'credit_note'"), {"refunded_amount"}),
        (("kind = 'dispute'", "kind = 'disputed'"), {"disputed_amount"}),
        (("CASE WHEN EXISTS", "CASE WHEN NOT EXISTS"), {"converted_customers"}),
        (("AND facts.net_amount > 0", ""), {"payments"}),
        (("MIN(facts.redeemed_at)", "MAX(facts.redeemed_at)"), {"first_used_at"}),
        (("sums.discounted_orders / 2", "sums.discounted_orders"), {"average_discount_amount"}),
        (
            ("JOIN promo_code_usage AS usages ON", "JOIN promo_code_usage AS usages ON 1 = 0 AND"),
            {"gross_amount"},
        ),
        (("AS entered ON", "AS entered ON 1 = 1 WHERE 1 = 0 AND"), {"uses", "gross_amount"}),
    ],
)
def test_verify_names_a_wrong_view(
    code: PromoCode, wrong: tuple[str, str], columns: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = redeem(code, gross=1_000, discount=101, at=after(1))
    redeem(code, gross=0, discount=0, currency="jpy", at=after(1))
    CodeCheckFactory(promo_code=code, customer=usage.customer, checked_at=after(0.5))
    PromoCodeUsage.objects.filter(status="pending").update(redeemed_at=after(2))
    PromoCode.objects.filter(pk=code.pk).update(used_count=4)
    Campaign.objects.update(spent_amount=3_101)
    assert verify()["ok"]
    assert wrong[0] in views_sql.CREATE
    monkeypatch.setattr(views_sql, "CREATE", views_sql.CREATE.replace(*wrong))
    views_sql.create_after_migrate(using="default")

    differing = {one["field"] for one in verify()["differences"] if one["table"] == "promo_code_analytics"}

    assert differing >= columns


def test_verify_names_rows_to_people_and_fails(code: PromoCode) -> None:
    PromoCode.objects.filter(pk=code.pk).update(used_count=5)
    out = StringIO()

    with pytest.raises(CommandError, match="1 figures differ"):
        call_command("verify_analytics", stdout=out)

    assert out.getvalue() == f"promo_codes {code.pk} (LAUNCH50): used_count is 5, its rows give 2\n"


def test_verify_says_when_all_agrees() -> None:
    out = StringIO()
    call_command("verify_analytics", stdout=out)

    assert out.getvalue() == "All figures agree with their rows.\n"


def test_verify_asks_as_many_queries_for_many_rows_as_for_few(
    code: PromoCode, django_assert_num_queries
) -> None:
    for other in PromoCodeFactory.create_batch(5):
        redeem(other)
    PromoCode.objects.exclude(pk=code.pk).update(used_count=1)

    with django_assert_num_queries(37):
        verify()


@pytest.mark.django_db(transaction=True)
def test_snapshot_does_not_see_what_is_written_meanwhile() -> None:
    redeem(PromoCodeFactory(used_count=1))

    def write() -> None:
        redeem(PromoCodeFactory())
        connection.close()

    with verification.snapshot():
        before = PromoCodeUsage.objects.count()
        writer = threading.Thread(target=write)
        writer.start()
        writer.join()
        assert (before, PromoCodeUsage.objects.count()) == (1, 1)
        assert not list(verification.codes())

    assert PromoCodeUsage.objects.count() == 2
