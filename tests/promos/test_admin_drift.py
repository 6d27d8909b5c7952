"""The page of the differences from Stripe."""

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from promos.models import DriftFinding, ReconcileRun
from promos.standin.server import Standin
from promos.sync.drift import doctor
from tests.promos.sides import stripe_id, synced
from tests.standin.dashboard import Dashboard

pytestmark = pytest.mark.django_db
PAGE = reverse("admin:promos_driftfinding_changelist")


@pytest.fixture
def office(owner: User, client: Client) -> Client:
    client.force_login(owner)
    return client


def shown(office: Client, **query: str) -> str:
    return office.get(PAGE, query).content.decode()


def test_page_before_the_first_run_says_how_it_comes(office: Client) -> None:
    assert "Nothing has been compared yet" in shown(office)


def test_page_of_a_clean_account_says_so(office: Client, standin: Standin, now: datetime) -> None:
    synced(now)
    doctor.work(now)
    assert "2 objects at Stripe" in shown(office)
    assert "No difference is left." in shown(office)


def test_page_shows_what_the_last_run_found(office: Client, dashboard: Dashboard, now: datetime) -> None:
    code = synced(now, code="SPRING")
    dashboard.deactivate_code(stripe_id(code))
    doctor.run(is_repairing=False, now=now)
    assert "SPRING was switched off in Stripe." in shown(office)
    assert "1 difference is left." in shown(office)
    finding = DriftFinding.objects.get()
    page = office.get(reverse("admin:promos_driftfinding_change", args=[finding.pk]))
    assert "Switched off in Stripe" in page.content.decode()


def test_page_leaves_earlier_runs_out_unless_asked(
    office: Client, dashboard: Dashboard, now: datetime
) -> None:
    code = synced(now, code="SPRING")
    dashboard.deactivate_code(stripe_id(code))
    doctor.run(is_repairing=True, now=now - timedelta(hours=1))
    doctor.run(is_repairing=True, now=now)
    assert "was switched off" not in shown(office)
    assert "was switched off" in shown(office, runs="all")


def test_page_says_why_a_run_was_cut_short(office: Client, now: datetime) -> None:
    doctor.run(is_repairing=True, now=now)
    assert "It could not be finished: Stripe could not be reached." in shown(office)
    assert ReconcileRun.objects.get().error
