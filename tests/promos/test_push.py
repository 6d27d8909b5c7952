from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from promos import leases, promo_codes, stripe_gateway
from promos.models import Offer, PromoCode
from promos.standin.server import Standin
from promos.sync import push, terms
from tests.factories import CustomerFactory, OfferFactory, PromoCodeFactory
from tests.standin.faults import Faults

HOUR = timedelta(hours=1)

pytestmark = pytest.mark.django_db


def pushed(code: PromoCode, now: datetime) -> PromoCode:
    push.work(now)
    return PromoCode.objects.get(pk=code.pk)


def at_stripe(code: PromoCode) -> stripe_gateway.StripeObject:
    generation = terms.current(code)
    assert generation
    return stripe_gateway.retrieve_promotion_code(generation.stripe_promotion_code_id or "")


def test_push_makes_coupon_and_code(standin: Standin, now: datetime) -> None:
    code = pushed(PromoCodeFactory(code="LAUNCH", max_redemptions=5), now)
    found = at_stripe(code)
    assert (code.sync_status, code.sync_error, code.lease_token) == ("synced", "", "")
    assert (found["code"], found["active"], found["max_redemptions"]) == ("LAUNCH", True, 5)
    assert stripe_gateway.retrieve_coupon(terms.coupon_id(found))["percent_off"] == 20


