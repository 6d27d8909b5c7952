from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from promos import campaigns, promo_codes
from promos.models import Offer, PromoCode
from tests.factories import (
    CampaignFactory,
    OfferFactory,
    PriceFactory,
    PromoCodeFactory,
    SyncedPromoCodeFactory,
)

pytestmark = pytest.mark.django_db


def errors_of(code: PromoCode, offer: Offer, now: datetime) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as caught:
        promo_codes.create(code, offer=offer, now=now)
    assert not PromoCode.objects.exists()
    assert not Offer.objects.exists()
    return caught.value.message_dict


def test_create_saves_a_pending_code_and_its_offer(now: datetime) -> None:
    offer = Offer(kind="percent", percent_off=Decimal(20), duration="repeating", duration_in_months=3)
    code = promo_codes.create(PromoCode(code=" launch "), offer=offer, now=now)
    assert (code.code, code.sync_status, code.submitted_at) == ("LAUNCH", "pending", now)
    assert code.offer.name == "20% off for 3 months"


def test_create_fills_in_a_random_text(now: datetime) -> None:
    code = promo_codes.create(PromoCode(), offer=Offer(kind="free", duration="forever"), now=now)
    assert len(code.code) == 10
    assert code.offer.percent_off == 100


def test_create_derives_the_amount_off_a_list_price(now: datetime) -> None:
    price = PriceFactory(amount=9950)
    offer = Offer(kind="fixed_price", fixed_price_amount=7000, list_price_id=price.id, duration="forever")
    promo_codes.create(PromoCode(code="TESTCLIENT70"), offer=offer, now=now)
    assert (offer.amount_off, offer.currency, offer.product_ids) == (2950, "usd", [price.product.id])
    assert offer.name == "$70.00 instead of $99.50, for ever"


def test_create_refuses_what_is_over_and_change_does_not(now: datetime) -> None:
    moment = timedelta(microseconds=1)
    found = errors_of(PromoCode(code="A", expires_at=now), Offer(kind="free"), now)
    assert found == {"expires_at": ["The code would already be over."]}
    found = errors_of(PromoCode(code="A", campaign=CampaignFactory(ends_at=now)), Offer(kind="free"), now)
    assert found == {"campaign": ["This campaign is over."]}
    code = PromoCode(code="A", expires_at=now + moment)
    promo_codes.create(code, offer=Offer(kind="free"), now=now)
    code.description = "Ended"
    assert promo_codes.change(code, offer=code.offer, now=now + moment).description == "Ended"


@pytest.mark.parametrize("percent", [Decimal(0), Decimal("100.01"), Decimal(101)])
def test_create_refuses_a_percentage_out_of_range(percent: Decimal, now: datetime) -> None:
    found = errors_of(PromoCode(code="A"), Offer(kind="percent", percent_off=percent), now)
    assert list(found) == ["percent_off"]


def test_create_refuses_a_name_over_stripes_limit(now: datetime) -> None:
    offer = Offer(kind="percent", percent_off=Decimal(5), name="x" * 41)
    assert list(errors_of(PromoCode(code="A"), offer, now)) == ["name"]


def test_create_refuses_a_fixed_price_at_the_list_price(now: datetime) -> None:
    offer = Offer(kind="fixed_price", fixed_price_amount=9950, list_price_id=PriceFactory(amount=9950).id)
    found = errors_of(PromoCode(code="A"), offer, now)
    assert found == {"fixed_price_amount": ["The price must be below the list price of $99.50."]}


def test_create_refuses_an_end_before_the_start(now: datetime) -> None:
    code = PromoCode(code="A", starts_at=now, expires_at=now - timedelta(days=1))
    found = errors_of(code, Offer(kind="percent", percent_off=Decimal(5)), now)
    assert found == {"expires_at": ["The code must end after it starts."]}


def test_create_names_every_wrong_field_at_once(now: datetime) -> None:
    found = errors_of(PromoCode(code="NO SPACES"), Offer(kind="amount", duration="repeating"), now)
    assert set(found) == {"code", "amount_off", "currency", "duration_in_months"}


def test_create_refuses_a_text_in_use(now: datetime) -> None:
    PromoCodeFactory(code="LAUNCH")
    with pytest.raises(ValidationError) as caught:
        promo_codes.create(PromoCode(code="launch"), offer=Offer(kind="free"), now=now)
    assert caught.value.message_dict == {"code": ["There is already a code with this text."]}


def test_create_takes_the_text_of_an_archived_code(now: datetime) -> None:
    PromoCodeFactory(code="LAUNCH", archived_at=now)
    assert promo_codes.create(PromoCode(code="LAUNCH"), offer=Offer(kind="free"), now=now).pk


def test_pause_and_resume_are_done_once(now: datetime) -> None:
    code = SyncedPromoCodeFactory()
    assert [promo_codes.pause(code, now=now), promo_codes.pause(code, now=now)] == [True, False]
    assert PromoCode.objects.get().sync_status == "pending"
    assert [promo_codes.resume(code), promo_codes.resume(code)] == [True, False]


def test_change_of_terms_marks_the_code_pending(now: datetime) -> None:
    code = SyncedPromoCodeFactory()
    code.max_redemptions = 5
    promo_codes.change(code, offer=code.offer, now=now)
    assert PromoCode.objects.get().sync_status == "pending"


def test_change_of_what_stripe_never_sees_leaves_the_code_synced(now: datetime) -> None:
    code = SyncedPromoCodeFactory()
    code.description = "for the fair"
    promo_codes.change(code, offer=code.offer, now=now)
    assert PromoCode.objects.get().sync_status == "synced"


def test_change_keeps_what_others_wrote_meanwhile(now: datetime) -> None:
    code = SyncedPromoCodeFactory()
    PromoCode.objects.update(used_count=7, lease_token="held by a worker")
    code.description = "for the fair"
    promo_codes.change(code, offer=code.offer, now=now)
    code.refresh_from_db()
    assert (code.used_count, code.lease_token, code.description) == (7, "held by a worker", "for the fair")


def test_saving_an_offer_marks_every_code_of_it_pending() -> None:
    offer = OfferFactory()
    SyncedPromoCodeFactory.create_batch(3, offer=offer)
    offer.percent_off = Decimal(30)
    offer.save()
    assert PromoCode.objects.filter(sync_status="pending").count() == 3


def test_saving_sync_fields_marks_nothing_pending() -> None:
    code = SyncedPromoCodeFactory()
    code.expires_at = code.created_at
    code.sync_error = "later"
    code.save(update_fields=["sync_error"])
    assert PromoCode.objects.get().sync_status == "synced"


def test_pausing_a_campaign_marks_its_codes_pending(now: datetime) -> None:
    campaign = CampaignFactory()
    SyncedPromoCodeFactory(campaign=campaign)
    campaigns.pause(campaign, now=now)
    assert PromoCode.objects.get().sync_status == "pending"
