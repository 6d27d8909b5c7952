import pytest

from promos.standin.server import Standin
from tests.standin.dashboard import Dashboard


@pytest.fixture
def dashboard(standin: Standin) -> Dashboard:
    """What somebody does over there, at Stripe's dashboard."""
    return Dashboard(standin.url)
