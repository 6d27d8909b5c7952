"""Six events of one life, in every order, each up to three times: always the same rows."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from analytics import verification
from promos.models import Campaign, Customer, LedgerEntry, PromoCode, PromoCodeUsage, Subscription
from tests.factories import CampaignFactory, SyncedPromoCodeFactory
from tests.promos import naive_ledger
from tests.promos.canned_stripe import CannedStripe
from tests.promos.stripe_orders import BEGUN, credit_note, epoch, invoice, refund, session, subscription

pytestmark = pytest.mark.django_db

Life = list[dict[str, Any]]
Tell = Callable[[dict[str, Any]], object]
#: What may differ: when a row was written, and what is drawn from a sequence.
INCIDENTAL = {"id", "created_at", "updated_at", "usage_id", "customer_id", "order_id", "next_try_at"}


@pytest.fixture
def stripe(monkeypatch) -> CannedStripe:
    return CannedStripe(monkeypatch)


@pytest.fixture
def code() -> PromoCode:
    return SyncedPromoCodeFactory(campaign=CampaignFactory(currency="usd"), max_redemptions=5)


@pytest.fixture
def life(code, stripe) -> Life:
    """Checkout, first invoice, a renewal, a full refund of the first order, a credit note, the end."""
    events = [
        session(code),
        invoice(code),
        invoice(code, month=1),
        refund(),
        credit_note(month=1),
        subscription(code, status="canceled", ended_at=epoch(2)),
    ]
    stripe.has(*events)
    return events


def rows() -> dict[str, list[dict[str, Any]]]:
    models = (Customer, Campaign, PromoCode, PromoCodeUsage, LedgerEntry, Subscription)
    return {model.__name__: sorted(map(_plain, model.objects.values()), key=str) for model in models}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in INCIDENTAL}


class Walk:
    """Every order of some events, each told up to three times; orders that begin alike share their beginning.

    ``width`` is how many events are tried at each step. ``ends`` collects the rows at each end, every figure
    verified against them.
    """

    def __init__(self, tell: Tell, *, width: int = 6) -> None:
        self.tell, self.width = tell, width
        self.dice = random.Random(2026)  # noqa: S311 - orders of events, no secret
        self.ends: set[str] = set()

    def __call__(self, told: Life, left: Life) -> Walk:
        if not left:
            self._arrive()
        for event in self.dice.sample(left, min(self.width, len(left))):
            self.step(event, told, left)
        return self

    def step(self, event: dict[str, Any], told: Life, left: Life) -> None:
        """Tell one event, and after it those that are left in every order."""
        with transaction.atomic():
            for one in [event] * self.dice.randint(1, 2) + [self.dice.choice([*told, event])]:
                self.tell(one)
            self([*told, event], [other for other in left if other is not event])
            transaction.set_rollback(True)

    def _arrive(self) -> None:
        found = str(rows())
        if found not in self.ends:
            assert not [difference for check in verification.CHECKS.values() for difference in check()]
        self.ends.add(found)


class NaiveWalk(Walk):
    def _arrive(self) -> None:
        self.ends.add(str(rows()))


def test_life_ends_as_it_should(code, stripe, life) -> None:
    for event in life:
        stripe.tell(event, BEGUN)
    usage = PromoCodeUsage.objects.get()
    amounts = (usage.gross_amount, usage.discount_amount, usage.net_amount)
    assert amounts == (20_000, 2_000, 8_000)
    assert (usage.status, usage.is_given_back, usage.redeemed_at) == ("refunded", True, BEGUN)
    assert LedgerEntry.objects.count() == 4


def test_life_ends_the_same_in_many_orders(stripe, life) -> None:
    assert len(Walk(lambda event: stripe.tell(event, BEGUN), width=2)([], life).ends) == 1


@pytest.mark.slow
@pytest.mark.race
@pytest.mark.parametrize("first", range(6))
def test_life_ends_the_same_in_every_order(stripe, life, first: int) -> None:
    walk = Walk(lambda event: stripe.tell(event, BEGUN))
    walk.step(life[first], [], life)
    # One order that begins anyhow: what this walk comes to is what the other five come to.
    walk.width = 1
    walk([], life)
    assert len(walk.ends) == 1


def test_naive_ledger_depends_on_the_order(life) -> None:
    assert len(NaiveWalk(naive_ledger.tell)([], life[:4]).ends) > 1
