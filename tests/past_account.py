"""An account at Stripe with a hundred days behind it of which nothing was ever heard here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from promos.standin import server
from promos.standin.server import Standin
from tests.standin import shop as stripe_shop
from tests.standin.clock import Clock
from tests.standin.dashboard import Dashboard

DAY = 24 * 60 * 60


@dataclass
class PastAccount:
    """Act at Stripe through the dashboard and the pay page; ``clock`` says when."""

    standin: Standin
    clock: Clock
    dashboard: Dashboard

    def __post_init__(self) -> None:
        self.shop = stripe_shop.Shop(self.dashboard)

    def code(self, text: str, *, percent_off: int = 50, **values: Any) -> Any:
        coupon = self.dashboard.create_coupon(percent_off=percent_off, duration="once", name=text.title())
        return self.dashboard.create_code(coupon.id, text, **values)

    def buy(self, code: Any = None, *, email: str = "buyer@example.com", **values: Any) -> Any:
        """Open a checkout and pay it; a subscription to the plan with its setup fee unless told otherwise."""
        discounts = {"discounts": [{"promotion_code": code.id}]} if code else {}
        session = self.shop.open(**discounts, **values)
        assert stripe_shop.pay(session, email=email).status_code == 303
        return self.shop.reload(session)

    def lose_dispute(self, session: Any) -> None:
        payment = self.dashboard.v1.payment_intents.retrieve(session.payment_intent)
        dispute = self.standin.hooks.open_dispute(payment.latest_charge)
        self.standin.hooks.close_dispute(dispute["id"], "lost")

    def credit(self, session: Any, *, amount: int) -> None:
        """Take an amount off the latest invoice of a session's subscription, settled outside of Stripe."""
        subscription = self.dashboard.v1.subscriptions.retrieve(session.subscription)
        terms = {"invoice": subscription.latest_invoice, "amount": amount, "out_of_band_amount": amount}
        self.dashboard.v1.credit_notes.create(terms)

    def pass_days(self, days: float) -> None:
        """Let time pass: what is due renews or lapses."""
        self.clock.advance(days * DAY)
        self.standin.core.sweep()


@contextmanager
def opened(*, days_ago: float = 100) -> Iterator[PastAccount]:
    """Open an account that many days ago; leave it whenever its own clock has come to now."""
    clock = Clock()
    clock.advance(-days_ago * DAY)
    standin = server.start(port=0, clock=clock)
    try:
        yield PastAccount(standin, clock, Dashboard(standin.url))
    finally:
        standin.stop()


def live_through(account: PastAccount) -> None:
    """Four orders: a code on a subscription, none, a code on a single payment, and one without a code.

    The two subscriptions renew three times each in the hundred days. The payment
    with a code is disputed and lost, the last one refunded in part, and one
    renewal of the first subscription gets a credit note.
    """
    launch = account.code("LAUNCH")
    subscribed = account.buy(launch, email="first@example.com")
    account.pass_days(1)
    account.buy(email="second@example.com")
    account.shop.open()
    account.pass_days(9)
    account.dashboard.deactivate_code(launch.id)
    disputed = account.buy(account.code("SETUP", percent_off=10), mode="payment", customer_creation="always")
    account.pass_days(5)
    account.lose_dispute(disputed)
    single = account.buy(mode="payment", customer_creation="always", email="second@example.com")
    account.dashboard.v1.refunds.create({"payment_intent": single.payment_intent, "amount": 5000})
    account.pass_days(84)
    account.credit(subscribed, amount=1000)
