"""The demo, as README has a newcomer start it, and what it leaves behind."""

import json
from pathlib import Path

import pytest

from promos.standin.server import Standin
from tests import fresh

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def test_demo_fills_a_fresh_database_and_its_figures_agree(
    tmp_path: Path, standin: Standin, live_port: int
) -> None:
    with fresh.database(tmp_path) as address:
        told = fresh.manage(
            address, "demo", "--no-serve", "--port", str(live_port), STRIPE_API_HOST=standin.url
        )
        counts = json.loads(fresh.manage(address, "manage_promo_codes", "status", "--json"))["counts"]
        verified = json.loads(fresh.manage(address, "verify_analytics", "--json"))

    assert "The demo is ready: three codes, one redemption and ninety days of history." in told
    assert (counts["total"], counts["active"], counts["synced"]) == (3, 3, 3)
    assert verified["ok"]
