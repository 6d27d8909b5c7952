"""Invoices: the first of a subscription meets its checkout, the later ones are renewals of it."""

from datetime import datetime, timedelta

import pytest
from django.core.management import call_command
from django.db.models import Sum

from analytics import total_checks
from promos import redemptions
from promos.models import CodeTotal, LedgerEntry, PromoCode, PromoCodeUsage, StripePromotionCode
from tests.factories import CampaignFactory, PriceFactory, SyncedPromoCodeFactory
from tests.promos.stripe_orders import BEGUN, invoice, refund, session

pytestmark = pytest.mark.django_db


@pytest.fixture
def code() -> PromoCode:
    return SyncedPromoCodeFactory()


def take(order: dict[str, object], now: datetime) -> LedgerEntry | None:
    record = redemptions.record if order["object"] == "checkout.session" else redemptions.record_invoice
    return record(order, event=None, now=now)


def used(code: PromoCode) -> int:
    return PromoCode.objects.values_list("used_count", flat=True).get(pk=code.pk)


@pytest.mark.parametrize("is_invoice_first", [True, False])
def test_checkout_and_its_first_invoice_are_one_order(code, now, is_invoice_first: bool) -> None:
    accounts = [session(code), invoice(code)]
    for order in reversed(accounts) if is_invoice_first else accounts:
        take(order, BEGUN)
    entry, usage = LedgerEntry.objects.get(), PromoCodeUsage.objects.get()
    assert (entry.kind, entry.stripe_object_id, entry.occurred_at) == ("checkout", "sub_1", BEGUN)
    assert (entry.stripe_session_id, entry.stripe_invoice_id) == ("cs_test_1", "in_0")
    assert (usage.stripe_session_id, usage.net_amount, used(code)) == ("cs_test_1", 9_000, 1)


def test_renewal_is_an_entry_of_its_redemption(code, now) -> None:
    take(session(code), BEGUN)
    take(invoice(code, month=1), now)
    usage = PromoCodeUsage.objects.get()
    assert list(usage.ledger_entries.order_by("pk").values_list("kind", flat=True)) == ["checkout", "invoice"]
    assert (usage.gross_amount, usage.discount_amount, usage.net_amount) == (20_000, 2_000, 18_000)
    assert used(code) == 1


def test_renewal_at_full_price_belongs_to_the_code_that_began_it(code, now) -> None:
    take(invoice(month=1), now)
    take(session(code), BEGUN)
    take(invoice(month=2), now)
    usage = PromoCodeUsage.objects.get()
    assert (usage.ledger_entries.count(), usage.redeemed_at) == (3, BEGUN)
    assert (usage.gross_amount, usage.discount_amount) == (30_000, 1_000)


def test_renewal_of_an_order_from_before_begins_no_customer(now) -> None:
    take(invoice(month=1), now)
    entry = LedgerEntry.objects.get()
    assert (entry.kind, entry.is_new_customer) == ("invoice", False)


def test_invoice_without_a_checkout_is_a_redemption(code, now) -> None:
    take(invoice(code), now)
    usage = PromoCodeUsage.objects.get()
    assert (usage.redemption_key, usage.plan, usage.is_new_customer) == ("sub_1", "price_monthly", True)
    assert used(code) == 1


def test_code_given_to_a_running_subscription_is_a_redemption(code, now) -> None:
    take(session(), BEGUN)
    take(invoice(code, month=1), now)
    usage = PromoCodeUsage.objects.get()
    assert (usage.ledger_entries.count(), usage.is_new_customer, used(code)) == (1, False, 1)


def two_codes(first: PromoCode, second: PromoCode, *, month: int = 1, **fields: object) -> dict[str, object]:
    """A renewal (month 0: a first invoice) of 100.00 of which one code took 10.00 and another 5.00, each named by its discount."""
    discounts = [{"id": f"di_{code.pk}", "promotion_code": f"promo_{code.pk}"} for code in (first, second)]
    amounts = [
        {"amount": 1_000, "discount": f"di_{first.pk}"},
        {"amount": 500, "discount": f"di_{second.pk}"},
    ]
    total = {"total": 8_500, "total_excluding_tax": 8_500}
    return invoice(month=month, discounts=discounts, total_discount_amounts=amounts, **total, **fields)


