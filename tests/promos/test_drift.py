"""The drift doctor: each kind of difference is found, said and repaired; a clean account has none."""

from datetime import datetime, timedelta

import pytest
import requests

from promos import promo_codes, stripe_gateway
from promos.models import (
    DriftFinding,
    PromoCode,
    PromoCodeUsage,
    StripeCoupon,
)
from promos.standin import coupons, promotion_codes
from promos.standin.server import Standin
from promos.sync import conflicts, marks, pull
from tests.factories import PromoCodeFactory, UsageFactory
from tests.promos import sides
from tests.promos.drift_runs import check, found, repaired
from tests.promos.sides import again, coupon_id, stripe_id, synced
from tests.shop import give_code, open_shop
from tests.standin import clock as clocks
from tests.standin.dashboard import Dashboard

pytestmark = pytest.mark.django_db
Kind = DriftFinding.Kind


def test_clean_account_has_no_difference(dashboard: Dashboard, now: datetime) -> None:
    code = synced(now)
    synced(now, starts_at=now + timedelta(days=1), offer=code.offer)
    synced(now, max_redemptions=5, used_count=5)
    PromoCodeFactory(expires_at=now - timedelta(days=1))
    archived = synced(now)
    promo_codes.archive(archived, now=now)
    edited = synced(now)
    edited.max_redemptions = 8
    edited.save()
    sides.push_all(now)
    assert found(now) == repaired(now) == []


def test_history_without_counterparts_at_stripe_is_no_difference(standin: Standin, now: datetime) -> None:
    """As the demo's: we have recorded more than Stripe counts."""
    code = synced(now)
    UsageFactory(promo_code=code, stripe_promotion_code_id=stripe_id(code))
    assert found(now) == []


def test_what_waits_for_the_worker_is_no_difference(dashboard: Dashboard, now: datetime) -> None:
    code = synced(now)
    PromoCodeFactory()
    code.max_redemptions = 4
    code.save()
    assert found(now) == []


def test_code_made_in_the_dashboard_is_missing_here(dashboard: Dashboard, now: datetime) -> None:
    coupon = dashboard.create_coupon(percent_off=10, duration="once")
    dashboard.create_code(coupon.id, "SPRING")
    dashboard.create_code(coupon.id, "LATER", active=False)
    assert [each.kind for each in found(now)] == [Kind.MISSING_HERE] * 2
    assert [each.outcome for each in repaired(now)] == ["repaired"] * 2
    assert PromoCode.objects.get().code == "SPRING"
    assert found(now) == []


def test_promotion_code_that_is_gone_is_missing_there(standin: Standin, now: datetime) -> None:
    code = synced(now)
    # No API deletes a promotion code; Stripe's "delete all test data" does.
    with standin.core.store.lock, standin.core.store.transaction():
        standin.core.store.delete("promotion_code", stripe_id(code))
    check(now, Kind.MISSING_THERE, sentence=f"The promotion code of {code} is gone from Stripe.")
    assert sides.active_at_stripe(code.code) == [stripe_id(code)]


def test_code_that_was_never_made_is_missing_there(standin: Standin, now: datetime) -> None:
    code = PromoCodeFactory()
    PromoCode.objects.update(sync_status="synced")
    check(now, Kind.MISSING_THERE, sentence=f"{code} was never made in Stripe.")


def test_name_edited_in_the_dashboard(dashboard: Dashboard, now: datetime) -> None:
    code = synced(now)
    dashboard.rename_coupon(coupon_id(code), "Spring")
    sentence = "The terms of Twenty percent off were changed in Stripe: name Twenty percent off → Spring."
    check(now, Kind.EDITED_THERE, sentence=sentence)
    assert again(code).offer.name == "Spring"


def test_code_switched_off_in_the_dashboard(dashboard: Dashboard, now: datetime) -> None:
    code = synced(now)
    dashboard.deactivate_code(stripe_id(code))
    check(now, Kind.DEACTIVATED_THERE, sentence=f"{code} was switched off in Stripe.")
    assert again(code).paused_at


def test_code_switched_on_in_the_dashboard(dashboard: Dashboard, now: datetime) -> None:
    code = synced(now)
    promo_codes.pause(code, now=now)
    sides.push_all(now)
    dashboard.reactivate_code(stripe_id(code))
    check(now, Kind.REACTIVATED_THERE, sentence=f"{code} was switched on in Stripe.")
    assert again(code).paused_at is None


