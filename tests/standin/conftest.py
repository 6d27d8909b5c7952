"""A running stand-in with a set clock, the dashboard beside it, and the SDK as the product would use it."""

import pytest
import stripe

from promos.standin import server
from tests.standin import spec
from tests.standin.clock import Clock
from tests.standin.dashboard import Dashboard
from tests.standin.recorder import Recorder
from tests.standin.shop import Shop


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def standin(clock):
    running = server.start(clock=clock, webhook_retry_delays=(0.05,) * 5)
    running.api = recorder = Recorder(running.core)
    yield running
    running.stop()
    # Whatever else a test is about: all that was said must be Stripe's language.
    if spec.is_here():
        assert spec.problems(recorder.calls) == []


@pytest.fixture
def dashboard(standin):
    return Dashboard(standin.url)


@pytest.fixture
def v1(standin):
    http_client = stripe.RequestsClient(timeout=10)
    key = "sk_test_" + "a" * 24
    return stripe.StripeClient(key, base_addresses={"api": standin.url}, http_client=http_client).v1


@pytest.fixture
def shop(dashboard):
    return Shop(dashboard)
