from datetime import datetime
from threading import Lock

import pytest

from promos import stripe_gateway
from promos.models import PromoCode, StripePace
from promos.standin.api import Api
from promos.standin.messages import Request, Response
from promos.standin.server import Standin
from promos.sync.limiter import Limiter
from promos.sync.pool import Pool
from tests.factories import OfferFactory, PromoCodeFactory
from tests.standin.faults import Faults, Slow


class VirtualTime:
    """A clock that only waiting moves; it keeps the moments at which requests were sent."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.sent: list[float] = []
        self.lock = Lock()

    def clock(self) -> float:
        return self.now

    def sleep_until(self, at: float) -> None:
        with self.lock:
            self.now = max(self.now, at)
            self.sent.append(at)


class Register:
    """Put before a stand-in's API: keeps what it is asked."""

    def __init__(self, behind: Api) -> None:
        self.behind = behind
        self.asked: list[str] = []

    def handle(self, request: Request) -> Response:
        self.asked.append(f"{request.method} {request.path}")
        return self.behind.handle(request)


@pytest.fixture
def time() -> VirtualTime:
    return VirtualTime()


@pytest.mark.django_db
def test_limiter_never_sends_more_than_its_rate(time: VirtualTime) -> None:
    limiter = Limiter(rate=20, endpoint_rate=20, clock=time.clock, sleep_until=time.sleep_until)
    for _ in range(60):
        limiter.wait("post coupons")
    assert most_in_a_second(time.sent) <= 20
    assert time.sent[-1] - time.sent[0] == pytest.approx(59 / 20, rel=0.01)


@pytest.mark.django_db
def test_limiter_keeps_each_endpoints_own_rate(time: VirtualTime) -> None:
    limiter = Limiter(rate=20, endpoint_rate=5, clock=time.clock, sleep_until=time.sleep_until)
    for _ in range(20):
        limiter.wait("post coupons")
    assert most_in_a_second(time.sent) <= 5


@pytest.mark.django_db
def test_two_limiters_share_the_rate_through_the_database(time: VirtualTime) -> None:
    limiters = [
        Limiter(rate=20, endpoint_rate=20, clock=time.clock, sleep_until=time.sleep_until) for _ in range(2)
    ]
    for number in range(60):
        limiters[number % 2].wait("post coupons")
    assert most_in_a_second(time.sent) <= 20


@pytest.mark.django_db
def test_limiter_slows_down_when_told_and_recovers(time: VirtualTime) -> None:
    limiter = Limiter(rate=20, endpoint_rate=20, clock=time.clock, sleep_until=time.sleep_until)
    limiter.wait("post coupons")
    limiter.slow_down()
    assert StripePace.objects.get(name="all").rate == pytest.approx(16, rel=0.01)
    limiter.wait("post coupons")
    assert time.sent[-1] - time.sent[-2] >= 1
    for _ in range(400):
        limiter.wait("post coupons")
    assert StripePace.objects.get(name="all").rate == 20


@pytest.mark.django_db
def test_slowest_pace_is_one_request_in_two_seconds(time: VirtualTime) -> None:
    limiter = Limiter(rate=20, endpoint_rate=20, clock=time.clock, sleep_until=time.sleep_until)
    for _ in range(30):
        limiter.slow_down()
    assert StripePace.objects.get(name="all").rate == 0.5


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_500_codes_of_a_batch_go_up_once_each_within_the_limit(standin: Standin, time: VirtualTime) -> None:
    offer = OfferFactory()
    PromoCode.objects.bulk_create(PromoCodeFactory.build(code=f"B{n}", offer=offer) for n in range(500))
    limiter = Limiter(rate=20, endpoint_rate=20, clock=time.clock, sleep_until=time.sleep_until)
    with Pool(limiter=limiter, threads=4) as pool:
        assert pool.drain() >= 500
    assert not PromoCode.objects.exclude(sync_status="synced").exists()
    assert len({each["code"] for each in stripe_gateway.list_promotion_codes()}) == 500
    assert len(list(stripe_gateway.list_promotion_codes())) == 500
    assert most_in_a_second(sorted(time.sent)) <= 20


@pytest.mark.django_db(transaction=True)
def test_pool_that_ends_frees_what_it_has_not_begun(standin: Standin, now: datetime) -> None:
    standin.api = Slow(standin.api, seconds=0.5)
    PromoCodeFactory.create_batch(4)
    with Pool(threads=1) as pool:
        assert pool.fill(now) == 4
    assert PromoCode.objects.due_for_push(now).count() in {3, 4}


@pytest.mark.django_db(transaction=True)
def test_threads_of_a_pool_make_the_coupon_they_share_once(standin: Standin) -> None:
    standin.api = register = Register(Slow(standin.api, seconds=0.2))
    PromoCodeFactory.create_batch(4, offer=OfferFactory())
    with Pool(threads=4) as pool:
        pool.drain()
    assert register.asked.count("POST /v1/coupons") == 1
    assert register.asked.count("POST /v1/promotion_codes") == 4
    assert not PromoCode.objects.exclude(sync_status="synced").exists()


@pytest.mark.django_db(transaction=True)
def test_a_429_slows_every_worker(standin: Standin, now: datetime) -> None:
    PromoCodeFactory()
    faults = Faults(standin)
    faults.next(faults.too_many)
    with Pool(threads=1) as pool:
        pool.fill(now)
        pool.jobs.join()
    assert StripePace.objects.get(name="all").rate < 20


def most_in_a_second(moments: list[float]) -> int:
    """Return the most requests in any half-open second."""
    most = first = 0
    for last, moment in enumerate(moments):
        while moments[first] <= moment - 1 + 1e-6:
            first += 1
        most = max(most, last - first + 1)
    return most
