"""What became of a checkout, for the page its customer comes back to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from promos import money, plans
from promos.models import CheckoutAttempt, Customer, LedgerEntry

#: Whatever comes in an address; PostgreSQL would not even compare some of it.
SESSION_ID = re.compile(r"cs_[A-Za-z0-9_]{1,250}")


class State(Enum):
    PAID = "paid"
    WAITING = "waiting"  # Stripe's event has not arrived yet
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Outcome:
    """One checkout's end; amounts in words, as Stripe reported them, empty until it has."""

    state: State
    plan_name: str
    code: str
    paid: str = ""
    saved: str = ""

    @property
    def is_waiting(self) -> bool:
        return self.state is State.WAITING


def of_session(session_id: str, *, customer: Customer) -> Outcome | None:
    """Return what became of a checkout of this customer's; None for anybody else's or none at all."""
    if not SESSION_ID.fullmatch(session_id):
        return None
    attempt = (
        CheckoutAttempt.objects.select_related("promo_code")
        .filter(stripe_session_id=session_id, customer=customer)
        .first()
    )
    if attempt is None:
        return None
    plan = plans.get(attempt.plan)
    plan_name = plan.name if plan else ""
    code = attempt.promo_code.code if attempt.promo_code else ""
    # By the customer, because the ledger has no index by session.
    orders = LedgerEntry.objects.filter(customer=customer, kind=LedgerEntry.Kind.CHECKOUT)
    entry = orders.filter(stripe_session_id=session_id).first()
    if entry is None:
        state = _UNPAID.get(CheckoutAttempt.State(attempt.state), State.WAITING)
        return Outcome(state, plan_name, code)
    paid = money.display(entry.gross_amount - entry.discount_amount + entry.tax_amount, entry.currency)
    saved = money.display(entry.discount_amount, entry.currency) if entry.discount_amount else ""
    return Outcome(State.PAID, plan_name, code, paid, saved)


_UNPAID = {
    CheckoutAttempt.State.EXPIRED: State.EXPIRED,
    CheckoutAttempt.State.FAILED: State.FAILED,
}
