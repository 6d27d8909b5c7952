"""What Stripe has and we do not, what is gone from it, and what we cannot express."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime

import pytest
from django.db import DatabaseError, IntegrityError, connection
from djstripe.models import Coupon, PromotionCode

from promos import stripe_gateway
from promos.models import Offer, PromoCode, StripeCoupon, WebhookEvent
from promos.standin.server import Standin
from promos.sync import importing, marks, pull, push
from promos.webhooks import inbox, queue, receivers
from tests.factories import PromoCodeFactory
from tests.promos import sides
from tests.promos.sides import again, coupon_id, current, stripe_id, synced
from tests.standin import spec
from tests.standin.dashboard import Dashboard

pytestmark = pytest.mark.django_db


def deliver_everything(now: datetime) -> None:
    """Take in all that happened at Stripe so far, newest first."""
    for event in stripe_gateway.list_events():
        if event["type"] in receivers.REGISTRY:
            inbox.take(event, now=now)
    while queue.work(now):
        pass


def test_terms_we_cannot_express_are_kept_to_look_at(
    standin: Standin, dashboard: Dashboard, now: datetime
) -> None:
    coupon = dashboard.create_coupon(id="SCRIPT", percent_off=10, duration="once")
    found = dashboard.create_code(coupon.id, "SPRING")
    sides.answer_instead(standin, "/v1/coupons/SCRIPT", percent_off=None)
    pull.promotion_code(found.id, now=now)
    code = PromoCode.objects.get()
    assert (code.offer.kind, code.sync_status) == ("other", "synced")
    code.max_redemptions = 3
    code.save()
    assert push.work(now) == 0


def test_inactive_code_with_a_text_in_use_is_no_conflict(dashboard: Dashboard, now: datetime) -> None:
    code = PromoCodeFactory(code="SPRING")
    found = dashboard.create_code(dashboard.create_coupon().id, "SPRING", active=False)
    pull.promotion_code(found.id, now=now)
    imported = PromoCode.objects.exclude(pk=code.pk).get()
    assert (imported.archived_at, imported.sync_status) == (now, "synced")


def test_conflict_ends_when_the_dashboard_gives_the_text_up(dashboard: Dashboard, now: datetime) -> None:
    found = dashboard.create_code(dashboard.create_coupon().id, "SPRING")
    code = synced(now, code="SPRING")
    pull.promotion_code(found.id, now=now)
    assert set(PromoCode.objects.values_list("sync_status", flat=True)) == {"conflict"}
    dashboard.deactivate_code(found.id)
    pull.promotion_code(found.id, now=now)
    sides.push_all(now)
    assert set(PromoCode.objects.values_list("sync_status", flat=True)) == {"synced"}
    assert sides.active_at_stripe("SPRING") == [stripe_id(code)]


def test_same_text_for_two_customers_makes_two_codes(dashboard: Dashboard, now: datetime) -> None:
    coupon = dashboard.create_coupon()
    for email in ("ann@example.com", "ben@example.com"):
        customer = dashboard.create_customer(email)
        found = dashboard.create_code(coupon.id, "YOURS", customer=customer.id)
        pull.promotion_code(found.id, now=now)
    assert list(PromoCode.objects.values_list("code", "sync_status")) == [("YOURS", "synced")] * 2


def test_code_whose_coupon_is_gone_waits_for_the_owner(dashboard: Dashboard, now: datetime) -> None:
    code = synced(now)
    dashboard.delete_coupon(coupon_id(code))
    pull.promotion_code(stripe_id(code), now=now)
    assert (again(code).sync_status, again(code).paused_at) == ("conflict", None)
    assert StripeCoupon.objects.get().state == StripeCoupon.State.DELETED


def test_unknown_code_whose_coupon_is_gone_is_kept_as_archived(dashboard: Dashboard, now: datetime) -> None:
    coupon = dashboard.create_coupon(percent_off=20, duration="once")
    found = dashboard.create_code(coupon.id, "BYGONE")
    dashboard.delete_coupon(coupon.id)
    pull.promotion_code(found.id, now=now)
    code = PromoCode.objects.get()
    assert (code.code, code.archived_at, code.sync_status) == ("BYGONE", now, "synced")
    assert (code.offer.kind, StripeCoupon.objects.get().state) == ("other", "deleted")
    assert push.work(now) == 0


def test_coupon_unknown_here_that_is_gone_is_nothing(dashboard: Dashboard, now: datetime) -> None:
    pull.coupon("NEVER", now=now)
    assert not Offer.objects.exists()


def test_promotion_code_that_is_gone_is_made_again(standin: Standin, now: datetime) -> None:
    code = synced(now)
    first = stripe_id(code)
    stripe_gateway.update_promotion_code(first, {"active": False})
    sides.answer_instead(standin, f"/v1/promotion_codes/{first}", gone=True)
    pull.promotion_code(first, now=now)
    sides.push_all(now)
    assert again(code).sync_status == "synced"
    assert sides.active_at_stripe(code.code) == [stripe_id(code)] != [first]


def test_rival_import_of_the_same_code_asks_again(
    dashboard: Dashboard, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = dashboard.create_code(dashboard.create_coupon().id, "SPRING")

    def lost(*args: object, **kwargs: object) -> None:
        raise IntegrityError

    monkeypatch.setattr(importing, "promotion_code", lost)
    with pytest.raises(pull.InMotion):
        pull.promotion_code(found.id, now=now)
    assert not StripeCoupon.objects.exists()


@pytest.mark.slow
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_code_that_two_workers_pull_at_once_is_taken_over_once(dashboard: Dashboard, now: datetime) -> None:
    coupon = dashboard.create_coupon()
    found = [dashboard.create_code(coupon.id, f"SPRING{number}").id for number in range(6)]

    def take(promotion_code_id: str) -> None:
        for _ in range(4):
            with suppress(pull.InMotion, DatabaseError):
                pull.promotion_code(promotion_code_id, now=now)
                break
        connection.close()

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(take, found * 2))
    assert (PromoCode.objects.count(), Offer.objects.count(), StripeCoupon.objects.count()) == (6, 1, 1)


def test_event_asks_once_and_fills_the_mirror(standin: Standin, dashboard: Dashboard, now: datetime) -> None:
    code = synced(now)
    deliver_everything(now)
    WebhookEvent.objects.all().delete()
    renamed = dashboard.rename_coupon(coupon_id(code), "Spring")
    noted = dashboard.v1.promotion_codes.update(stripe_id(code), {"metadata": {"channel": "mail"}})
    standin.api = recorder = spec.Recorder(standin.api)
    events = [event for event in stripe_gateway.list_events() if event["type"].endswith(".updated")]
    for event in events:
        inbox.take(event, now=now)
    while queue.work(now):
        pass
    assert recorder.count("GET", f"/v1/coupons/{renamed.id}") == 1
    assert recorder.count("GET", f"/v1/promotion_codes/{noted.id}") == 1
    assert Coupon.objects.get().stripe_data["name"] == "Spring"
    assert PromotionCode.objects.get().stripe_data["metadata"]["channel"] == "mail"


def test_event_of_our_own_update_is_no_edit(standin: Standin, dashboard: Dashboard, now: datetime) -> None:
    """The worker was stopped after it had switched the code off to replace it, and before it had saved that."""
    code = synced(now)
    stripe_gateway.update_promotion_code(stripe_id(code), {"active": False})
    deliver_everything(now)
    assert again(code).paused_at is None
    assert PromotionCode.objects.get().active is False


def test_events_of_one_second_in_any_order_end_in_the_last_state(dashboard: Dashboard, now: datetime) -> None:
    code = synced(now)
    dashboard.deactivate_code(stripe_id(code))
    dashboard.reactivate_code(stripe_id(code))
    dashboard.rename_coupon(coupon_id(code), "First")
    dashboard.rename_coupon(coupon_id(code), "Last")
    deliver_everything(now)
    assert not WebhookEvent.objects.exclude(error="")
    assert (again(code).paused_at, again(code).offer.name) == (None, "Last")
    assert push.work(now) == 0


@pytest.mark.parametrize("is_pushed", [True, False])
def test_code_that_a_restored_database_lost_is_not_the_one_with_its_number(
    is_pushed: bool, dashboard: Dashboard, now: datetime
) -> None:
    code = synced(now, code="AFTER")
    lost = dashboard.create_code(coupon_id(code), "LOST", metadata=marks.of_generation(code.pk, 1))
    if not is_pushed:
        generation = {"synced_terms": {}, "creation": {"terms": current(code).synced_terms}}
        code.stripe_promotion_codes.update(state="creating", stripe_promotion_code_id=None, **generation)
    pull.promotion_code(lost.id, now=now)
    taken_over = PromoCode.objects.get(code="LOST")
    assert taken_over.stripe_promotion_codes.get().stripe_promotion_code_id == lost.id
    assert code.stripe_promotion_codes.count() == 1
    push.work(now, limit=5)
    assert dashboard.v1.promotion_codes.retrieve(lost.id).active
