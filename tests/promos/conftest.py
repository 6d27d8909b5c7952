"""The fixtures of customers and shops that many of these tests begin with."""

import pytest
from django.test import Client

from promos.models import Customer
from promos.standin.server import Standin
from tests import shop
from tests.shop import Shop
from tests.standin.dashboard import Dashboard


@pytest.fixture
def dashboard(standin: Standin) -> Dashboard:
    """What somebody does over there, at Stripe's dashboard."""
    return Dashboard(standin.url)


@pytest.fixture
def team(standin: Standin) -> Shop:
    return shop.open_shop()


@pytest.fixture
def buyer(client: Client, customer: Customer) -> Client:
    """The customer, signed in."""
    client.force_login(customer.user)
    return client
