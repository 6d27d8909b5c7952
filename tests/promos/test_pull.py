from datetime import datetime, timedelta
from typing import Any

import pytest

from promos import promo_codes, stripe_gateway
from promos.models import Offer, PromoCode, StripeCoupon
from promos.standin.server import Standin
from promos.sync import pull, push, terms
from tests.factories import PromoCodeFactory
from tests.promos import uses

pytestmark = pytest.mark.django_db


def dashboard_coupon(**params: Any) -> str:
    made = stripe_gateway.create_coupon({"duration": "once", **params}, idempotency_key=repr(params))
    return str(made["id"])


def dashboard_code(coupon_id: str, **params: Any) -> str:
    params = {"promotion": {"type": "coupon", "coupon": coupon_id}, **params}
    return str(stripe_gateway.create_promotion_code(params, idempotency_key=repr(params))["id"])


def synced(now: datetime, **fields: Any) -> PromoCode:
    code = PromoCodeFactory(**fields)
    push.work(now)
    return PromoCode.objects.get(pk=code.pk)


def stripe_id(code: PromoCode) -> str:
    generation = terms.current(code)
    assert generation
    return generation.stripe_promotion_code_id or ""


def test_pull_makes_a_code_of_a_dashboard_one_with_its_terms(standin: Standin, now: datetime) -> None:
    product = stripe_gateway.create_product({"name": "Setup"}, idempotency_key="setup")
    coupon = dashboard_coupon(percent_off=25, name="Fair", applies_to={"products": [product["id"]]})
    found = dashboard_code(
        coupon, code="Fair25", max_redemptions=7, restrictions={"first_time_transaction": True}
    )
    pull.promotion_code(found, now=now)
    code = PromoCode.objects.get()
    assert (code.code, code.max_redemptions, code.first_time_only) == ("FAIR25", 7, True)
    assert (code.offer.name, code.offer.percent_off, code.offer.product_ids) == ("Fair", 25, [product["id"]])
    assert code.sync_status == "synced"
    assert push.work(now) == 0


def test_pull_of_an_amount_in_several_currencies(standin: Standin, now: datetime) -> None:
    options = {"eur": {"amount_off": 900}}
    coupon = dashboard_coupon(amount_off=1000, currency="usd", currency_options=options)
    pull.promotion_code(dashboard_code(coupon, code="TENOFF"), now=now)
    offer = Offer.objects.get()
    assert (offer.kind, offer.amount_off, offer.currency) == ("amount", 1000, "usd")
    assert offer.currency_amounts == {"eur": 900}


def test_pull_twice_makes_one_code(standin: Standin, now: datetime) -> None:
    found = dashboard_code(dashboard_coupon(percent_off=25), code="FAIR25")
    pull.promotion_code(found, now=now)
    pull.promotion_code(found, now=now)
    assert (PromoCode.objects.count(), Offer.objects.count(), StripeCoupon.objects.count()) == (1, 1, 1)


def test_pull_of_our_own_push_changes_nothing(standin: Standin, now: datetime) -> None:
    code = synced(now)
    before = PromoCode.objects.values().get(pk=code.pk)
    pull.promotion_code(stripe_id(code), now=now)
    assert PromoCode.objects.values().get(pk=code.pk) == before


def test_pull_before_our_push_was_saved_makes_no_second_code(standin: Standin, now: datetime) -> None:
    code = synced(now)
    found = stripe_id(code)
    code.stripe_promotion_codes.update(state="creating", stripe_promotion_code_id=None)
    pull.promotion_code(found, now=now)
    assert PromoCode.objects.count() == 1


def test_pull_takes_over_a_deactivation_and_a_reactivation(standin: Standin, now: datetime) -> None:
    code = synced(now)
    stripe_gateway.update_promotion_code(stripe_id(code), {"active": False})
    pull.promotion_code(stripe_id(code), now=now)
    code.refresh_from_db()
    assert (code.paused_at, code.sync_status, push.work(now)) == (now, "synced", 0)
    stripe_gateway.update_promotion_code(stripe_id(code), {"active": True})
    pull.promotion_code(stripe_id(code), now=now)
    code.refresh_from_db()
    assert (code.paused_at, code.sync_status) == (None, "synced")


def test_pull_takes_our_own_pause_for_no_change(standin: Standin, now: datetime) -> None:
    code = synced(now)
    promo_codes.pause(code, now=now)
    push.work(now)
    promo_codes.resume(code)
    pull.promotion_code(stripe_id(code), now=now)
    code.refresh_from_db()
    assert (code.paused_at, code.sync_status) == (None, "pending")


def test_pull_puts_a_code_back_to_sleep_that_our_schedule_keeps_off(standin: Standin, now: datetime) -> None:
    code = synced(now, starts_at=now + timedelta(days=1))
    stripe_gateway.update_promotion_code(stripe_id(code), {"active": True})
    pull.promotion_code(stripe_id(code), now=now)
    push.work(now)
    assert stripe_gateway.retrieve_promotion_code(stripe_id(code))["active"] is False


def test_pull_of_a_text_in_use_here_becomes_a_conflict(standin: Standin, now: datetime) -> None:
    PromoCodeFactory(code="FAIR25")
    pull.promotion_code(dashboard_code(dashboard_coupon(percent_off=25), code="FAIR25"), now=now)
    imported = PromoCode.objects.get(description="Made in Stripe")
    assert (imported.sync_status, imported.archived_at is not None) == ("conflict", True)


def test_pull_takes_over_a_new_name(standin: Standin, now: datetime) -> None:
    code = synced(now)
    coupon = StripeCoupon.objects.get()
    stripe_gateway.update_coupon(coupon.stripe_coupon_id, {"name": "Spring"})
    pull.coupon(coupon.stripe_coupon_id, now=now)
    code.offer.refresh_from_db()
    assert (code.offer.name, push.work(now)) == ("Spring", 0)


def test_a_deleted_coupon_is_marked_and_its_codes_wait(standin: Standin, now: datetime) -> None:
    code = synced(now)
    pull.coupon_deleted(StripeCoupon.objects.get().stripe_coupon_id)
    code.refresh_from_db()
    assert (StripeCoupon.objects.get().state, code.sync_status) == ("deleted", "conflict")


def test_code_used_up_at_stripe_is_not_paused_here(standin: Standin, now: datetime) -> None:
    code = synced(now, max_redemptions=1)
    uses.redeem(standin, code)
    assert not stripe_gateway.retrieve_promotion_code(stripe_id(code))["active"]
    pull.promotion_code(stripe_id(code), now=now, is_coupon_dead=False)
    code.refresh_from_db()
    assert (code.paused_at, code.sync_status) == (None, "synced")
