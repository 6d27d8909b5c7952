"""The owner signed in, and a way to open pages of figures."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.test import Client

Open = Callable[..., str]


@pytest.fixture
def signed_in(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture
def opened(signed_in: Client) -> Open:
    """Open a page with a query and return its text, white space joined."""

    def read(slug: str, **query: str) -> str:
        response = signed_in.get(f"/admin/analytics/{slug}/", query)
        assert response.status_code == 200
        return re.sub(r"\s+", " ", unescape(response.content.decode()))

    return read
