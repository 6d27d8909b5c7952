import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from promos.admin import sharing
from tests import factories

pytestmark = pytest.mark.django_db


def test_page_of_a_code_shows_its_link_and_qr_code(client: Client, owner: User, settings: Settings) -> None:
    settings.SITE_URL = "https://shop.example.com"
    code = factories.PromoCodeFactory(code="SPRING20")
    client.force_login(owner)
    answer = client.get(f"/admin/promos/promocode/{code.pk}/change/")
    page = answer.content.decode()
    assert 'data-copy="https://shop.example.com/p/SPRING20"' in page
    assert "img-src 'self' data:" in answer["Content-Security-Policy"]
    assert 'alt="QR code of the link with SPRING20"' in page
    assert 'src="data:image/svg+xml' in page


def test_qr_code_is_an_svg_without_script_or_style() -> None:
    shown = sharing.Sharing().qr_code(factories.PromoCodeFactory.build(code="SPRING20"))
    svg = re.search(r'src="data:image/svg\+xml[^,]*,([^"]*)"', shown)
    assert svg
    assert "style" not in svg.group(1)
    assert "script" not in svg.group(1)