def test_second_code_on_an_invoice_has_what_it_took_off(code, now) -> None:
    second = SyncedPromoCodeFactory()
    for _ in range(2):
        take(two_codes(code, second), now)
    figures = {usage.promo_code_id: usage for usage in PromoCodeUsage.objects.all()}
    own, share = figures[code.pk], figures[second.pk]
    assert (own.gross_amount, own.discount_amount, own.net_amount) == (9_500, 1_000, 8_500)
    assert (share.gross_amount, share.discount_amount, share.net_amount) == (500, 500, 0)
    assert (used(code), used(second), LedgerEntry.objects.count()) == (1, 1, 2)


def test_a_code_that_took_nothing_off_leaves_the_order_to_the_other(code, now) -> None:
    idle = SyncedPromoCodeFactory()
    order = two_codes(idle, code)
    order["total_discount_amounts"][0]["amount"] = 0
    entry = take(order, now)
    assert (entry.usage.promo_code, entry.discount_amount, entry.net_amount) == (code, 500, 8_500)
    assert (used(code), used(idle), LedgerEntry.objects.count()) == (1, 0, 1)


def test_both_codes_of_a_first_order_are_a_new_customers(code, now) -> None:
    second = SyncedPromoCodeFactory()
    take(two_codes(code, second, month=0), now)
    new = PromoCodeUsage.objects.values_list("is_new_customer", flat=True)
    assert list(new) == [True, True]
    assert CodeTotal.objects.aggregate(new=Sum("new_customer_redemptions"))["new"] == 2
    earlier = session(id="cs_0", subscription="sub_0", invoice="in_before")
    take(earlier, BEGUN - timedelta(days=1))
    assert list(new.all()) == [False, False]
    assert list(total_checks.codes()) == list(total_checks.plans()) == []


def test_next_order_marks_second_codes_that_were_recorded_as_a_returning_customers(code, now) -> None:
    second = SyncedPromoCodeFactory()
    take(two_codes(code, second, month=0), BEGUN)
    # As it was recorded before second codes went with their order.
    LedgerEntry.objects.filter(kind=LedgerEntry.Kind.SHARE).update(is_new_customer=False)
    second.usages.update(is_new_customer=False)
    call_command("rebuild_totals", verbosity=0)

    take(invoice(code, month=1), now)

    assert PromoCodeUsage.objects.filter(is_new_customer=True).count() == 2
    assert LedgerEntry.objects.filter(is_new_customer=True).count() == 2
    assert list(total_checks.codes()) == list(total_checks.plans()) == []


def test_second_code_that_was_unknown_gets_its_share_later(code, now) -> None:
    second = SyncedPromoCodeFactory()
    StripePromotionCode.objects.filter(promo_code=second).update(stripe_promotion_code_id="promo_later")
    take(two_codes(code, second), now)
    assert used(second) == 0
    StripePromotionCode.objects.filter(promo_code=second).update(
        stripe_promotion_code_id=f"promo_{second.pk}"
    )
    assert redemptions.link(f"promo_{second.pk}", now=now) == 1
    assert (used(second), second.usages.get().discount_amount) == (1, 500)


@pytest.mark.parametrize(
    ("amount", "status", "uses"), [(8_500, "refunded", (0, 0)), (8_499, "settled", (1, 1))]
)
def test_full_refund_of_an_order_gives_the_use_of_both_codes_back(code, now, amount, status, uses) -> None:
    second = SyncedPromoCodeFactory()
    take(two_codes(code, second), now)
    order = LedgerEntry.objects.get(kind="invoice")
    redemptions.record_refund(refund(amount, month=1), order=order, event=None)
    own, share = code.usages.get(), second.usages.get()
    assert (own.status, own.net_amount) == (status, 8_500 - amount)
    # The money is the order's, once: what the second code took off stands.
    assert (share.status, share.discount_amount, share.net_amount) == (status, 500, 0)
    assert (used(code), used(second)) == uses
    assert list(total_checks.codes()) == list(total_checks.plans()) == []


def test_refund_that_falls_through_takes_the_use_of_both_codes_again(code, now) -> None:
    second = SyncedPromoCodeFactory()
    take(two_codes(code, second), now)
    order = LedgerEntry.objects.get(kind="invoice")
    for outcome in ("succeeded", "failed"):
        told = refund(8_500, month=1) | {"status": outcome}
        redemptions.record_refund(told, order=order, event=None)
    assert set(PromoCodeUsage.objects.values_list("status", flat=True)) == {"settled"}
    assert (used(code), used(second)) == (1, 1)


