"""What comes about at Stripe without a call to its API: time passes, banks settle, cards fail, buyers dispute.

`standin.hooks` offers these to tests; each takes effect at once, its events on their way to the webhook endpoints.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from promos.standin import delayed, disputes, payments, refunds, renewals
from promos.standin.kinds import Document

if TYPE_CHECKING:
    from promos.standin.api import Api


class Hooks:
    """Acts on a stand-in from outside of its API. Raises StripeError for what cannot come about."""

    def __init__(self, core: Api) -> None:
        self.core = core

    def advance(self, moment: float) -> None:
        """Let time pass until `moment` (epoch seconds): everything due lapses or renews, each at its own moment.

        From then on the stand-in's clock is that much ahead of the one it was started with.
        """
        self.core.ahead = moment - self.core.clock()
        self.core.sweep()

    def renew(self, subscription: str) -> Document:
        """End a subscription's period before its time; what follows is dated at that end. Return the subscription."""
        return self._act(renewals.renew, subscription)

    def break_card(self, customer: str) -> None:
        """Let the customer's card be declined from now on: renewals fail."""
        self._act(payments.set_declined, customer, is_declined=True)

    def mend_card(self, customer: str) -> None:
        """Let the customer's card work again."""
        self._act(payments.set_declined, customer, is_declined=False)

    def fail_refund(self, refund: str) -> Document:
        """Let a refund turn out to have failed; return it."""
        return self._act(refunds.fail, refund)

    def open_dispute(self, charge: str, amount: int | None = None) -> Document:
        """Let the buyer dispute a charge; return the dispute."""
        return self._act(disputes.open_dispute, charge, amount)

    def close_dispute(self, dispute: str, status: str) -> Document:
        """Let the bank decide a dispute, `won` or `lost`; return it."""
        return self._act(disputes.close_dispute, dispute, status)

    def settle_payment(self, session: str) -> Document:
        """Let the bank pay what a complete checkout waits for; return the session."""
        return self._act(delayed.settle, session)

    def fail_payment(self, session: str) -> Document:
        """Let the bank refuse what a complete checkout waits for; return the session."""
        return self._act(delayed.fail, session)

    def _act(self, happening: Callable[..., Document], *details: object, **choices: object) -> Document:
        self.core.sweep()
        with self.core.store.transaction():
            return happening(self.core.call(), *details, **choices)
