"""The view promo_code_analytics: its figures by hand, and that migrations of its tables can go on."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal
from django.db import connection, models, transaction
from django.db.utils import DatabaseError
from pytest_django import Settings

from analytics import queries, verification, views_sql
from analytics.formulas import Ratio
from analytics.measures import steps
from analytics.models import PromoCodeAnalytics
from analytics.queries import Conversion, Scope
from analytics.selection import Selection
from promos.models import LedgerEntry, PromoCode, PromoCodeUsage
from tests.analytics.builders import after, buy, pay_back, redeem, renew
from tests.factories import LONG_AGO, CodeCheckFactory, CustomerFactory, PromoCodeFactory, UsageFactory


def view_exists() -> bool:
    with connection.cursor() as cursor:
        return any(
            table.name == views_sql.VIEW and table.type == "v"
            for table in connection.introspection.get_table_list(cursor)
        )


@pytest.mark.django_db
def test_view_sums_a_code_in_one_currency() -> None:
    code = PromoCodeFactory(code="LAUNCH50")
    buyer = CustomerFactory()
    first = redeem(code, gross=29_950, discount=10_000, customer=buyer, is_new_customer=True)
    redeem(code, gross=10_001, discount=5_000, customer=buyer, at=after(3))
    renew(first, gross=9_950, discount=0, at=after(30))
    pay_back(first, 4_000, at=after(31))
    pay_back(first, 500, kind=LedgerEntry.Kind.CREDIT_NOTE, at=after(32))
    pay_back(first, 1_000, kind=LedgerEntry.Kind.DISPUTE, at=after(33))

    row = PromoCodeAnalytics.objects.get()

    assert (row.code, row.currency, row.uses, row.unique_customers) == ("LAUNCH50", "usd", 2, 1)
    assert (row.gross_amount, row.discount_amount) == (49_901, 15_000)
    assert (row.refunded_amount, row.disputed_amount) == (4_500, 1_000)
    assert row.net_amount == 49_901 - 15_000 - 4_500 - 1_000
    assert (row.new_customer_uses, row.new_customer_share) == (1, Decimal("0.5000"))
    assert (row.first_used_at, row.last_used_at) == (LONG_AGO, LONG_AGO + timedelta(days=3))


@pytest.mark.django_db
def test_view_counts_rates_on_discounted_orders_only() -> None:
    usage = redeem(PromoCodeFactory(), gross=10_000, discount=2_001)
    renew(usage, gross=10_000, discount=2_000)
    renew(usage, gross=70_000, discount=0)

    row = PromoCodeAnalytics.objects.get()

    assert row.discounted_orders == 2
    assert row.discount_rate == Decimal("0.2001")  # 4,001 of 20,000, rounded half up
    assert row.average_discount_amount == 2_001  # 2,000.5, rounded half up


@pytest.mark.django_db
def test_view_has_what_a_return_is_reckoned_from() -> None:
    usage = redeem(PromoCodeFactory(), gross=10_000, discount=2_000)
    renew(usage, gross=5_000, discount=5_000)
    pay_back(usage, 500)

    row = PromoCodeAnalytics.objects.get()

    assert (row.orders, row.payments, row.charged_amount) == (2, 1, 8_000)


@pytest.mark.django_db
def test_view_follows_who_entered_a_code_for_thirty_days() -> None:
    code = PromoCodeFactory()
    bought, late, earlier = CustomerFactory.create_batch(3)
    for customer in (bought, bought, late, earlier, CustomerFactory(), None):
        CodeCheckFactory(promo_code=code, customer=customer, checked_at=LONG_AGO)
    CodeCheckFactory(promo_code=code, customer=CustomerFactory(), reason="expired")
    redeem(code, customer=bought, at=after(29.9))
    redeem(code, customer=late, at=after(30))
    redeem(code, customer=earlier, at=after(-1), currency="eur")

    for row in PromoCodeAnalytics.objects.all():
        assert (row.entered_customers, row.converted_customers) == (4, 1)
        assert row.conversion_rate == Decimal("0.2500")


@pytest.mark.django_db
@pytest.mark.parametrize("microsecond", [0, 1, 999_600])
def test_view_and_pages_convert_to_the_microsecond(microsecond: int) -> None:
    code, customers = PromoCodeFactory(), CustomerFactory.create_batch(4)
    entered = LONG_AGO.replace(microsecond=microsecond)
    second, month = timedelta(seconds=1), timedelta(days=30)
    just = timedelta(microseconds=1)
    moments = (entered - second, entered - second + just, entered + month - just, entered + month)
    for customer, at in zip(customers, moments, strict=True):
        CodeCheckFactory(promo_code=code, customer=customer, checked_at=entered)
        redeem(code, customer=customer, at=at)

    assert PromoCodeAnalytics.objects.get().converted_customers == 2
    assert queries.conversion(Scope()) == Conversion(entered=4, bought=2)


@pytest.mark.django_db
def test_view_converts_who_paid_in_the_second_of_the_entry() -> None:
    code, quick, before = PromoCodeFactory(), CustomerFactory(), CustomerFactory()
    entered = LONG_AGO.replace(microsecond=800_000)
    for customer, at in ((quick, LONG_AGO), (before, LONG_AGO - timedelta(seconds=1))):
        CodeCheckFactory(promo_code=code, customer=customer, checked_at=entered)
        redeem(code, customer=customer, at=at)

    row = PromoCodeAnalytics.objects.get()

    assert (row.entered_customers, row.converted_customers) == (2, 1)
    assert queries.conversion(Scope()) == Conversion(entered=2, bought=1)
    assert steps.conversion(Selection()) == Ratio(1, 2)
    assert list(verification.view()) == []
    assert not list(verification.view())


@pytest.mark.django_db
def test_view_keeps_currencies_apart() -> None:
    code = PromoCodeFactory()
    redeem(code, gross=10_000, discount=1_000)
    redeem(code, gross=5_000, discount=500, currency="jpy")

    rows = PromoCodeAnalytics.objects.order_by("currency").values_list("currency", "uses", "gross_amount")

    assert list(rows) == [("jpy", 1, 5_000), ("usd", 1, 10_000)]


@pytest.mark.django_db
def test_view_counts_settled_redemptions_only() -> None:
    code = PromoCodeFactory()
    redeem(code, status=PromoCodeUsage.Status.REFUNDED)
    UsageFactory(promo_code=code, status=PromoCodeUsage.Status.PENDING)
    UsageFactory(promo_code=code, status=PromoCodeUsage.Status.FAILED)

    assert PromoCodeAnalytics.objects.get().uses == 1


@pytest.mark.django_db
def test_view_leaves_out_unused_codes_and_sales_without_a_code() -> None:
    PromoCodeFactory()
    buy()

    assert not PromoCodeAnalytics.objects.exists()


@pytest.mark.django_db
def test_view_has_no_rate_without_a_discount() -> None:
    redeem(PromoCodeFactory(), gross=10_000, discount=0)

    row = PromoCodeAnalytics.objects.get()

    assert (row.discount_rate, row.average_discount_amount) == (None, None)
    assert (row.entered_customers, row.conversion_rate) == (0, None)


def alter_code(*, from_length: int, to_length: int) -> None:
    """Alter a column that the view reads, as a migration's AlterField would."""
    with connection.schema_editor() as editor:
        editor.alter_field(PromoCode, _code_field(from_length), _code_field(to_length))


