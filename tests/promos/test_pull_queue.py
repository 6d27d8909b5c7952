"""Pulls that an owner asked for: made once, by one worker, and again when Stripe was down."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DataError
from pytest_django import Settings

from promos import worker
from promos.models import PromoCode, StripePromotionCode
from promos.standin.server import Standin
from promos.sync import pull, pull_queue
from tests.factories import PromoCodeFactory
from tests.promos import sides
from tests.promos.sides import again, coupon_id, current, stripe_id, synced
from tests.standin.dashboard import Dashboard
from tests.standin.recorder import Recorder

pytestmark = pytest.mark.django_db
LATER = timedelta(minutes=1)


@pytest.fixture
def edited(dashboard: Dashboard, now: datetime) -> PromoCode:
    """A code that was renamed and switched off in Stripe's dashboard, of which no event told."""
    code = synced(now)
    dashboard.rename_coupon(coupon_id(code), "Winter")
    dashboard.deactivate_code(stripe_id(code))
    return code


def test_pull_that_was_asked_for_takes_over_the_dashboards_edits(edited: PromoCode, now: datetime) -> None:
    assert pull_queue.ask(edited, now=now)
    assert (again(edited).offer.name, again(edited).paused_at) != ("Winter", now)
    worker.work(now)
    assert (again(edited).offer.name, again(edited).paused_at) == ("Winter", now)
    assert (current(edited).pull_at, current(edited).pulled_at) == (None, now)


def test_code_that_stripe_does_not_have_is_not_asked_for(db: None, now: datetime) -> None:
    assert not pull_queue.ask(PromoCodeFactory(), now=now)


def test_pull_is_made_once(edited: PromoCode, now: datetime) -> None:
    pull_queue.ask(edited, now=now)
    assert (pull_queue.work(now), pull_queue.work(now + LATER)) == (1, 0)


def test_pull_waits_while_stripe_is_down(edited: PromoCode, now: datetime, settings: Settings) -> None:
    pull_queue.ask(edited, now=now)
    host, settings.STRIPE_HOST = settings.STRIPE_HOST, "http://127.0.0.1:9"
    worker.work(now)
    assert again(edited).paused_at is None
    settings.STRIPE_HOST = host
    assert (pull_queue.work(now), pull_queue.work(now + LATER)) == (0, 1)
    assert again(edited).paused_at == now + LATER


def test_codes_of_one_coupon_ask_after_it_once(standin: Standin, now: datetime) -> None:
    first = synced(now)
    PromoCodeFactory(offer=first.offer)
    sides.push_all(now)
    StripePromotionCode.objects.update(pull_at=now)
    standin.api = recorder = Recorder(standin.api)
    assert pull_queue.work(now) == 2
    assert (recorder.count("GET", "/v1/coupons"), recorder.count("GET", "/v1/promotion_codes")) == (1, 2)


@pytest.mark.parametrize("error", [KeyError, DataError])
@pytest.mark.parametrize("kind", ["coupon", "promotion_code"])
def test_pull_that_is_strange_spares_those_behind_it(
    kind: str, error: type[Exception], standin: Standin, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange, behind = synced(now, code="STRANGE"), synced(now, code="BEHIND")
    StripePromotionCode.objects.update(pull_at=now)
    take_in, met = getattr(pull, kind), {coupon_id(strange), stripe_id(strange)}

    def take_in_all_but_one(stripe_id: str, **rest: Any) -> object:
        if stripe_id in met:
            raise error
        return take_in(stripe_id, **rest)

    monkeypatch.setattr(pull, kind, take_in_all_but_one)
    assert pull_queue.work(now) == 2
    assert (current(behind).pull_at, current(behind).pulled_at) == (None, now)
