from datetime import datetime, timedelta
from typing import Any

import pytest

from promos import redemptions
from promos.eligibility import Reason
from promos.models import Campaign, CheckoutAttempt, Customer, LedgerEntry, PromoCode, PromoCodeUsage
from tests.factories import CampaignFactory, LedgerEntryFactory, SyncedPromoCodeFactory

pytestmark = pytest.mark.django_db


def attempt_of(customer: Customer, code: PromoCode | None, now: datetime, **fields: Any) -> CheckoutAttempt:
    values = {"plan": "price_monthly", "currency": "usd", "held_amount": 1000} | fields
    expires_at = now + timedelta(minutes=30)
    return CheckoutAttempt(
        customer=customer, promo_code=code, created_at=now, expires_at=expires_at, **values
    )


def session_of(buyer: Customer, code: PromoCode | None, **fields: Any) -> dict[str, Any]:
    """A paid checkout session: 100.00 less 10.00, as Stripe's event carries it."""
    promotion_code = f"promo_{code.pk}" if code else None
    return {
        "id": "cs_test_1",
        "customer": buyer.stripe_customer_id,
        "customer_details": {"email": buyer.email},
        "subscription": "sub_1",
        "payment_status": "paid",
        "currency": "usd",
        "amount_subtotal": 10_000,
        "amount_total": 9_000 if code else 10_000,
        "total_details": {"amount_discount": 1_000 if code else 0, "amount_tax": 0},
        "discounts": [{"promotion_code": promotion_code, "coupon": None}] if code else [],
        "metadata": {"promodesk_plan": "price_monthly", "promodesk_interval": "month"},
    } | fields


def ours(attempt: CheckoutAttempt) -> dict[str, str]:
    return {"promodesk_attempt": str(attempt.pk)}


@pytest.fixture
def buyer(customer: Customer) -> Customer:
    customer.stripe_customer_id = "cus_1"
    customer.save()
    return customer


def counters(code: PromoCode) -> tuple[int, int]:
    code.refresh_from_db()
    return code.used_count, code.held_count


def test_hold_takes_the_last_use_once(buyer: Customer, now: datetime) -> None:
    code = SyncedPromoCodeFactory(max_redemptions=1)
    redemptions.hold(attempt_of(buyer, code, now))
    with pytest.raises(redemptions.NothingLeft) as caught:
        redemptions.hold(attempt_of(buyer, code, now))
    assert caught.value.reason == Reason.USED_UP
    assert (counters(code), CheckoutAttempt.objects.count()) == ((0, 1), 1)


def test_hold_counts_open_checkouts_against_the_customers_limit(buyer: Customer, now: datetime) -> None:
    code = SyncedPromoCodeFactory(max_redemptions_per_customer=1)
    redemptions.hold(attempt_of(buyer, code, now))
    with pytest.raises(redemptions.NothingLeft) as caught:
        redemptions.hold(attempt_of(buyer, code, now))
    assert caught.value.reason == Reason.CUSTOMER_LIMIT


def test_hold_refuses_a_second_purchase_of_a_first_time_code(buyer: Customer, now: datetime) -> None:
    LedgerEntryFactory(customer=buyer)
    with pytest.raises(redemptions.NothingLeft) as caught:
        redemptions.hold(attempt_of(buyer, SyncedPromoCodeFactory(first_time_only=True), now))
    assert caught.value.reason == Reason.NOT_FIRST_PURCHASE


def test_hold_stops_at_the_budget(buyer: Customer, now: datetime) -> None:
    code = SyncedPromoCodeFactory(campaign=CampaignFactory(budget_amount=1500, currency="usd"))
    redemptions.hold(attempt_of(buyer, code, now))
    with pytest.raises(redemptions.NothingLeft) as caught:
        redemptions.hold(attempt_of(buyer, code, now))
    assert caught.value.reason == Reason.BUDGET_SPENT
    assert Campaign.objects.get().held_amount == 1000


def test_release_gives_back_once(buyer: Customer, now: datetime) -> None:
    code = SyncedPromoCodeFactory(campaign=CampaignFactory(budget_amount=1500, currency="usd"))
    attempt = redemptions.hold(attempt_of(buyer, code, now))
    for _ in range(2):
        redemptions.release(attempt, state="expired", now=now)
    assert (counters(code), Campaign.objects.get().held_amount) == ((0, 0), 0)