def test_coupon_deleted_in_the_dashboard_is_left_to_the_owner(dashboard: Dashboard, now: datetime) -> None:
    code = synced(now)
    dashboard.delete_coupon(coupon_id(code))
    assert [each.kind for each in found(now)] == [Kind.COUPON_DELETED]  # and not: switched off
    sentence = "The coupon of Twenty percent off, on which 1 code here depends, was deleted in Stripe."
    assert [(each.outcome, each.sentence) for each in repaired(now)] == [
        ("repaired", sentence),
        ("for_owner", f"{code} waits for your word: {pull.COUPON_DELETED}"),
    ]
    assert [each.kind for each in repaired(now)] == [Kind.CONFLICT]
    conflicts.keep_ours(again(code), now=now)
    sides.push_all(now)
    assert found(now) == []


def test_coupon_that_expired_ends_its_codes_silently(
    standin: Standin, dashboard: Dashboard, now: datetime
) -> None:
    standin.api.clock = clock = clocks.Clock()
    redeem_by = int((now + timedelta(days=1)).timestamp())
    coupon = dashboard.create_coupon(percent_off=10, duration="once", redeem_by=redeem_by)
    pull.promotion_code(dashboard.create_code(coupon.id, "SPRING").id, now=now)
    # As a row from before we knew of the coupon's end.
    PromoCode.objects.update(expires_at=None)
    later = now + timedelta(days=2)
    clock.advance(timedelta(days=2).total_seconds())
    check(later, Kind.SILENTLY_EXPIRED, sentence="SPRING has expired in Stripe, which tells nobody.")
    code = PromoCode.objects.get()
    assert code.expires_at == datetime.fromtimestamp(redeem_by, now.tzinfo)
    assert code.history.latest("pk").history_change_reason == "Expired in Stripe"


def test_own_expiry_is_no_difference(standin: Standin, now: datetime) -> None:
    standin.api.clock = clock = clocks.Clock()
    synced(now, expires_at=now + timedelta(days=1))
    clock.advance(timedelta(days=2).total_seconds())
    assert found(now + timedelta(days=2)) == []


def test_coupon_used_up_in_stripe_is_left_to_the_owner(
    standin: Standin, dashboard: Dashboard, now: datetime
) -> None:
    coupon = dashboard.create_coupon(percent_off=10, duration="once", max_redemptions=1)
    code = dashboard.create_code(coupon.id, "SPRING")
    pull.promotion_code(code.id, now=now)
    UsageFactory(promo_code=PromoCode.objects.get(), stripe_promotion_code_id=code.id)
    redeem(standin, code.id)
    [finding] = repaired(now)
    assert (finding.kind, finding.outcome) == (Kind.USED_UP, "for_owner")


def test_use_that_was_given_back_makes_a_successor(standin: Standin, now: datetime) -> None:
    code = synced(now, max_redemptions=1)
    UsageFactory(promo_code=code, stripe_promotion_code_id=stripe_id(code))
    redeem(standin, stripe_id(code))
    sentence = f"{code} is used up in Stripe, though uses are left: some were given back."
    check(now, Kind.USED_UP, sentence=sentence)
    assert sides.active_at_stripe(code.code) == [stripe_id(code)]


def redeem(standin: Standin, promotion_code_id: str) -> None:
    """Count one redemption at Stripe, as if there had been a checkout."""
    store = standin.core.store
    with store.lock, store.transaction():
        call = standin.core.call()
        promotion_codes.redeem(call, promotion_code_id)
        coupons.redeem(call, call.get("promotion_code", promotion_code_id)["promotion"]["coupon"])


def test_use_that_stripe_counts_and_nobody_knows_is_left_to_the_owner(
    standin: Standin, now: datetime
) -> None:
    code = synced(now)
    redeem(standin, stripe_id(code))
    [finding] = repaired(now)
    assert (finding.kind, finding.outcome) == (Kind.COUNTER_GAP, "for_owner")
    assert finding.sentence.startswith(f"Stripe counts 1 use of {code} more than are recorded here")


def test_use_held_by_an_open_checkout_is_no_gap(standin: Standin, now: datetime) -> None:
    """When Stripe counts a redemption, at the opening or at the end of a checkout, is not documented."""
    code = synced(now)
    redeem(standin, stripe_id(code))
    PromoCode.objects.update(held_count=1)
    assert found(now) == []


def test_redemption_whose_event_was_lost_is_recorded(standin: Standin, now: datetime) -> None:
    shop = open_shop()
    code = give_code("SPRING")
    open_and_pay(standin, shop.monthly, stripe_id(code))
    assert [each.kind for each in found(now)] == [Kind.REDEMPTION_MISSING]
    [finding] = repaired(now)
    assert (finding.outcome, finding.promo_code) == ("repaired", code)
    assert PromoCodeUsage.objects.get().promo_code == code
    assert again(code).used_count == 1
    assert found(now) == repaired(now) == []