def test_push_of_one_more_code_of_an_offer_takes_two_short_transactions(
    standin: Standin, now: datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    codes = PromoCodeFactory.create_batch(2, offer=OfferFactory())
    push.work(now)
    [code] = leases.claim(PromoCode.objects.due_for_push(now), now=now, lease=push.LEASE, limit=1)
    # Lease, code, generations, coupon, the new row; then lease, the row, code, generations, the end.
    with django_assert_num_queries(2 * (5 + len(["BEGIN", "COMMIT"]))):
        push.push(code, now=now)
    assert [PromoCode.objects.get(pk=code.pk).sync_status for code in codes] == ["synced", "synced"]


def test_push_twice_changes_nothing(standin: Standin, now: datetime) -> None:
    code = pushed(PromoCodeFactory(), now)
    promo_codes.retry(code)
    pushed(code, now)
    assert len(list(stripe_gateway.list_promotion_codes())) == 1
    assert len(list(stripe_gateway.list_coupons())) == 1


def test_push_restricts_the_coupon_to_products(standin: Standin, now: datetime) -> None:
    product = stripe_gateway.create_product({"name": "Setup"}, idempotency_key="setup")
    code = PromoCodeFactory(offer__product_ids=[product["id"]], first_time_only=True)
    found = at_stripe(pushed(code, now))
    coupon = stripe_gateway.retrieve_coupon(terms.coupon_id(found))
    assert coupon["applies_to"]["products"] == [product["id"]]
    assert found["restrictions"]["first_time_transaction"] is True


def test_push_carries_amounts_of_several_currencies(standin: Standin, now: datetime) -> None:
    code = PromoCodeFactory(
        offer__kind=Offer.Kind.AMOUNT,
        offer__percent_off=None,
        offer__amount_off=1000,
        offer__currency="usd",
        offer__currency_amounts={"eur": 900},
        minimum_amount=5000,
        minimum_amount_currency="usd",
    )
    code = pushed(code, now)
    assert code.sync_status == "synced"
    coupon = stripe_gateway.retrieve_coupon(terms.coupon_id(at_stripe(code)))
    assert terms.of_coupon(coupon)["amounts"] == {"usd": 1000, "eur": 900}


def test_push_makes_the_customer_of_a_personal_code(standin: Standin, now: datetime) -> None:
    code = pushed(PromoCodeFactory(customer=CustomerFactory(email="vip@example.com")), now)
    assert at_stripe(code)["customer"] == code.customer.stripe_customer_id


def test_pause_and_resume_switch_the_code(standin: Standin, now: datetime) -> None:
    code = pushed(PromoCodeFactory(), now)
    promo_codes.pause(code, now=now)
    assert at_stripe(pushed(code, now))["active"] is False
    promo_codes.resume(code)
    assert at_stripe(pushed(code, now))["active"] is True


def test_archive_ends_the_code_at_stripe(standin: Standin, now: datetime) -> None:
    code = pushed(PromoCodeFactory(), now)
    promo_codes.archive(code, now=now)
    code = pushed(code, now)
    assert (code.sync_status, at_stripe(code)["active"]) == ("synced", False)


def test_a_later_start_is_pushed_inactive_and_switched_on_in_time(standin: Standin, now: datetime) -> None:
    code = pushed(PromoCodeFactory(starts_at=now + timedelta(hours=1)), now)
    assert (code.sync_status, at_stripe(code)["active"]) == ("synced", False)
    assert push.work(now + timedelta(minutes=59)) == 0
    assert at_stripe(pushed(code, now + timedelta(hours=1)))["active"] is True


def test_edit_of_locked_terms_makes_a_successor_with_the_remaining_uses(
    standin: Standin, now: datetime
) -> None:
    code = pushed(PromoCodeFactory(max_redemptions=10), now)
    old = at_stripe(code)
    PromoCode.objects.filter(pk=code.pk).update(used_count=4)
    code.refresh_from_db()
    code.offer.percent_off = Decimal(30)
    promo_codes.change(code, offer=code.offer, now=now)
    code = pushed(code, now)
    assert code.sync_status == "synced"
    assert (at_stripe(code)["id"] != old["id"], at_stripe(code)["max_redemptions"]) == (True, 6)
    assert stripe_gateway.retrieve_promotion_code(old["id"])["active"] is False


def test_renaming_the_offer_updates_the_coupon_in_place(standin: Standin, now: datetime) -> None:
    code = pushed(PromoCodeFactory(), now)
    code.offer.name = "Spring"
    code.offer.save()
    pushed(code, now)
    assert [coupon["name"] for coupon in stripe_gateway.list_coupons()] == ["Spring"]


def test_push_while_stripe_is_down_keeps_the_code_pending(now: datetime, settings: Settings) -> None:
    code = pushed(PromoCodeFactory(), now)
    assert (code.sync_status, code.sync_error) == ("pending", "Stripe could not be reached.")
    assert code.sync_attempts == 1
    assert code.next_try_at is not None
    assert push.work(code.next_try_at - timedelta(microseconds=1)) == 0


def test_push_after_an_outage_arrives(standin: Standin, now: datetime, settings: Settings) -> None:
    settings.STRIPE_HOST = "http://127.0.0.1:9"
    code = pushed(PromoCodeFactory(), now)
    settings.STRIPE_HOST = standin.url
    code = pushed(code, now + timedelta(minutes=1))
    assert (code.sync_status, code.sync_error, code.sync_attempts) == ("synced", "", 0)


def test_push_takes_over_what_a_lost_try_made(standin: Standin, now: datetime) -> None:
    faults = Faults(standin)
    faults.next(faults.drop_after_commit, method="POST", times=2)
    code = pushed(PromoCodeFactory(), now)
    code = pushed(code, now + HOUR)
    assert code.sync_status == "pending"
    assert pushed(code, now + 2 * HOUR).sync_status == "synced"
    assert len(list(stripe_gateway.list_promotion_codes())) == 1


def test_push_never_overwrites_a_foreign_code(standin: Standin, now: datetime) -> None:
    coupon = stripe_gateway.create_coupon({"percent_off": 5, "duration": "once"}, idempotency_key="c")
    foreign = {"promotion": {"type": "coupon", "coupon": coupon["id"]}, "code": "Launch"}
    stripe_gateway.create_promotion_code(foreign, idempotency_key="p")
    code = pushed(PromoCodeFactory(code="LAUNCH"), now)
    assert (code.sync_status, "not made here" in code.sync_error) == ("conflict", True)


def test_push_of_what_stripe_refuses_says_why(standin: Standin, now: datetime) -> None:
    code = pushed(PromoCodeFactory(offer__product_ids=["prod_unknown"]), now)
    assert code.sync_status == "error"
    assert "prod_unknown" in code.sync_error
    assert push.work(now + timedelta(days=1)) == 0


def test_code_made_by_hand_goes_before_a_batch(standin: Standin, now: datetime) -> None:
    offer = OfferFactory()
    batch = PromoCodeFactory.build_batch(3, offer=offer)
    PromoCode.objects.bulk_create(batch)
    by_hand = PromoCodeFactory()
    push.work(now)
    assert [code.pk for code in PromoCode.objects.filter(sync_status="synced")] == [by_hand.pk]


def test_push_leaves_out_codes_that_another_worker_holds(standin: Standin, now: datetime) -> None:
    code = PromoCodeFactory(lease_token="other", lease_until=now + timedelta(minutes=1))
    assert pushed(code, now).sync_status == "pending"
    assert pushed(code, now + timedelta(minutes=2)).sync_status == "synced"


def test_an_expired_code_is_not_made_at_stripe(standin: Standin, now: datetime) -> None:
    code = pushed(PromoCodeFactory(expires_at=now - timedelta(days=1)), now)
    assert (code.sync_status, terms.current(code)) == ("synced", None)