def test_record_moves_the_hold_to_a_use(buyer: Customer, now: datetime) -> None:
    code = SyncedPromoCodeFactory(campaign=CampaignFactory(budget_amount=1500, currency="usd"))
    attempt = redemptions.hold(attempt_of(buyer, code, now, stripe_session_id="cs_test_1"))
    redemptions.record(session_of(buyer, code, metadata=ours(attempt)), event=None, now=now)
    campaign = Campaign.objects.get()
    assert counters(code) == (1, 0)
    assert (campaign.spent_amount, campaign.held_amount) == (1000, 0)
    assert CheckoutAttempt.objects.get().state == "completed"


def test_record_finds_an_attempt_whose_session_was_not_saved(buyer: Customer, now: datetime) -> None:
    code = SyncedPromoCodeFactory()
    attempt = redemptions.hold(attempt_of(buyer, code, now))
    session = session_of(buyer, code, metadata=ours(attempt))
    redemptions.record(session, event=None, now=now)
    assert counters(code) == (1, 0)


def test_expire_finds_an_attempt_whose_session_was_not_saved(buyer: Customer, now: datetime) -> None:
    code = SyncedPromoCodeFactory()
    attempt = redemptions.hold(attempt_of(buyer, code, now))
    redemptions.expire(session_of(buyer, code, metadata=ours(attempt)), now=now)
    assert counters(code) == (0, 0)


def test_another_installations_session_leaves_our_attempt_of_its_number_alone(buyer, now: datetime) -> None:
    code = SyncedPromoCodeFactory()
    attempt = redemptions.hold(attempt_of(buyer, code, now))
    theirs = session_of(buyer, code, metadata=ours(attempt), customer="cus_theirs")
    redemptions.record(theirs, event=None, now=now)
    assert counters(code) == (1, 1)


@pytest.mark.parametrize("number", ["", "9" * 30, "-1", "\u0661", "one"])
def test_record_knows_no_attempt_by_what_is_no_number_of_ours(buyer, now: datetime, number: str) -> None:
    code = SyncedPromoCodeFactory()
    session = session_of(buyer, code, metadata={"promodesk_attempt": number})
    assert redemptions.record(session, event=None, now=now) is not None
    assert counters(code) == (1, 0)


def test_record_settles_the_attempt_of_a_customer_replaced_at_stripe(buyer, now: datetime) -> None:
    code = SyncedPromoCodeFactory()
    attempt = redemptions.hold(attempt_of(buyer, code, now, stripe_session_id="cs_test_1"))
    session = session_of(buyer, code, metadata=ours(attempt))
    Customer.objects.filter(pk=buyer.pk).update(stripe_customer_id="cus_2")
    redemptions.record(session, event=None, now=now)
    assert counters(code) == (1, 0)


def test_record_keeps_stripes_figures(buyer: Customer, now: datetime) -> None:
    code = SyncedPromoCodeFactory()
    redemptions.record(session_of(buyer, code), event=None, now=now)
    usage, entry = PromoCodeUsage.objects.get(), LedgerEntry.objects.get()
    assert (usage.redemption_key, usage.plan, usage.is_new_customer) == ("sub_1", "price_monthly", True)
    assert (usage.gross_amount, usage.discount_amount, usage.net_amount) == (10_000, 1_000, 9_000)
    assert (entry.usage, entry.interval, entry.net_amount) == (usage, "month", 9_000)


def test_record_five_times_counts_once(buyer: Customer, now: datetime) -> None:
    code = SyncedPromoCodeFactory()
    for _ in range(5):
        redemptions.record(session_of(buyer, code), event=None, now=now)
    assert (PromoCodeUsage.objects.count(), LedgerEntry.objects.count(), counters(code)) == (1, 1, (1, 0))


def test_record_keeps_an_order_without_a_code(buyer: Customer, now: datetime) -> None:
    redemptions.record(session_of(buyer, None), event=None, now=now)
    assert LedgerEntry.objects.get().usage is None


def test_record_keeps_the_id_of_an_unknown_code(buyer: Customer, now: datetime) -> None:
    session = session_of(buyer, None, discounts=[{"promotion_code": "promo_elsewhere"}])
    redemptions.record(session, event=None, now=now)
    assert LedgerEntry.objects.get().stripe_promotion_code_id == "promo_elsewhere"