def open_and_pay(standin: Standin, price: str, promotion_code_id: str) -> None:
    """Redeem a code at Stripe; nobody listens to its events."""
    params = {
        "mode": "subscription",
        "line_items": [{"price": price, "quantity": 1}],
        "discounts": [{"promotion_code": promotion_code_id}],
        "success_url": "https://example.com/",
    }
    session = stripe_gateway.create_checkout_session(params, idempotency_key="session")
    form = {"action": "pay", "card": "4242 4242 4242 4242", "email": "buyer@example.com"}
    assert requests.post(session["url"], data=form, timeout=10, allow_redirects=False).status_code == 303


def test_coupon_with_our_mark_and_no_row_is_a_ghost(standin: Standin, now: datetime) -> None:
    params = {"percent_off": 5, "duration": "once", "metadata": {marks.OFFER_KEY: "lost"}, "name": "Lost"}
    stripe_gateway.create_coupon(params, idempotency_key="ghost")
    sentence = "Stripe has the coupon Lost, which bears our mark, but no offer here knows it."
    check(now, Kind.GHOST_COUPON, sentence=sentence)
    assert StripeCoupon.objects.get().offer.name == "Lost"


def test_second_promotion_code_of_one_generation_is_a_duplicate(standin: Standin, now: datetime) -> None:
    code = synced(now, code="SPRING")
    dashboard = Dashboard(standin.url)
    mine = marks.of_generation(code.pk, 1)
    second = dashboard.create_code(coupon_id(code), "SPRING", active=False, metadata=mine)
    sentence = "Stripe has a second promotion code that was made for SPRING: an answer was lost."
    check(now, Kind.DUPLICATE, sentence=sentence)
    assert sides.active_at_stripe("SPRING") == [stripe_id(code)] != [second.id]


def test_replaced_promotion_code_that_is_active_again_is_a_duplicate(standin: Standin, now: datetime) -> None:
    code = synced(now, code="SPRING")
    first = stripe_id(code)
    code.max_redemptions = 8
    code.paused_at = now
    code.save()
    sides.push_all(now)
    Dashboard(standin.url).reactivate_code(first)
    sentence = "An earlier promotion code of SPRING, which has been replaced, is active in Stripe again."
    check(now, Kind.DUPLICATE, sentence=sentence)
    assert sides.active_at_stripe("SPRING") == []


def test_currency_added_in_the_dashboard(dashboard: Dashboard, now: datetime) -> None:
    amount = {"kind": "amount", "percent_off": None, "amount_off": 500, "currency": "usd", "name": "Five"}
    code = synced(now, **{f"offer__{name}": value for name, value in amount.items()})
    dashboard.v1.coupons.update(coupon_id(code), {"currency_options": {"eur": {"amount_off": 450}}})
    sentence = "The terms of Five were changed in Stripe: amount $5.00 → €4.50, $5.00."
    check(now, Kind.CURRENCIES_CHANGED, sentence=sentence)


def test_products_changed_by_a_coupon_made_anew(dashboard: Dashboard, now: datetime) -> None:
    product = dashboard.create_product("Team")
    dashboard.create_coupon(id="TEAM", percent_off=10, duration="once")
    pull.coupon("TEAM", now=now)
    dashboard.delete_coupon("TEAM")
    only = {"products": [product.id]}
    dashboard.create_coupon(id="TEAM", percent_off=10, duration="once", applies_to=only)
    sentence = f"The terms of TEAM were changed in Stripe: products every product → {product.id}."
    check(now, Kind.PRODUCTS_CHANGED, sentence=sentence)


def test_change_that_nothing_told_stripe(standin: Standin, now: datetime) -> None:
    code = synced(now)
    # Past the signal, as another program would.
    PromoCode.objects.update(max_redemptions=3)
    check(now, Kind.NOT_PUSHED, sentence=f"{code} was changed here, and nothing has told Stripe.")


def test_push_that_stripe_refused_is_left_to_the_owner(standin: Standin, now: datetime) -> None:
    code = synced(now, offer__product_ids=["prod_unknown"])
    [finding] = repaired(now)
    assert (finding.kind, finding.outcome) == (Kind.NOT_PUSHED, "for_owner")
    assert finding.sentence == f"{code} could not be pushed: {code.sync_error}"


def test_conflicts_of_one_offer_are_one_finding(standin: Standin, now: datetime) -> None:
    code = synced(now, code="AUTUMN")
    PromoCodeFactory.create_batch(2, offer=code.offer)
    PromoCode.objects.update(sync_status="conflict", sync_error="Why.")
    [finding] = found(now)
    assert finding.sentence == "AUTUMN and 2 more of Twenty percent off waits for your word: Why."