def _code_field(length: int) -> models.CharField:
    field = models.CharField(max_length=length)
    field.set_attributes_from_name("code")
    field.model = PromoCode
    return field


@pytest.fixture
def _code_as_it_was(settings: Settings) -> Iterator[None]:
    # The history keeps the text in a column of its own, which stays as it is.
    settings.SIMPLE_HISTORY_ENABLED = False
    yield
    views_sql.drop_before_migrate(using="default")
    PromoCode.objects.all().delete()
    alter_code(from_length=300, to_length=255)
    views_sql.create_after_migrate(using="default")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_code_as_it_was")
def test_migrate_alters_a_table_of_the_view() -> None:
    assert view_exists()

    emit_pre_migrate_signal(verbosity=0, interactive=False, db="default")
    assert not view_exists()
    alter_code(from_length=255, to_length=300)
    emit_post_migrate_signal(verbosity=0, interactive=False, db="default")

    PromoCodeFactory(code="X" * 300)
    assert view_exists()


@pytest.mark.django_db(transaction=True)
def test_alter_with_the_view_in_place_fails() -> None:
    """The control: without the drop before it, the same change is refused by both databases."""
    with pytest.raises(DatabaseError, match="view"):
        alter_code(from_length=255, to_length=300)


@pytest.mark.django_db
def test_create_twice_keeps_one_view() -> None:
    views_sql.create_after_migrate(using="default")

    assert view_exists()


@pytest.mark.django_db
def test_create_waits_for_its_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    views_sql.drop_before_migrate(using="default")
    monkeypatch.setattr(views_sql, "TABLES", frozenset({"promo_codes", "not_yet_migrated"}))

    with transaction.atomic():
        views_sql.create_after_migrate(using="default")

    assert not view_exists()
