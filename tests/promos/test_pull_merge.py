"""Which side has changed: ours, Stripe's, both, or neither."""

from datetime import datetime, timedelta

import pytest

from promos import promo_codes, stripe_gateway
from promos.models import Offer, PromoCode, StripeCoupon
from promos.standin.server import Standin
from promos.sync import merge, pull, push
from tests.promos import sides
from tests.promos.sides import again, coupon_id, stripe_id, synced
from tests.standin import clock as clocks
from tests.standin.dashboard import Dashboard

pytestmark = pytest.mark.django_db


def rename_here(code: PromoCode, name: str) -> None:
    code.offer.name = name
    code.offer.save()


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict"),
    [
        ("old", "old", ""),
        ("new", "old", ""),
        ("old", "new", "taken"),
        ("new", "new", "agreed"),
        ("new", "other", "clashing"),
    ],
)
def test_compare_says_who_changed_a_term(ours: str, theirs: str, verdict: str) -> None:
    found = merge.compare({"name": ours}, {"name": theirs}, {"name": "old"})
    assert [kind for kind in ("taken", "agreed", "clashing") if getattr(found, kind)] == (
        [verdict] if verdict else []
    )


def test_renamed_here_only_waits_for_its_push(dashboard: Dashboard, now: datetime) -> None:
    code = synced(now)
    rename_here(code, "Summer")
    pull.coupon(coupon_id(code), now=now)
    assert (again(code).offer.name, again(code).sync_status) == ("Summer", "pending")


def test_renamed_alike_on_both_sides_agrees(dashboard: Dashboard, now: datetime) -> None:
    code = synced(now)
    rename_here(code, "Summer")
    dashboard.rename_coupon(coupon_id(code), "Summer")
    pull.coupon(coupon_id(code), now=now)
    assert StripeCoupon.objects.get().synced_terms["name"] == "Summer"
    assert again(code).sync_status != "conflict"


def test_renamed_apart_on_both_sides_is_a_conflict_until_they_agree(
    dashboard: Dashboard, now: datetime
) -> None:
    code = synced(now)
    rename_here(code, "Summer")
    dashboard.rename_coupon(coupon_id(code), "Winter")
    pull.coupon(coupon_id(code), now=now)
    assert (again(code).sync_status, again(code).sync_error) == (
        "conflict",
        "Changed here and in Stripe: name.",
    )
    dashboard.rename_coupon(coupon_id(code), "Summer")
    pull.coupon(coupon_id(code), now=now)
    sides.push_all(now)
    assert (again(code).sync_status, again(code).offer.name) == ("synced", "Summer")


def test_name_of_a_nameless_coupon_stays_its_id(dashboard: Dashboard, now: datetime) -> None:
    coupon = dashboard.create_coupon(id="SPRING", percent_off=10, duration="once")
    pull.coupon(coupon.id, now=now)
    pull.coupon(coupon.id, now=now)
    assert Offer.objects.get().name == "SPRING"


def test_currency_added_in_the_dashboard_is_taken_over(dashboard: Dashboard, now: datetime) -> None:
    code = synced(
        now, offer__kind="amount", offer__percent_off=None, offer__amount_off=500, offer__currency="usd"
    )
    more = {"currency_options": {"eur": {"amount_off": 450}}}
    dashboard.v1.coupons.update(coupon_id(code), more)
    pull.coupon(coupon_id(code), now=now)
    assert again(code).offer.currency_amounts == {"eur": 450}
    assert push.work(now) == 0


def test_coupon_made_anew_with_other_terms_changes_its_offer(dashboard: Dashboard, now: datetime) -> None:
    dashboard.create_coupon(id="SPRING", percent_off=10, duration="once")
    pull.coupon("SPRING", now=now)
    dashboard.delete_coupon("SPRING")
    dashboard.create_coupon(id="SPRING", amount_off=500, currency="usd", duration="forever")
    pull.coupon("SPRING", now=now)
    offer = Offer.objects.get()
    assert (offer.kind, offer.percent_off, offer.amount_off, offer.duration) == (
        "amount",
        None,
        500,
        "forever",
    )


