"""What comes after the checkout, from Stripe's objects to the rows."""

from datetime import timedelta

import pytest

from promos import redemptions, settlements
from promos.models import Campaign, LedgerEntry, PromoCode, PromoCodeUsage, Subscription
from tests.factories import CampaignFactory, SyncedPromoCodeFactory, WebhookEventFactory
from tests.promos.canned_stripe import CannedStripe
from tests.promos.stripe_orders import (
    BEGUN,
    credit_note,
    dispute,
    epoch,
    invoice,
    refund,
    session,
    subscription,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def stripe(monkeypatch) -> CannedStripe:
    return CannedStripe(monkeypatch)


@pytest.fixture
def code() -> PromoCode:
    return SyncedPromoCodeFactory(campaign=CampaignFactory(currency="usd"), max_redemptions=5)


@pytest.fixture
def bought(stripe, code, now) -> PromoCodeUsage:
    """A checkout of 100.00 less 10.00, its invoice and one renewal at the same price."""
    orders = [session(code), invoice(code), invoice(code, month=1)]
    stripe.has(*orders)
    for order in orders:
        stripe.tell(order, now)
    return PromoCodeUsage.objects.get()


def money(usage: PromoCodeUsage) -> tuple[int, int, int]:
    usage.refresh_from_db()
    return usage.gross_amount, usage.discount_amount, usage.net_amount


def happen(stripe: CannedStripe, subject: dict[str, object], now) -> None:
    stripe.has(subject)
    stripe.tell(subject, now)


def used(code: PromoCode) -> tuple[int, str]:
    return PromoCode.objects.values_list("used_count", "sync_status").get(pk=code.pk)


def test_partial_refund_lowers_net_and_keeps_the_use(stripe, code, bought, now) -> None:
    happen(stripe, refund(2_500), now)
    assert money(bought) == (20_000, 2_000, 15_500)
    assert (bought.status, used(code)) == ("settled", (1, "synced"))


def test_full_refund_gives_the_use_back_and_has_the_code_looked_at(stripe, code, bought, now) -> None:
    happen(stripe, refund(4_000), now)
    happen(stripe, refund(5_000, id="re_other"), now)
    assert money(bought) == (20_000, 2_000, 9_000)
    assert (bought.status, bought.is_given_back, used(code)) == ("refunded", True, (0, "pending"))


def test_refund_of_a_renewal_gives_no_use_back(stripe, code, bought, now) -> None:
    happen(stripe, refund(month=1), now)
    assert (money(bought)[2], bought.status, used(code)) == (9_000, "settled", (1, "synced"))


def test_full_refund_keeps_the_use_where_the_campaign_says_so(stripe, code, bought, now) -> None:
    Campaign.objects.update(gives_back_on_refund=False)
    happen(stripe, refund(), now)
    bought.refresh_from_db()
    assert (bought.status, bought.is_given_back, used(code)) == ("refunded", False, (1, "synced"))


def test_full_refund_gives_back_by_the_setting_where_there_is_no_campaign(stripe, settings, now) -> None:
    settings.GIVES_BACK_ON_REFUND = False
    code = SyncedPromoCodeFactory()
    stripe.has(invoice(code))
    happen(stripe, refund(), now)
    assert (PromoCodeUsage.objects.get().is_given_back, used(code)) == (False, (1, "synced"))


def test_refunds_of_a_charge_are_recorded_one_by_one(stripe, bought, now) -> None:
    stripe.has(refund(1_000), refund(500, id="re_second"), refund(700, month=1))
    settlements.record_refunds_of("ch_0", event=None, now=now)
    refunds = LedgerEntry.objects.filter(kind="refund").values_list("stripe_object_id", "net_amount")
    assert set(refunds) == {("re_0", -1_000), ("re_second", -500)}


def test_failed_refund_is_taken_back(stripe, code, bought, now) -> None:
    happen(stripe, refund(), now)
    happen(stripe, refund(status="failed"), now)
    assert (money(bought)[2], bought.status, used(code)[0]) == (18_000, "settled", 1)
    assert bought.ledger_entries.filter(kind="refund").count() == 2


def test_refund_that_waits_for_the_customer_moves_no_money(stripe, bought, now) -> None:
    happen(stripe, refund(status="requires_action"), now)
    assert not LedgerEntry.objects.filter(kind="refund").exists()


def test_refund_brings_its_order_with_it(stripe, code, now) -> None:
    stripe.has(invoice(code))
    happen(stripe, refund(2_500), now)
    usage = PromoCodeUsage.objects.get()
    assert (money(usage), usage.redemption_key) == ((10_000, 1_000, 6_500), "sub_1")


def test_refund_of_a_single_payment_finds_its_checkout(stripe, code, now) -> None:
    stripe.has(session(code, subscription=None, invoice=None, payment_intent="pi_0"))
    happen(stripe, refund(2_500), now)
    assert money(PromoCodeUsage.objects.get()) == (10_000, 1_000, 6_500)


def test_refund_of_what_was_no_order_is_passed_over(stripe, now) -> None:
    happen(stripe, refund(), now)
    assert not LedgerEntry.objects.exists()


def test_refund_of_a_partly_paid_invoice_waits(stripe, code, now) -> None:
    stripe.has(invoice(code, status="open"))
    with pytest.raises(settlements.NotSettled):
        happen(stripe, refund(2_500), now)


def test_refund_is_split_into_net_and_tax_as_its_order_was(stripe, code, now) -> None:
    stripe.has(invoice(code, total=10_800))
    happen(stripe, refund(10_800), now)
    entry, usage = LedgerEntry.objects.get(kind="refund"), PromoCodeUsage.objects.get()
    assert (entry.net_amount, entry.tax_amount) == (-9_000, -1_800)
    assert (usage.net_amount, usage.status) == (0, "refunded")


@pytest.mark.parametrize(
    ("fields", "net_amount"),
    [
        ({}, 9_000),
        ({"status": "warning_needs_response", "balance_transactions": []}, 18_000),
        ({"status": "under_review"}, 9_000),
        ({"status": "won"}, 18_000),
        ({"status": "lost", "balance_transactions": []}, 9_000),
    ],
)
def test_dispute_takes_what_it_withdrew(stripe, code, bought, now, fields, net_amount) -> None:
    happen(stripe, dispute(**fields), now)
    assert (money(bought)[2], bought.status, used(code)[0]) == (net_amount, "settled", 1)


def test_credit_note_takes_off_its_net_beside_its_refunds(stripe, bought, now) -> None:
    refunds = [{"refund": "re_0", "amount_refunded": 600}]
    happen(stripe, credit_note(1_200, refunds=refunds), now)
    entry = LedgerEntry.objects.get(kind="credit_note")
    assert (entry.net_amount, entry.tax_amount, money(bought)[2]) == (-500, -100, 17_500)


def test_voided_credit_note_is_taken_back(stripe, bought, now) -> None:
    happen(stripe, credit_note(), now)
    assert money(bought)[2] == 17_000
    happen(stripe, credit_note(status="void", voided_at=epoch(1)), now)
    assert money(bought)[2] == 18_000


def test_credit_note_that_only_refunds_leaves_it_to_the_refund(stripe, bought, now) -> None:
    happen(stripe, credit_note(refunds=[{"refund": "re_0", "amount_refunded": 1_200}]), now)
    assert money(bought)[2] == 18_000


def test_running_subscription_tells_when_the_discount_ends(stripe, code, bought, now) -> None:
    happen(stripe, subscription(code), now)
    bought.refresh_from_db()
    kept = Subscription.objects.get()
    assert (kept.plan, kept.interval, kept.status) == ("price_monthly", "month", "active")
    assert bought.discount_ends_at == BEGUN + timedelta(days=360)


def test_ended_subscription_ends_the_discount(stripe, code, bought, now) -> None:
    happen(stripe, subscription(code, status="canceled", ended_at=epoch(2)), now)
    bought.refresh_from_db()
    assert bought.discount_ends_at == BEGUN + timedelta(days=60)


def test_discount_taken_off_a_subscription_ended_with_the_last_order(stripe, code, bought, now) -> None:
    happen(stripe, subscription(), now)
    bought.refresh_from_db()
    assert bought.discount_ends_at == BEGUN + timedelta(days=30)


def test_settlement_without_a_redemption_stays_in_the_ledger(stripe, now) -> None:
    stripe.has(invoice())
    happen(stripe, refund(4_000), now)
    redemptions.record(session(), event=None, now=now)
    kinds = LedgerEntry.objects.order_by("pk").values_list("kind", "net_amount", "usage")
    assert list(kinds) == [("checkout", 10_000, None), ("refund", -4_000, None)]


def test_invoice_in_an_older_version_of_the_api_is_asked_for_anew(stripe, now) -> None:
    renewal = invoice(month=1)
    stripe.has(renewal)
    older = {name: value for name, value in renewal.items() if name not in {"parent", "payments"}}
    event = WebhookEventFactory(type="invoice.paid", api_version="2024-06-20")
    settlements.record_invoice(older | {"subscription": "sub_1"}, event=event, now=now)
    entry = LedgerEntry.objects.get()
    assert (entry.kind, entry.redemption_key, entry.stripe_payment_intent_id) == ("invoice", "sub_1", "pi_1")
