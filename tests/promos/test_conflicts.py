"""What the owner is asked, and what either answer does at Stripe and here."""

from datetime import datetime
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from promos import promo_codes, redemptions, stripe_gateway
from promos.models import PromoCode, PromoCodeUsage, StripeCoupon
from promos.standin.server import Standin
from promos.sync import conflicts, pull, push
from tests.factories import CampaignFactory, CustomerFactory, PromoCodeFactory
from tests.promos import sides
from tests.promos.sides import again, coupon_id, stripe_id, synced
from tests.standin.dashboard import Dashboard
from tests.standin.faults import Faults

pytestmark = pytest.mark.django_db


def foreign(dashboard: Dashboard, text: str = "SPRING", **fields: Any) -> str:
    coupon = dashboard.create_coupon(percent_off=50, duration="forever")
    return str(dashboard.create_code(coupon.id, text, **fields).id)


def refused(now: datetime, **fields: Any) -> PromoCode:
    """Return a code whose text a foreign one has, so that its push ended in a conflict."""
    code = synced(now, code="SPRING", **fields)
    assert code.sync_status == "conflict"
    return code


def sides_of(code: PromoCode) -> dict[str, tuple[str, str]]:
    conflict = conflicts.of(again(code))
    assert conflict
    return {row.label: (row.ours, row.theirs) for row in conflict.rows if row.ours != row.theirs}


def settled(now: datetime, code: PromoCode) -> PromoCode:
    """Push what is due and return the code, on which both sides agree now."""
    sides.push_all(now)
    assert set(PromoCode.objects.values_list("sync_status", flat=True)) == {"synced"}
    assert conflicts.of(again(code)) is None
    return again(code)


def test_code_in_step_has_no_conflict(standin: Standin, now: datetime) -> None:
    code = synced(now)
    assert conflicts.of(code) is None
    assert not conflicts.keep_ours(code, now=now)
    assert not conflicts.take_stripes(code, now=now)


def test_both_sides_of_a_foreign_text_are_shown(dashboard: Dashboard, now: datetime) -> None:
    found = foreign(dashboard, max_redemptions=7)
    code = refused(now)
    assert "not made here" in code.sync_error
    pull.promotion_code(found, now=now)
    assert sides_of(code)["percentage"] == ("20%", "50%")
    assert sides_of(code)["limit"] == ("no limit", "7 uses")


def test_foreign_text_that_nobody_has_fetched_yet_is_shown_as_unknown(
    dashboard: Dashboard, now: datetime
) -> None:
    foreign(dashboard)
    code = refused(now)
    conflict = conflicts.of(code)
    assert sides_of(code)["percentage"] == ("20%", "–")
    assert conflict
    assert not any(row.differs for row in conflict.rows)


@pytest.mark.parametrize("is_fetched", [True, False])
def test_keep_ours_switches_the_foreign_code_off(
    dashboard: Dashboard, now: datetime, is_fetched: bool
) -> None:
    found = foreign(dashboard)
    code = refused(now)
    if is_fetched:
        pull.promotion_code(found, now=now)
    conflicts.keep_ours(again(code), now=now)
    code = settled(now, code)
    assert sides.active_at_stripe("SPRING") == [stripe_id(code)] != [found]
    pull.promotion_code(found, now=now)
    settled(now, code)


@pytest.mark.parametrize("is_fetched", [True, False])
def test_take_stripes_makes_the_foreign_code_ours(
    dashboard: Dashboard, now: datetime, is_fetched: bool
) -> None:
    found = foreign(dashboard, max_redemptions=7)
    code = refused(now)
    if is_fetched:
        pull.promotion_code(found, now=now)
    conflicts.take_stripes(again(code), now=now)
    code = settled(now, code)
    assert (PromoCode.objects.count(), stripe_id(code)) == (1, found)
    assert (code.offer.percent_off, code.offer.duration, code.max_redemptions) == (50, "forever", 7)
    assert sides.active_at_stripe("SPRING") == [found]


def redeem(promotion_code_id: str, now: datetime) -> None:
    """Record an order of 10.00 less 5.00."""
    session = {
        "id": "cs_1",
        "customer": "cus_1",
        "payment_status": "paid",
        "currency": "usd",
        "amount_total": 500,
        "total_details": {"amount_discount": 500},
        "discounts": [{"promotion_code": promotion_code_id}],
    }
    redemptions.record(session, event=None, now=now)


