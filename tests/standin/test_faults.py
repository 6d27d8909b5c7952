"""Each fault does what it says, and no more."""

import threading
import time

import pytest
import stripe

from tests.standin.faults import Faults, latency, rate_limit, restricted

HALF = {"id": "HALF", "percent_off": 50}


@pytest.fixture
def faults(standin):
    planned = Faults(standin)
    yield planned
    planned.clear()


def create(v1, key="key-1"):
    return v1.coupons.create(HALF, {"idempotency_key": key})


def test_next_meets_one_call_only(faults, v1):
    faults.next(faults.too_many)

    with pytest.raises(stripe.RateLimitError) as refusal:
        create(v1)

    assert refusal.value.error.code == "rate_limit"
    assert create(v1).id == "HALF"


def test_next_meets_only_such_addresses(faults, v1):
    faults.next(faults.too_many, method="POST", path="/v1/promotion_codes")

    assert create(v1).id == "HALF"


def test_outage_lasts_until_cleared(faults, v1):
    faults.always(faults.outage)

    for _ in range(2):
        with pytest.raises(stripe.APIConnectionError):
            create(v1)
    faults.clear()

    assert v1.coupons.list().data == []


def test_drop_after_commit_did_it(faults, v1):
    faults.next(faults.drop_after_commit)

    with pytest.raises(stripe.APIConnectionError):
        create(v1)

    assert v1.coupons.retrieve("HALF").percent_off == 50
    assert create(v1).id == "HALF", "the same key is answered as the first time"


def test_error_before_commit_is_replayed_for_its_key(faults, v1):
    faults.next(faults.error_before_commit)

    for _ in range(2):
        with pytest.raises(stripe.APIError):
            create(v1)

    assert v1.coupons.list().data == []
    assert create(v1, key="key-2").id == "HALF"


def test_error_after_commit_is_replayed_and_did_it(faults, v1):
    faults.next(faults.error_after_commit)

    for _ in range(2):
        with pytest.raises(stripe.APIError):
            create(v1)

    assert v1.coupons.retrieve("HALF").percent_off == 50


def test_locked_says_so(faults, v1):
    faults.next(faults.locked)

    with pytest.raises(stripe.RateLimitError) as refusal:
        create(v1)

    assert refusal.value.error.code == "lock_timeout"


def test_hang_answers_nothing_until_released(faults, v1):
    faults.next(faults.hang)
    outcomes = []

    def ask():
        try:
            create(v1)
        except stripe.APIConnectionError as error:
            outcomes.append(error)

    waiting = threading.Thread(target=ask)
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    faults.clear()
    waiting.join(5)

    assert len(outcomes) == 1


def test_latency_answers_late(faults, v1):
    faults.next(latency(0.2))
    began = time.monotonic()

    assert create(v1).id == "HALF"

    assert time.monotonic() - began >= 0.2


def test_restricted_refuses_what_is_not_granted(faults, v1):
    faults.always(restricted("rak_coupon_read", "rak_promotion_code_write"))

    with pytest.raises(stripe.PermissionError, match="Having the 'rak_coupon_write' permission"):
        create(v1)

    assert v1.coupons.list().data == []
    assert v1.promotion_codes.list().data == []


class Ticking:
    """A clock that only the test moves."""

    now = 0.0

    def __call__(self):
        return self.now


def refusals(work, times):
    found = []
    for _ in range(times):
        try:
            work()
        except stripe.RateLimitError as error:
            found.append(error.error.code)
    return found


def test_rate_limit_counts_any_second(faults, v1):
    clock = Ticking()
    faults.always(rate_limit(5, clock=clock))
    ask = [v1.coupons.list, v1.products.list]

    assert refusals(ask[0], 3) + refusals(ask[1], 3) == ["rate_limit"]
    clock.now = 0.9
    assert refusals(ask[1], 1) == ["rate_limit"]
    clock.now = 1.1
    assert refusals(ask[1], 5) == []


def test_rate_limit_counts_each_endpoint(faults, v1):
    faults.always(rate_limit(25, 2, clock=Ticking()))

    assert refusals(v1.coupons.list, 3) == ["rate_limit"]
    assert refusals(v1.products.list, 2) == []
    assert refusals(lambda: create(v1), 1) == []