def test_record_counts_past_the_limit_and_says_so(buyer: Customer, now: datetime) -> None:
    code = SyncedPromoCodeFactory(max_redemptions=1, used_count=1)
    redemptions.record(session_of(buyer, code), event=None, now=now)
    assert counters(code) == (2, 0)
    assert PromoCodeUsage.objects.get().is_over_limit


def test_record_waits_for_a_late_payment(buyer: Customer, now: datetime) -> None:
    code = SyncedPromoCodeFactory()
    attempt = redemptions.hold(attempt_of(buyer, code, now, stripe_session_id="cs_test_1"))
    unpaid = session_of(buyer, code, payment_status="unpaid", metadata=ours(attempt))
    redemptions.record(unpaid, event=None, now=now)
    assert (counters(code), LedgerEntry.objects.count()) == ((0, 1), 0)
    assert PromoCodeUsage.objects.get().status == "pending"
    redemptions.fail(unpaid, now=now)
    assert counters(code) == (0, 0)
    assert PromoCodeUsage.objects.get().status == "failed"


def test_record_makes_a_customer_of_a_guest_once(customer: Customer, now: datetime) -> None:
    guest = {"customer": None, "customer_details": {"email": "Guest@Example.com"}}
    redemptions.record(session_of(customer, None, **guest), event=None, now=now)
    again = guest | {"id": "cs_test_2", "subscription": "sub_2"}
    redemptions.record(session_of(customer, None, **again), event=None, now=now + timedelta(days=1))
    assert Customer.objects.filter(email_key="guest@example.com").count() == 1
    assert list(LedgerEntry.objects.order_by("pk").values_list("is_new_customer", flat=True)) == [True, False]


@pytest.mark.parametrize(
    ("address", "country"),
    [({"country": "AT"}, "AT"), ({"country": "Austria"}, "CH"), ({"country": None}, "CH"), (None, "CH")],
)
def test_record_keeps_the_country_of_the_last_payment(
    buyer: Customer, now: datetime, address: dict[str, str | None] | None, country: str
) -> None:
    Customer.objects.update(country="CH")
    details = {"email": buyer.email, "address": address}
    redemptions.record(session_of(buyer, None, customer_details=details), event=None, now=now)
    buyer.refresh_from_db()
    assert (buyer.country, buyer.email) == (country, "customer@example.com")


def test_record_brings_no_country_back_to_who_was_erased(buyer: Customer, now: datetime) -> None:
    Customer.objects.update(email="", email_key="", erased_at=now)
    details = {"email": "customer@example.com", "address": {"country": "AT"}}
    redemptions.record(session_of(buyer, None, customer_details=details), event=None, now=now)
    buyer.refresh_from_db()
    assert (buyer.country, buyer.email) == ("", "")


def test_session_that_only_saves_a_card_is_no_order(now: datetime) -> None:
    """Stripe says ``no_payment_required`` of these too; as a first order it would make the next one a returning one."""
    card = {"id": "cs_test_2", "mode": "setup", "payment_status": "no_payment_required", "currency": None}
    session = card | {
        "customer": "cus_2",
        "customer_details": {"email": "jane@example.com"},
        "amount_total": None,
    }
    assert redemptions.record(session, event=None, now=now) is None
    assert (LedgerEntry.objects.count(), Customer.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    "odd",
    [
        {"amount_total": 9_000.5},
        {"amount_total": "9000"},
        {"total_details": {"amount_discount": True}},
        {"currency": None},
        {"currency": "USD "},
    ],
)
def test_paid_session_without_whole_amounts_and_a_currency_is_not_counted(
    odd: dict[str, Any], buyer: Customer, now: datetime
) -> None:
    with pytest.raises((ValueError, TypeError)):
        redemptions.record(session_of(buyer, None, **odd), event=None, now=now)
    assert not LedgerEntry.objects.exists()


def test_paid_session_that_does_not_say_its_amount_is_not_counted(buyer: Customer, now: datetime) -> None:
    session = session_of(buyer, None)
    del session["amount_total"]
    with pytest.raises(KeyError, match="amount_total"):
        redemptions.record(session, event=None, now=now)
    assert not LedgerEntry.objects.exists()