def test_take_stripes_brings_the_redemptions_along(dashboard: Dashboard, now: datetime) -> None:
    found = foreign(dashboard, max_redemptions=7)
    code = refused(now)
    pull.promotion_code(found, now=now)
    redeem(found, now)
    conflicts.take_stripes(again(code), now=now)
    code = settled(now, code)
    assert PromoCodeUsage.objects.get().promo_code == code
    assert (code.used_count, code.max_redemptions) == (1, 7)


def test_take_stripes_charges_the_campaign_with_the_redemptions(dashboard: Dashboard, now: datetime) -> None:
    campaign = CampaignFactory(currency="usd", budget_amount=10_000, spent_amount=700)
    found = foreign(dashboard)
    code = refused(now, campaign=campaign)
    pull.promotion_code(found, now=now)
    redeem(found, now)
    conflicts.take_stripes(again(code), now=now)
    campaign.refresh_from_db()
    assert campaign.spent_amount == 1_200


@pytest.mark.parametrize("settle", [conflicts.keep_ours, conflicts.take_stripes])
def test_either_answer_can_be_given_on_the_imported_code(
    dashboard: Dashboard, now: datetime, settle: Any
) -> None:
    found = foreign(dashboard)
    code = refused(now)
    pull.promotion_code(found, now=now)
    imported = PromoCode.objects.exclude(pk=code.pk).get()
    settle(imported, now=now)
    settled(now, code)
    assert sides.active_at_stripe("SPRING") == [stripe_id(code)]


@pytest.mark.parametrize(
    ("settle", "active"), [(conflicts.keep_ours, 0), (conflicts.take_stripes, 1)], ids=["keep", "take"]
)
def test_imported_code_whose_text_became_free(
    dashboard: Dashboard, now: datetime, settle: Any, active: int
) -> None:
    found = foreign(dashboard)
    code = PromoCodeFactory(code="SPRING")
    pull.promotion_code(found, now=now)
    PromoCode.objects.filter(pk=code.pk).update(archived_at=now)
    imported = PromoCode.objects.exclude(pk=code.pk).get()
    settle(imported, now=now)
    imported = settled(now, imported)
    assert sides.active_at_stripe("SPRING") == [found] * active
    assert (imported.archived_at is None) == bool(active)


def test_take_stripes_of_a_text_given_up_meanwhile_pushes_ours(dashboard: Dashboard, now: datetime) -> None:
    found = foreign(dashboard)
    code = refused(now)
    dashboard.deactivate_code(found)
    conflicts.take_stripes(again(code), now=now)
    code = settled(now, code)
    assert sides.active_at_stripe("SPRING") == [stripe_id(code)] != [found]


@pytest.fixture
def twins(dashboard: Dashboard, now: datetime) -> tuple[PromoCode, PromoCode]:
    """A code for everybody, and one of the same text for one customer, which Stripe does not take beside it."""
    everybodys = synced(now, code="SPRING")
    customer = CustomerFactory(stripe_customer_id=dashboard.create_customer().id)
    return everybodys, refused(now, customer=customer)


def test_keep_ours_of_two_codes_with_one_text_pauses_the_other(
    twins: tuple[PromoCode, PromoCode], now: datetime
) -> None:
    everybodys, personal = twins
    conflicts.keep_ours(personal, now=now)
    settled(now, personal)
    assert again(everybodys).paused_at == now
    assert sides.active_at_stripe("SPRING") == [stripe_id(personal)]


def test_take_stripes_of_two_codes_with_one_text_archives_ours(
    twins: tuple[PromoCode, PromoCode], now: datetime
) -> None:
    everybodys, personal = twins
    conflicts.take_stripes(personal, now=now)
    assert settled(now, personal).archived_at == now
    assert sides.active_at_stripe("SPRING") == [stripe_id(everybodys)]


@pytest.fixture
def renamed(dashboard: Dashboard, now: datetime) -> PromoCode:
    """A code whose offer was renamed on both sides; another code shares it."""
    code = synced(now)
    PromoCodeFactory(offer=code.offer)
    sides.push_all(now)
    code.offer.name = "Summer"
    code.offer.save()
    dashboard.rename_coupon(coupon_id(code), "Winter")
    pull.coupon(coupon_id(code), now=now)
    return again(code)


