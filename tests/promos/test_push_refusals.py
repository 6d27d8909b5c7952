"""What only the owner can settle is said in words; what time settles is tried again."""

from datetime import datetime, timedelta

import pytest
from pytest_django import Settings

from promos import promo_codes, stripe_gateway
from promos.models import PromoCode
from promos.standin.server import Standin
from promos.sync import push
from tests.factories import CustomerFactory, PromoCodeFactory
from tests.standin.faults import Faults, restricted

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def pushed(code: PromoCode, now: datetime) -> PromoCode:
    push.work(now)
    return PromoCode.objects.get(pk=code.pk)


def test_refusal_names_what_was_refused_in_our_words(standin: Standin, now: datetime) -> None:
    code = pushed(PromoCodeFactory(offer__product_ids=["prod_unknown"]), now)
    assert code.sync_error == "Stripe refused the products: No such product: 'prod_unknown'."


def test_refusal_of_terms_edited_meanwhile_is_not_the_last_word(
    standin: Standin, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = PromoCodeFactory(offer__product_ids=["prod_unknown"])
    send = stripe_gateway.create_coupon

    def edited_meanwhile(*args: object, **kwargs: object) -> object:
        code.offer.product_ids = []
        code.offer.save()
        return send(*args, **kwargs)

    monkeypatch.setattr(stripe_gateway, "create_coupon", edited_meanwhile)
    assert pushed(code, now).sync_status == "pending"
    assert pushed(code, now).sync_status == "synced"


def test_text_that_an_archived_code_still_has_at_stripe_is_waited_for(
    standin: Standin, now: datetime
) -> None:
    old = pushed(PromoCodeFactory(code="LAUNCH"), now)
    promo_codes.archive(old, now=now)
    PromoCode.objects.filter(pk=old.pk).update(next_try_at=now + HOUR)
    code = pushed(PromoCodeFactory(code="LAUNCH"), now)
    assert (code.sync_status, "about to be switched off" in code.sync_error) == ("pending", True)
    push.work(now + HOUR, limit=2)
    assert pushed(code, now + 2 * HOUR).sync_status == "synced"


def test_text_of_a_code_for_everybody_is_refused_to_a_personal_one(standin: Standin, now: datetime) -> None:
    pushed(PromoCodeFactory(code="LAUNCH"), now)
    code = pushed(PromoCodeFactory(code="LAUNCH", customer=CustomerFactory()), now)
    assert (code.sync_status, "only once" in code.sync_error) == ("conflict", True)


def test_two_customers_may_have_the_same_text(standin: Standin, now: datetime) -> None:
    codes = [PromoCodeFactory(code="YOURS", customer=CustomerFactory()) for _ in range(2)]
    assert [pushed(code, now).sync_status for code in codes][1] == "synced"
    assert len(list(stripe_gateway.list_promotion_codes(code="YOURS", active=True))) == 2


def test_text_taken_while_the_code_slept_is_a_conflict(standin: Standin, now: datetime) -> None:
    code = pushed(PromoCodeFactory(code="LAUNCH", starts_at=now + HOUR), now)
    coupon = stripe_gateway.create_coupon({"percent_off": 5, "duration": "once"}, idempotency_key="c")
    foreign = {"promotion": {"type": "coupon", "coupon": coupon["id"]}, "code": "LAUNCH"}
    stripe_gateway.create_promotion_code(foreign, idempotency_key="p")
    code = pushed(code, now + HOUR)
    assert (code.sync_status, "not made here" in code.sync_error) == ("conflict", True)


def test_strange_row_stops_nobody_else(
    standin: Standin, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange, other = PromoCodeFactory(), PromoCodeFactory()
    with monkeypatch.context() as patch:
        patch.setattr(stripe_gateway, "create_coupon", lambda *args, **kwargs: {}["surprise"])
        assert pushed(strange, now).sync_error == "KeyError: 'surprise'"
    assert pushed(other, now).sync_status == "synced"


def test_key_that_lacks_a_permission_stops_the_worker_and_keeps_the_code(
    standin: Standin, now: datetime
) -> None:
    code = PromoCodeFactory()
    faults = Faults(standin)
    faults.always(restricted("rak_coupon_write"))
    with pytest.raises(stripe_gateway.NotAuthorised, match="promotion_code_write"):
        push.work(now)
    faults.clear()
    assert pushed(code, now + HOUR).sync_status == "synced"


def test_wrong_key_stops_the_worker(standin: Standin, now: datetime, settings: Settings) -> None:
    PromoCodeFactory()
    settings.STRIPE_SECRET_KEY = "wrong"
    with pytest.raises(stripe_gateway.NotAuthorised):
        push.work(now)
