"""Edits that Stripe forbids make a successor, and a successor never gives away more or fewer uses than are left."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from promos import stripe_gateway
from promos.models import Customer, PromoCode, StripePromotionCode
from promos.standin.server import Standin
from promos.sync import push, terms
from tests import audit
from tests.factories import CustomerFactory, OfferFactory, PromoCodeFactory
from tests.promos.uses import give_back, move, redeem, use_late

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def pushed(code: PromoCode, now: datetime) -> PromoCode:
    while push.work(now):
        pass
    found = PromoCode.objects.get(pk=code.pk)
    assert (found.sync_status, found.sync_error) == ("synced", "")
    return found


def current(code: PromoCode) -> StripePromotionCode:
    found = terms.current(code)
    assert found
    return found


def at_stripe(code: PromoCode) -> stripe_gateway.StripeObject:
    return stripe_gateway.retrieve_promotion_code(current(code).stripe_promotion_code_id or "")


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("code", "AUTUMN", "Edited: text (SPRING → AUTUMN)"),
        ("max_redemptions", 20, "Edited: limit (10 uses → 20 uses)"),
        ("max_redemptions", None, "Edited: limit (10 uses → no limit)"),
        (
            "expires_at",
            datetime.fromisoformat("2099-01-01T00:00:00Z"),
            "Edited: end (never → 01 Jan 2099 00:00 UTC)",
        ),
        ("first_time_only", True, "Edited: first purchase only (no → yes)"),
    ],
)
def test_push_of_an_edit_replaces_the_code_and_says_why(
    standin: Standin, now: datetime, field: str, value: object, reason: str
) -> None:
    code = pushed(PromoCodeFactory(code="SPRING", max_redemptions=10), now)
    old = current(code)
    setattr(code, field, value)
    code.save()
    code = pushed(code, now)
    old.refresh_from_db()
    assert (old.state, old.retired_reason) == ("retired", reason)
    assert current(code).generation == 2
    assert audit.problems(now=now) == []


def test_push_of_an_edited_value_says_both(standin: Standin, now: datetime) -> None:
    code = pushed(PromoCodeFactory(), now)
    code.offer.percent_off = Decimal("12.5")
    code.offer.save()
    pushed(code, now)
    reasons = code.stripe_promotion_codes.values_list("retired_reason", flat=True).order_by("generation")
    assert list(reasons) == ["Edited: percentage (20% → 12.5%)", ""]


def test_push_of_shared_terms_replaces_every_code(standin: Standin, now: datetime) -> None:
    offer = OfferFactory()
    shared = PromoCodeFactory.create_batch(3, offer=offer)
    pushed(shared[0], now)
    offer.percent_off = 30
    offer.save()
    assert PromoCode.objects.filter(sync_status="pending").count() == 3
    pushed(shared[0], now)
    assert len(list(stripe_gateway.list_coupons())) == 2
    assert audit.problems(now=now) == []


def test_push_renames_the_coupon_of_terms_that_came_back(standin: Standin, now: datetime) -> None:
    offer = OfferFactory(percent_off=20)
    shared = PromoCodeFactory.create_batch(2, offer=offer)
    pushed(shared[0], now)
    offer.percent_off = 30
    offer.save()
    push.work(now, limit=1)
    offer.percent_off, offer.name = 20, "Back again"
    offer.save()
    pushed(shared[0], now)
    assert PromoCode.objects.filter(sync_status="synced").count() == 2
    assert stripe_gateway.retrieve_coupon(f"pd_{offer.uid}_v1")["name"] == "Back again"
    assert audit.problems(now=now) == []


def test_terms_that_left_came_back_and_leave_again_are_pushed(standin: Standin, now: datetime) -> None:
    offer = OfferFactory(percent_off=20)
    moved, left_behind = PromoCodeFactory.create_batch(2, offer=offer)
    pushed(moved, now)
    offer.percent_off = 30
    offer.save()
    push.work(now, limit=1)
    PromoCode.objects.filter(pk=moved.pk).update(archived_at=now)
    offer.percent_off = 20
    offer.save()
    pushed(left_behind, now)
    offer.percent_off = 30
    offer.save()
    assert PromoCode.objects.get(pk=left_behind.pk).sync_status == "pending"


def test_push_adds_a_currency_in_place(standin: Standin, now: datetime) -> None:
    offer = OfferFactory(kind="amount", percent_off=None, amount_off=1000, currency="usd")
    code = pushed(PromoCodeFactory(offer=offer), now)
    code.offer.currency_amounts = {"eur": 900}
    code.offer.save()
    code = pushed(code, now)
    assert current(code).generation == 1
    assert audit.problems(now=now) == []


def test_push_of_a_lower_amount_makes_a_successor(standin: Standin, now: datetime) -> None:
    offer = OfferFactory(kind="amount", percent_off=None, amount_off=1000, currency="usd")
    code = pushed(PromoCodeFactory(offer=offer), now)
    code.offer.amount_off = 900
    code.offer.save()
    pushed(code, now)
    old = code.stripe_promotion_codes.get(generation=1)
    assert old.retired_reason == "Edited: amount ($10.00 → $9.00)"


def test_push_makes_a_code_personal(standin: Standin, now: datetime, customer: Customer) -> None:
    code = pushed(PromoCodeFactory(), now)
    code.customer = customer
    code.save()
    code = pushed(code, now)
    assert at_stripe(code)["customer"] == code.customer.stripe_customer_id


def test_push_replaces_a_customer_who_is_gone_at_stripe(standin: Standin, now: datetime) -> None:
    gone = CustomerFactory(stripe_customer_id="cus_gone")
    code = pushed(PromoCodeFactory(customer=gone), now)
    assert at_stripe(code)["customer"] not in {None, "cus_gone"}


def test_push_gives_the_successor_what_open_checkouts_leave(standin: Standin, now: datetime) -> None:
    code = pushed(PromoCodeFactory(max_redemptions=10), now)
    for _ in range(3):
        redeem(standin, code)
    move(code, held=2)
    code.refresh_from_db()
    code.first_time_only = True
    code.save()
    code = pushed(code, now)
    assert at_stripe(code)["max_redemptions"] == 5


def test_checkout_that_completes_on_the_old_code_changes_nothing(standin: Standin, now: datetime) -> None:
    code = pushed(PromoCodeFactory(max_redemptions=10), now)
    old = current(code)
    move(code, held=1)
    code = edited(code, now)
    move(code, held=-1)
    use_late(code, old)
    code = pushed(code, now + HOUR)
    assert (current(code).generation, at_stripe(code)["max_redemptions"]) == (2, 9)
    assert audit.problems(now=now) == []


def test_late_use_of_the_old_code_takes_one_from_the_successor(standin: Standin, now: datetime) -> None:
    """A checkout of the dashboard's payment link, which held nothing here."""
    code = pushed(PromoCodeFactory(max_redemptions=3), now)
    old = current(code)
    code = edited(code, now)
    assert at_stripe(code)["max_redemptions"] == 3
    use_late(code, old)
    code = pushed(code, now + HOUR)
    assert at_stripe(code)["max_redemptions"] == 2
    assert current(code).used_before == 1