def test_both_sides_of_an_edit_are_shown(renamed: PromoCode) -> None:
    assert sides_of(renamed) == {"name": ("Summer", "Winter")}


def test_keep_ours_of_an_edit_renames_the_coupon(renamed: PromoCode, now: datetime) -> None:
    conflicts.keep_ours(renamed, now=now)
    settled(now, renamed)
    assert [coupon["name"] for coupon in stripe_gateway.list_coupons()] == ["Summer"]


def test_take_stripes_of_an_edit_renames_the_offer(renamed: PromoCode, now: datetime) -> None:
    conflicts.take_stripes(renamed, now=now)
    assert settled(now, renamed).offer.name == "Winter"
    assert [coupon["name"] for coupon in stripe_gateway.list_coupons()] == ["Winter"]


@pytest.fixture
def orphan(dashboard: Dashboard, now: datetime) -> PromoCode:
    """A code whose coupon was deleted in Stripe."""
    code = synced(now)
    dashboard.delete_coupon(coupon_id(code))
    pull.coupon(coupon_id(code), now=now)
    return again(code)


def test_keep_ours_of_a_deleted_coupon_makes_both_anew(orphan: PromoCode, now: datetime) -> None:
    first = stripe_id(orphan)
    conflicts.keep_ours(orphan, now=now)
    orphan = settled(now, orphan)
    assert sides.active_at_stripe(orphan.code) == [stripe_id(orphan)] != [first]
    assert sorted(StripeCoupon.objects.values_list("state", flat=True)) == ["deleted", "live"]


def test_take_stripes_of_a_deleted_coupon_archives_the_code(orphan: PromoCode, now: datetime) -> None:
    conflicts.take_stripes(orphan, now=now)
    assert settled(now, orphan).archived_at == now
    assert StripeCoupon.objects.count() == 1


def test_pause_during_a_conflict_settles_nothing(orphan: PromoCode, now: datetime) -> None:
    """Its push would make the deleted coupon anew, which is for the owner to say."""
    promo_codes.pause(orphan, now=now)
    assert (again(orphan).paused_at, again(orphan).sync_status) == (now, "conflict")
    promo_codes.archive(again(orphan), now=now)
    assert settled(now, orphan).archived_at == now


def test_pause_on_a_page_that_is_out_of_date_settles_nothing(orphan: PromoCode, now: datetime) -> None:
    stale = again(orphan)
    stale.sync_status = "synced"
    promo_codes.pause(stale, now=now)
    assert (again(orphan).paused_at, again(orphan).sync_status) == (now, "conflict")
    stale.sync_status = "error"
    assert not promo_codes.retry(stale)
    assert again(orphan).sync_status == "conflict"


def test_neither_another_campaign_nor_a_retry_settles_a_conflict(orphan: PromoCode) -> None:
    campaign = CampaignFactory()
    assert promo_codes.move(orphan, to=campaign)
    assert (again(orphan).campaign, again(orphan).sync_status) == (campaign, "conflict")
    assert not promo_codes.retry(again(orphan))
    assert again(orphan).sync_status == "conflict"


def test_keep_ours_of_terms_that_only_stripe_can_make_is_refused(orphan: PromoCode, now: datetime) -> None:
    orphan.offer.kind = "other"
    orphan.offer.save()
    with pytest.raises(ValidationError, match="Only Stripe's dashboard"):
        conflicts.keep_ours(again(orphan), now=now)
    assert again(orphan).sync_status == "conflict"


def test_answer_while_stripe_is_down_settles_nothing_and_can_be_given_again(
    standin: Standin, dashboard: Dashboard, now: datetime
) -> None:
    foreign(dashboard)
    code = refused(now)
    faults = Faults(standin)
    # Switched off over there, but the answer never came.
    faults.next(faults.drop_after_commit, method="POST")
    with pytest.raises(stripe_gateway.Unavailable):
        conflicts.keep_ours(code, now=now)
    assert again(code).sync_status == "conflict"
    assert push.work(now) == 0
    conflicts.keep_ours(again(code), now=now)
    settled(now, code)
