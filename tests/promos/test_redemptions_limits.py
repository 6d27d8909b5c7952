"""Who counts as one person, what a budget sets aside, and what lies past a limit."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from analytics import verification
from promos import redemptions
from promos.billing import renewals
from promos.eligibility import Reason
from promos.models import Campaign, CheckoutAttempt, Customer, PromoCode, PromoCodeUsage
from promos.models.customers import email_key
from promos.plans import Plan
from tests.factories import (
    CampaignFactory,
    CustomerFactory,
    LedgerEntryFactory,
    OfferFactory,
    SyncedPromoCodeFactory,
    UsageFactory,
)
from tests.promos.stripe_orders import BEGUN, epoch, invoice, session, subscription

pytestmark = pytest.mark.django_db


@pytest.fixture
def buyer() -> Customer:
    return CustomerFactory(email="customer@example.com", stripe_customer_id="cus_1")


def hold(customer: Customer, code: PromoCode, **fields: object) -> CheckoutAttempt:
    values = {"held_amount": 1_000, "created_at": BEGUN, "expires_at": BEGUN + timedelta(minutes=30)}
    return redemptions.hold(
        CheckoutAttempt(
            customer=customer, promo_code=code, plan="price_monthly", currency="usd", **values | fields
        )
    )


def refusal(customer: Customer, code: PromoCode, **fields: object) -> Reason:
    with pytest.raises(redemptions.NothingLeft) as caught:
        hold(customer, code, **fields)
    return caught.value.reason


def budget() -> tuple[int, int, int]:
    return Campaign.objects.values_list("spent_amount", "promised_amount", "held_amount").get()


def sync_statuses() -> set[str]:
    return set(PromoCode.objects.values_list("sync_status", flat=True))


def balanced() -> bool:
    return not [difference for check in verification.CHECKS.values() for difference in check()]


@pytest.mark.parametrize(
    ("email", "key"),
    [
        (" J.Doe+promo@GMail.com ", "jdoe@gmail.com"),
        ("jdoe@googlemail.com", "jdoe@gmail.com"),
        ("j.doe+promo@outlook.com", "j.doe@outlook.com"),
        ("J.Doe+promo@example.com", "j.doe+promo@example.com"),
        ("", ""),
    ],
)
def test_email_key_is_one_for_all_spellings_of_a_mailbox(email: str, key: str) -> None:
    assert email_key(email) == key


def test_email_key_keeps_aliases_apart_when_told_to(settings) -> None:
    settings.EMAIL_ALIASES_ARE_ONE = False
    assert email_key("J.Doe+promo@gmail.com") == "j.doe+promo@gmail.com"


def test_limit_per_customer_holds_over_all_accounts_of_a_mailbox() -> None:
    code = SyncedPromoCodeFactory(max_redemptions_per_customer=1)
    UsageFactory(promo_code=code, customer=CustomerFactory(email="jdoe@gmail.com"))
    assert refusal(CustomerFactory(email="j.doe@gmail.com"), code) == Reason.CUSTOMER_LIMIT


def test_customers_without_an_address_are_not_one_person() -> None:
    code = SyncedPromoCodeFactory(max_redemptions_per_customer=1)
    UsageFactory(promo_code=code, customer=CustomerFactory(email=""))
    assert hold(CustomerFactory(email=""), code).pk


def test_use_given_back_may_be_used_again(buyer: Customer) -> None:
    code = SyncedPromoCodeFactory(max_redemptions_per_customer=1)
    UsageFactory(promo_code=code, customer=buyer, status="refunded", is_given_back=True)
    assert hold(buyer, code).pk


def test_first_purchase_is_the_persons_not_the_accounts() -> None:
    LedgerEntryFactory(customer=CustomerFactory(email="jdoe@gmail.com"))
    code = SyncedPromoCodeFactory(first_time_only=True)
    assert refusal(CustomerFactory(email="j.d.o.e@gmail.com"), code) == Reason.NOT_FIRST_PURCHASE


def test_second_checkout_at_once_is_no_first_purchase(buyer: Customer) -> None:
    hold(buyer, SyncedPromoCodeFactory())
    assert refusal(buyer, SyncedPromoCodeFactory(first_time_only=True)) == Reason.NOT_FIRST_PURCHASE


@pytest.mark.parametrize(
    ("months", "duration", "length", "interval", "promised"),
    [
        (12, "once", None, "month", 0),
        (12, "repeating", 3, "month", 2 * 2_000),
        (12, "repeating", 24, "month", 11 * 2_000),
        (12, "forever", None, "month", 11 * 2_000),
        (12, "forever", None, "year", 0),
        (13, "forever", None, "year", 2_000),
        (0, "forever", None, "month", 0),
    ],
)
def test_promise_is_the_discount_of_the_renewals_ahead(
    settings, months, duration, length, interval, promised
) -> None:
    settings.BUDGET_MONTHS_AHEAD = months
    offer = OfferFactory.build(percent_off=Decimal(20), duration=duration, duration_in_months=length)
    plan = Plan("price_1", "prod_1", "Team", "usd", 10_000, interval)
    assert renewals.promised_amount(plan, offer) == promised


def test_budget_holds_what_renewals_are_promised(buyer: Customer) -> None:
    code = SyncedPromoCodeFactory(campaign=CampaignFactory(budget_amount=2_999, currency="usd"))
    assert refusal(buyer, code, held_amount=3_000, promised_amount=2_000) == Reason.BUDGET_SPENT
    hold(buyer, code, held_amount=2_999, promised_amount=1_999)
    assert budget() == (0, 0, 2_999)


def test_promise_is_kept_renewal_by_renewal_and_ends_with_the_subscription(buyer, now: datetime) -> None:
    code = SyncedPromoCodeFactory(campaign=CampaignFactory(budget_amount=9_000, currency="usd"))
    attempt = hold(buyer, code, held_amount=4_000, promised_amount=3_000)
    ours = {"promodesk_attempt": str(attempt.pk)}
    redemptions.record(session(code, metadata=ours), event=None, now=now)
    assert budget() == (1_000, 3_000, 0)
    redemptions.record_invoice(invoice(code, month=1), event=None, now=now)
    assert budget() == (2_000, 2_000, 0)
    redemptions.note_subscription(subscription(code, status="canceled", ended_at=epoch(2)), now=now)
    assert (budget(), balanced()) == ((2_000, 0, 0), True)


def test_crossing_the_budget_has_the_campaigns_codes_switched_at_stripe(buyer, now: datetime) -> None:
    campaign = CampaignFactory(budget_amount=1_500, currency="usd")
    code, _ = SyncedPromoCodeFactory(campaign=campaign), SyncedPromoCodeFactory(campaign=campaign)
    redemptions.record(session(code), event=None, now=now)
    assert sync_statuses() == {"synced"}
    redemptions.record_invoice(invoice(code, month=1), event=None, now=now)
    assert (sync_statuses(), balanced()) == ({"pending"}, True)


def test_renewal_past_the_budget_marks_no_redemption(buyer: Customer, now: datetime) -> None:
    code = SyncedPromoCodeFactory(campaign=CampaignFactory(budget_amount=1_500, currency="usd"))
    redemptions.record(session(code), event=None, now=now)
    redemptions.record_invoice(invoice(code, month=1), event=None, now=now)
    assert (budget()[0], PromoCodeUsage.objects.get().is_over_limit) == (2_000, False)


def test_budget_in_another_currency_is_left_alone(buyer: Customer, now: datetime) -> None:
    code = SyncedPromoCodeFactory(campaign=CampaignFactory(budget_amount=1_500, currency="eur"))
    attempt = hold(buyer, code, held_amount=4_000, promised_amount=3_000)
    ours = {"promodesk_attempt": str(attempt.pk)}
    redemptions.record(session(code, metadata=ours), event=None, now=now)
    assert (budget(), balanced()) == ((0, 0, 0), True)


@pytest.mark.parametrize(
    "limits",
    [
        {"max_redemptions": 1, "used_count": 1},
        {"max_redemptions_per_customer": 1},
        {"first_time_only": True},
        {"campaign": {"budget_amount": 999, "currency": "usd"}},
    ],
    ids=["uses", "customer", "first", "budget"],
)
def test_payment_past_a_limit_is_recorded_and_marked(buyer, now: datetime, limits: dict) -> None:
    campaign = CampaignFactory(**limits.pop("campaign")) if "campaign" in limits else None
    code = SyncedPromoCodeFactory(campaign=campaign, **limits)
    UsageFactory(promo_code=code, customer=buyer)
    LedgerEntryFactory(customer=buyer)
    redemptions.record(session(code), event=None, now=now)
    usage = PromoCodeUsage.objects.get(redemption_key="sub_1")
    assert (usage.is_over_limit, usage.net_amount) == (True, 9_000)


@pytest.mark.parametrize(
    "limits",
    [
        {"max_redemptions": 1},
        {"max_redemptions_per_customer": 1},
        {"first_time_only": True},
        {"campaign": {"budget_amount": 1_000, "currency": "usd"}},
    ],
    ids=["uses", "customer", "first", "budget"],
)
def test_payment_up_to_a_limit_is_not_past_it(buyer: Customer, now: datetime, limits: dict) -> None:
    campaign = CampaignFactory(**limits.pop("campaign")) if "campaign" in limits else None
    code = SyncedPromoCodeFactory(campaign=campaign, **limits)
    redemptions.record(session(code), event=None, now=now)
    usage = PromoCodeUsage.objects.get(redemption_key="sub_1")
    assert (usage.is_over_limit, usage.discount_amount) == (False, 1_000)


def test_stripe_is_asked_after_a_checkout_when_its_event_had_time_to_come(buyer: Customer) -> None:
    attempt = hold(buyer, SyncedPromoCodeFactory())
    assert attempt.ask_at == attempt.expires_at + timedelta(minutes=2)