def test_use_given_back_after_the_last_one_makes_a_successor(standin: Standin, now: datetime) -> None:
    code = pushed(PromoCodeFactory(max_redemptions=2), now)
    first, _ = redeem(standin, code), redeem(standin, code)
    assert at_stripe(code)["active"] is False
    give_back(first)
    code = pushed(code, now + HOUR)
    assert (at_stripe(code)["active"], at_stripe(code)["max_redemptions"]) == (True, 1)
    assert "counted anew" in code.stripe_promotion_codes.get(generation=1).retired_reason


def test_use_given_back_before_the_last_one_makes_a_successor_when_it_is_needed(
    standin: Standin, now: datetime
) -> None:
    code = pushed(PromoCodeFactory(max_redemptions=2), now)
    give_back(redeem(standin, code))
    code = pushed(code, now + HOUR)
    assert current(code).generation == 1
    redeem(standin, code)
    code = pushed(code, now + 2 * HOUR)
    assert (current(code).generation, at_stripe(code)["max_redemptions"]) == (2, 1)


def test_last_use_while_it_is_held_waits_for_the_checkout(standin: Standin, now: datetime) -> None:
    code = pushed(PromoCodeFactory(max_redemptions=1), now)
    move(code, held=1)
    code = edited(code, now)
    assert terms.current(code) is None
    move(code, held=-1)
    code = pushed(code, now + HOUR)
    assert at_stripe(code)["max_redemptions"] == 1


def test_code_that_is_gone_from_stripe_is_made_again(standin: Standin, now: datetime) -> None:
    code = pushed(PromoCodeFactory(), now)
    with standin.core.store.transaction():
        standin.core.store.delete("promotion_code", current(code).stripe_promotion_code_id or "")
    code.first_time_only = True
    code.save()
    assert at_stripe(pushed(code, now))["active"] is True


def test_edit_takes_over_what_the_dashboard_switched_off(standin: Standin, now: datetime) -> None:
    code = pushed(PromoCodeFactory(), now)
    stripe_gateway.update_promotion_code(current(code).stripe_promotion_code_id or "", {"active": False})
    code = edited(code, now)
    assert code.paused_at is not None
    assert (current(code).generation, at_stripe(code)["active"]) == (2, False)


def test_revived_code_is_replaced_when_stripe_cannot_switch_it_on(standin: Standin, now: datetime) -> None:
    code = pushed(PromoCodeFactory(max_redemptions=1), now)
    usage = redeem(standin, code)
    PromoCode.objects.get(pk=code.pk).save()
    give_back(usage)
    assert at_stripe(pushed(code, now + HOUR))["active"] is True
    assert audit.problems(now=now) == []


def edited(code: PromoCode, now: datetime) -> PromoCode:
    row = PromoCode.objects.get(pk=code.pk)
    row.first_time_only = True
    row.save()
    return pushed(row, now)
