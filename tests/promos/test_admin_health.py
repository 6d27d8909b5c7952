"""The health page: what is wrong is named with a fix, what is well is not."""

from datetime import datetime, timedelta

import pytest
from allauth.mfa.totp.internal import auth as totp
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from promos.admin import health
from promos.models import PromoCode, ReconcileRun
from tests import factories

pytestmark = pytest.mark.django_db


def bad(now: datetime) -> set[str]:
    return {line.name for line in health.lines(now) if not line.is_good}


def test_a_well_kept_installation_needs_nothing(owner: User, now: datetime, settings: Settings) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_1"]
    factories.WebhookEventFactory(received_at=now, processed_at=now, mirrored_at=now)
    ReconcileRun.objects.create(started_at=now, finished_at=now)
    totp.TOTP.activate(owner, totp.generate_totp_secret())
    assert bad(now) == set()


def test_everything_that_is_wrong_is_named_with_a_fix(owner: User, now: datetime) -> None:
    factories.user("second@example.com", "second", is_staff=True, is_superuser=True)
    factories.WebhookEventFactory(received_at=now - timedelta(days=3), error="KeyError")
    factories.PromoCodeFactory()
    PromoCode.objects.update(updated_at=now - timedelta(hours=1))
    names = {"Webhook endpoint", "Events", "Queue", "Comparison with Stripe", "Events tried again"}
    assert bad(now) == names | {"Second factors", "Approval by a second person"}
    assert all(line.fix for line in health.lines(now) if not line.is_good)


def test_page_shows_no_secret(owner: User, client: Client, settings: Settings) -> None:
    client.force_login(owner)
    page = client.get(reverse("admin:promos_webhookevent_health")).content.decode()
    assert "A secret test key" in page
    assert settings.STRIPE_SECRET_KEY not in page


def test_counts_are_told_in_the_singular_and_the_plural(
    owner: User, now: datetime, settings: Settings
) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_1"]
    found = {line.name: line.found for line in health.lines(now)}
    assert found["Webhook endpoint"] == "0 enabled here, 1 secret from the settings"
    assert found["Second factors"] == "1 of 1 staff has none"
    assert found["Approval by a second person"] == "Off, with 1 owner"


def test_comparison_that_broke_off_is_told(db: None, now: datetime) -> None:
    ReconcileRun.objects.create(started_at=now, finished_at=now, error="Stripe could not be reached.")
    [line] = [line for line in health.lines(now) if line.name == "Comparison with Stripe"]
    assert not line.is_good
    assert line.found.endswith(
        "0 differences left, but it could not be finished: Stripe could not be reached."
    )
