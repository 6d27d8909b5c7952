"""Making an object at Stripe exactly once, whatever happens to the answer."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from promos import leases, promo_codes, stripe_gateway
from promos.models import PromoCode, StripeCoupon
from promos.standin.server import Standin
from promos.sync import conflicts, push, run
from tests import audit
from tests.factories import OfferFactory, PromoCodeFactory
from tests.standin.faults import Faults
from tests.standin.keys import KeyBook

pytestmark = pytest.mark.django_db

CODES = "/v1/promotion_codes"
HOUR = timedelta(hours=1)


@pytest.fixture
def faults(standin: Standin) -> Iterator[Faults]:
    planned = Faults(standin)
    yield planned
    planned.clear()


@pytest.fixture
def book(standin: Standin, faults: Faults) -> KeyBook:
    return KeyBook(standin)


def keys_of_codes(book: KeyBook) -> list[str]:
    return [key for key, [request] in book.requests.items() if CODES in request]


def pushed(code: PromoCode, now: datetime) -> PromoCode:
    push.work(now)
    return PromoCode.objects.get(pk=code.pk)


@pytest.mark.parametrize("fault", ["outage", "drop_after_commit", "too_many", "locked"])
def test_push_keeps_the_key_while_the_outcome_is_unknown(
    faults: Faults, book: KeyBook, now: datetime, fault: str
) -> None:
    code = PromoCodeFactory()
    faults.next(getattr(faults, fault), method="POST", path=CODES)
    assert pushed(code, now).sync_status == "pending"
    assert pushed(code, now + HOUR).sync_status == "synced"
    assert len(keys_of_codes(book)) == 1


@pytest.mark.parametrize(("fault", "keys"), [("error_before_commit", 2), ("error_after_commit", 1)])
def test_push_takes_a_new_key_after_a_definite_failure_if_nothing_was_made(
    faults: Faults, book: KeyBook, now: datetime, fault: str, keys: int
) -> None:
    code = PromoCodeFactory()
    faults.next(getattr(faults, fault), method="POST", path=CODES)
    assert pushed(code, now).sync_status == "pending"
    assert pushed(code, now + HOUR).sync_status == "synced"
    assert len(keys_of_codes(book)) == keys
    assert audit.problems(book, now=now) == []


def test_push_takes_a_new_key_when_the_old_one_may_be_forgotten(
    faults: Faults, book: KeyBook, now: datetime
) -> None:
    code = PromoCodeFactory()
    faults.next(faults.outage, method="POST", path=CODES)
    pushed(code, now)
    assert pushed(code, now + timedelta(hours=24)).sync_status == "synced"
    assert len(keys_of_codes(book)) == 2


def test_push_of_terms_edited_after_a_lost_try_uses_no_key_twice(
    faults: Faults, book: KeyBook, now: datetime
) -> None:
    code = PromoCodeFactory(code="FIRST")
    faults.next(faults.drop_after_commit, method="POST", path=CODES)
    code = pushed(code, now)
    code.code = "SECOND"
    code.save()
    code = pushed(code, now + HOUR)
    assert [each["code"] for each in stripe_gateway.list_promotion_codes(active=True)] == ["SECOND"]
    assert audit.problems(book, now=now) == []
    assert [row.state for row in code.stripe_promotion_codes.order_by("generation")] == ["retired", "current"]


def test_push_of_a_code_archived_after_a_lost_try_switches_it_off(
    faults: Faults, book: KeyBook, now: datetime
) -> None:
    code = PromoCodeFactory()
    faults.next(faults.drop_after_commit, method="POST", path=CODES)
    code = pushed(code, now)
    promo_codes.archive(code, now=now)
    assert pushed(code, now + HOUR).sync_status == "synced"
    assert list(stripe_gateway.list_promotion_codes(active=True)) == []


def test_push_of_an_offer_edited_after_a_lost_try_makes_the_next_coupon(
    faults: Faults, book: KeyBook, now: datetime
) -> None:
    code = PromoCodeFactory(offer=OfferFactory(percent_off=20))
    faults.next(faults.drop_after_commit, method="POST", path="/v1/coupons")
    code = pushed(code, now)
    code.offer.percent_off = 25
    code.offer.save()
    assert pushed(code, now + HOUR).sync_status == "synced"
    assert audit.problems(book, now=now) == []
    assert list(StripeCoupon.objects.order_by("version").values_list("state", flat=True)) == [
        "retired",
        "live",
    ]


def test_push_after_a_refusal_asks_anew(standin: Standin, now: datetime) -> None:
    """Stripe repeats a refusal to its key, also when what caused it has been put right."""
    coupon = stripe_gateway.create_coupon({"percent_off": 5, "duration": "once"}, idempotency_key="c")
    foreign = {"promotion": {"type": "coupon", "coupon": coupon["id"]}, "code": "LAUNCH"}
    made = stripe_gateway.create_promotion_code(foreign, idempotency_key="p")
    code = pushed(PromoCodeFactory(code="LAUNCH"), now)
    assert code.sync_status == "conflict"
    stripe_gateway.update_promotion_code(made["id"], {"active": False})
    conflicts.keep_ours(code, now=now)
    assert pushed(code, now).sync_status == "synced"


def test_push_that_outlived_its_lease_saves_nothing(standin: Standin, now: datetime) -> None:
    code = PromoCodeFactory()
    [claimed] = leases.claim(PromoCode.objects.due_for_push(now), now=now, lease=run.LEASE, limit=1)
    assert pushed(code, now + HOUR).sync_status == "synced"
    before = PromoCode.objects.values().get(pk=code.pk)
    push.push(claimed, now=now)
    assert PromoCode.objects.values().get(pk=code.pk) == before
    assert len(list(stripe_gateway.list_promotion_codes())) == 1


@pytest.mark.parametrize("text", ["SAME", "EDITED"])
@pytest.mark.parametrize("starts_in", [None, HOUR * 99])
def test_push_overtaken_while_it_sends_leaves_one_active_code(
    book: KeyBook, now: datetime, monkeypatch: pytest.MonkeyPatch, text: str, starts_in: timedelta | None
) -> None:
    """The first worker stalls over its request; its lease runs out, and a second one pushes an edited code."""
    code = PromoCodeFactory(code="SAME")
    send = stripe_gateway.create_promotion_code

    def stall(*args: object, **kwargs: object) -> object:
        monkeypatch.setattr(stripe_gateway, "create_promotion_code", send)
        row = PromoCode.objects.get(pk=code.pk)
        row.code, row.starts_at = text, starts_in and now + starts_in
        row.save()
        push.work(now + HOUR)
        return send(*args, **kwargs)

    monkeypatch.setattr(stripe_gateway, "create_promotion_code", stall)
    push.work(now)
    push.work(now + 2 * HOUR)
    assert audit.problems(book, now=now) == []