def test_deactivation_wins_over_an_edit_made_here(dashboard: Dashboard, now: datetime) -> None:
    code = synced(now)
    code.max_redemptions = 9
    code.save()
    dashboard.deactivate_code(stripe_id(code))
    pull.promotion_code(stripe_id(code), now=now)
    sides.push_all(now)
    found = stripe_gateway.retrieve_promotion_code(stripe_id(code))
    assert again(code).paused_at == now
    assert (found["active"], found["max_redemptions"]) == (False, 9)


def test_expiry_at_stripe_is_nobodys_edit(standin: Standin, dashboard: Dashboard, now: datetime) -> None:
    standin.api.clock = clock = clocks.Clock()
    code = synced(now, expires_at=now + timedelta(days=1))
    clock.advance(timedelta(days=2).total_seconds())
    assert not sides.active_at_stripe(code.code)
    pull.promotion_code(stripe_id(code), now=now + timedelta(days=2))
    assert again(code).paused_at is None


def test_redeem_by_of_a_coupon_is_nobodys_edit(standin: Standin, dashboard: Dashboard, now: datetime) -> None:
    redeem_by = int((now + timedelta(days=30)).timestamp())
    coupon = dashboard.create_coupon(percent_off=10, duration="once", redeem_by=redeem_by)
    found = dashboard.create_code(coupon.id, "SPRING")
    pull.promotion_code(found.id, now=now)
    code = PromoCode.objects.get()
    code.max_redemptions, code.expires_at = 5, None
    code.save()
    sides.push_all(now)
    assert again(code).sync_status == "synced"
    assert code.stripe_promotion_codes.count() == 2


def test_cap_of_a_coupon_is_nobodys_edit(standin: Standin, dashboard: Dashboard, now: datetime) -> None:
    coupon = dashboard.create_coupon(percent_off=10, duration="once", max_redemptions=1)
    found = dashboard.create_code(coupon.id, "SPRING")
    pull.promotion_code(found.id, now=now)
    sides.answer_instead(standin, f"/v1/promotion_codes/{found.id}", active=False)
    sides.answer_instead(standin, f"/v1/coupons/{coupon.id}", valid=False)
    pull.promotion_code(found.id, now=now)
    assert PromoCode.objects.get().paused_at is None


def test_archived_code_switched_on_in_the_dashboard_lives_again(dashboard: Dashboard, now: datetime) -> None:
    code = synced(now)
    promo_codes.archive(code, now=now)
    sides.push_all(now)
    dashboard.reactivate_code(stripe_id(code))
    pull.promotion_code(stripe_id(code), now=now)
    assert (again(code).archived_at, again(code).sync_status) == (None, "synced")


def test_archived_code_switched_on_whose_text_is_in_use_is_a_conflict(
    dashboard: Dashboard, now: datetime
) -> None:
    code = synced(now, code="SPRING")
    promo_codes.archive(code, now=now)
    sides.push_all(now)
    dashboard.reactivate_code(stripe_id(code))
    synced(now, code="SPRING")
    pull.promotion_code(stripe_id(code), now=now)
    assert (again(code).archived_at, again(code).sync_status) == (now, "conflict")
    assert push.work(now) == 0


def test_pull_during_a_push_waits(dashboard: Dashboard, now: datetime) -> None:
    code = synced(now)
    dashboard.deactivate_code(stripe_id(code))
    PromoCode.objects.filter(pk=code.pk).update(lease_until=now + timedelta(seconds=30), lease_token="worker")
    with pytest.raises(pull.InMotion):
        pull.promotion_code(stripe_id(code), now=now)
    pull.promotion_code(stripe_id(code), now=now + timedelta(minutes=1))
    assert again(code).paused_at


def test_answer_from_before_our_push_is_not_taken_for_a_reactivation(
    dashboard: Dashboard, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is on its way while the owner's pause is pushed: it says active, we agreed on inactive."""
    code = synced(now)
    retrieve = stripe_gateway.retrieve_promotion_code

    def slow(promotion_code_id: str) -> stripe_gateway.StripeObject:
        monkeypatch.undo()
        found = retrieve(promotion_code_id)
        promo_codes.pause(again(code), now=now)
        sides.push_all(now)
        return found

    monkeypatch.setattr(stripe_gateway, "retrieve_promotion_code", slow)
    with pytest.raises(pull.InMotion):
        pull.promotion_code(stripe_id(code), now=now)
    assert again(code).paused_at == now