def test_second_code_that_arrives_after_the_refund_is_not_used(code, now) -> None:
    second = SyncedPromoCodeFactory()
    StripePromotionCode.objects.filter(promo_code=second).update(stripe_promotion_code_id="promo_later")
    take(two_codes(code, second), now)
    order = LedgerEntry.objects.get(kind="invoice")
    redemptions.record_refund(refund(8_500, month=1), order=order, event=None)
    StripePromotionCode.objects.filter(promo_code=second).update(
        stripe_promotion_code_id=f"promo_{second.pk}"
    )
    redemptions.link(f"promo_{second.pk}", now=now)
    assert (used(second), second.usages.get().status) == (0, "refunded")


def test_invoice_by_hand_meets_the_session_that_was_paid_with_it(code, now) -> None:
    alone = {"subscription": None, "invoice": None, "payment_intent": "pi_0"}
    written = invoice(code, billing_reason="manual", parent=None)
    take(written, BEGUN)
    take(session(code, **alone), BEGUN)
    take(written, now)
    entry, usage = LedgerEntry.objects.get(), PromoCodeUsage.objects.get()
    assert (entry.stripe_object_id, entry.stripe_invoice_id) == ("cs_test_1", "in_0")
    assert (usage.redemption_key, used(code)) == ("cs_test_1", 1)


def test_tax_is_kept_apart_whether_prices_include_it_or_not(now) -> None:
    totals = {"amount_discount": 0, "amount_tax": 2_000, "amount_shipping": 500}
    take(session(amount_total=12_500, total_details=totals), now)
    take(invoice(month=1, total=12_000, total_excluding_tax=10_000), now)
    take(invoice(month=2, total=10_000, total_excluding_tax=8_333), now)
    amounts = LedgerEntry.objects.order_by("pk").values_list("gross_amount", "tax_amount", "net_amount")
    assert list(amounts) == [(10_000, 2_000, 10_000), (10_000, 2_000, 10_000), (8_333, 1_667, 8_333)]


@pytest.mark.parametrize(("currency", "amount"), [("jpy", 500), ("kwd", 12_345)])
def test_amounts_stay_stripes_minor_units(now, currency: str, amount: int) -> None:
    take(invoice(currency=currency, total=amount, total_excluding_tax=amount), now)
    entry = LedgerEntry.objects.get()
    assert (entry.currency, entry.gross_amount, entry.net_amount) == (currency, amount, amount)


def test_code_on_a_single_line_is_found(code, now) -> None:
    discounted = invoice(code, month=1)
    discounted["lines"] = {"data": [{"discounts": discounted["discounts"]}]}
    take(discounted | {"discounts": []}, now)
    assert (PromoCodeUsage.objects.get().promo_code, used(code)) == (code, 1)


def test_unpaid_invoice_is_no_order(code, now) -> None:
    assert take(invoice(code, status="open"), now) is None
    assert not LedgerEntry.objects.exists()


def test_plan_is_the_price_of_the_subscriptions_own_line(now) -> None:
    price = PriceFactory(interval="year")
    item = {"subscription_item": "si_1", "proration": False}
    lines = [
        {"parent": {"invoice_item_details": {}}, "pricing": {"price_details": {"price": "price_setup"}}},
        {"parent": {"subscription_item_details": item}, "pricing": {"price_details": {"price": price.id}}},
    ]
    take(invoice(month=1, lines={"data": lines}), now)
    entry = LedgerEntry.objects.get()
    assert (entry.plan, entry.interval) == (price.id, "year")


def test_unknown_code_is_counted_when_it_arrives(now) -> None:
    stranger = {"discounts": [{"promotion_code": "promo_dashboard"}]}
    take(session(amount_total=9_000, **stranger), BEGUN)
    take(invoice(month=1, **stranger), now)
    code = SyncedPromoCodeFactory(campaign=CampaignFactory(currency="usd"))
    StripePromotionCode.objects.update(stripe_promotion_code_id="promo_dashboard")
    assert redemptions.link("promo_dashboard", now=now) == 1
    assert redemptions.link("promo_dashboard", now=now) == 0
    usage = PromoCodeUsage.objects.get()
    assert (usage.promo_code, usage.ledger_entries.count(), used(code)) == (code, 2, 1)
    assert usage.redeemed_at == BEGUN


def test_link_without_waiting_orders_is_one_look(django_assert_num_queries, now) -> None:
    with django_assert_num_queries(1):
        redemptions.link("promo_unused", now=now)
