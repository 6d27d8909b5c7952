"""Ninety days of orders before today, with and without codes, the same on every run.

Written with past dates, but through ``redemptions.record`` and ``record_invoice``,
from checkout sessions and renewal invoices as Stripe would have sent them. Most
subscriptions go on to today; those with a code a little less often than the others.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from analytics.demo import catalogue as prices
from analytics.demo import subscriptions
from analytics.demo.catalogue import Catalogue
from promos import orders, redemptions
from promos.breaks import Breaks
from promos.models import CheckoutAttempt, CodeCheck, CodeView, Customer, PromoCode
from promos.sync import terms

State = CheckoutAttempt.State

DAYS = 90
ORDERS = 380
#: Out of how many customers each order has one.
BUYERS = ORDERS * 3
SEED = 2026
#: How long a checkout stays open.
CHECKOUT_LASTS = timedelta(minutes=30)
#: Where customers live, taken in turn.
COUNTRIES = ("US", "US", "US", "GB", "DE", "DE", "AT", "FR", "CA", "AU")
#: Of a hundred orders, how many take which plan with which code.
MIX = (
    ("monthly", "", 52),
    ("annual", "", 8),
    ("monthly", "LAUNCH50", 25),
    ("monthly", "TESTCLIENT70", 15),
)
#: Codes entered without a purchase afterwards: text and reason ("" was accepted).
IDLE_CHECKS = (
    ("LAUNCH50", ""),
    ("TESTCLIENT70", ""),
    ("LAUNCH5O", "not_found"),
    ("TESTCLIENT70", "plan_not_covered"),
)


@dataclass(frozen=True)
class Order:
    number: int
    plan: str
    code: str
    at: datetime

    @property
    def session_id(self) -> str:
        return f"cs_test_history_{self.number:04d}"


def planned(today: datetime) -> list[Order]:
    """Return the orders of the ninety days before midnight of ``today``, oldest first."""
    dice = random.Random(SEED)  # noqa: S311 - a story, not a secret
    midnight = today.replace(hour=0, minute=0, second=0, microsecond=0)
    seconds = sorted(_moment(dice) for _ in range(ORDERS))
    choices = dice.choices(MIX, weights=[weight for *_, weight in MIX], k=ORDERS)
    return [
        Order(number, plan, code, midnight - timedelta(days=DAYS) + timedelta(seconds=second))
        for number, (second, (plan, code, _)) in enumerate(zip(seconds, choices, strict=True))
    ]


def record(catalogue: Catalogue, *, today: datetime) -> Iterator[Order]:
    """Record each order that is not recorded yet, with the entry of its code and its renewals; yields as it goes."""
    codes = {code.code: code for code in PromoCode.objects.select_related("offer")}
    breaks = Breaks()
    for order in planned(today):
        # Dice of its own, so that an order is the same in a run that goes on where another stopped.
        dice = random.Random(f"{SEED}-{order.number}")  # noqa: S311 - a story, not a secret
        with transaction.atomic():
            _record(order, catalogue, codes, dice, today)
        breaks.take()
        yield order


def _record(
    order: Order,
    catalogue: Catalogue,
    codes: dict[str, PromoCode],
    dice: random.Random,
    today: datetime,
) -> None:
    number = dice.randrange(BUYERS)
    customer = _customer(number)
    session = _session(order, catalogue, customer, codes.get(order.code))
    session["customer_details"]["address"] = {"country": COUNTRIES[number % len(COUNTRIES)]}
    if not redemptions.record(session, event=None, now=order.at):
        return
    checks = _check_codes(order, customer, codes, dice)
    _lead_to_checkout(order, checks, buyer=customer, plan=session["metadata"][orders.PLAN_KEY])
    _go_on(order, session, dice, today)


def _go_on(order: Order, session: dict[str, Any], dice: random.Random, today: datetime) -> None:
    """Record the renewals of an order's subscription, and what it is like today."""
    ours = session["metadata"]
    is_monthly, is_reduced = order.plan == "monthly", order.code in subscriptions.FOREVER
    renewed = subscriptions.renewals(order.at, order.code, dice, until=today) if is_monthly else []
    discount_amount = _discount(order.code) if is_reduced else 0
    for number, paid_at in enumerate(renewed, start=1):
        invoice = subscriptions.invoice(session, number, paid_at, discount_amount=discount_amount)
        redemptions.record_invoice(invoice, event=None, now=paid_at)
    plan = (ours[orders.PLAN_KEY], ours[orders.INTERVAL_KEY])
    told = subscriptions.as_of(today, session, plan, [order.at, *renewed], is_reduced=is_reduced)
    redemptions.note_subscription(told, now=today)


def _moment(dice: random.Random) -> float:
    """Return a second within the ninety days; later days are busier."""
    return float(DAYS * 86_400 * dice.random() ** 0.7)


def _customer(number: int) -> Customer:
    customer, _ = Customer.objects.get_or_create(
        stripe_customer_id=f"cus_history{number:04d}", defaults={"email": f"buyer{number}@example.com"}
    )
    return customer


def _session(
    order: Order, catalogue: Catalogue, customer: Customer, code: PromoCode | None
) -> dict[str, Any]:
    is_monthly = order.plan == "monthly"
    gross = prices.MONTHLY_AMOUNT + prices.SETUP_AMOUNT if is_monthly else prices.ANNUAL_AMOUNT
    generation = terms.current(code) if code else None
    return {
        "id": order.session_id,
        "subscription": f"sub_history{order.number:04d}",
        "customer": customer.stripe_customer_id,
        "customer_details": {"email": customer.email},
        "payment_status": "paid",
        "currency": prices.CURRENCY,
        "amount_subtotal": gross,
        "amount_total": gross - _discount(order.code),
        "total_details": {"amount_discount": _discount(order.code), "amount_tax": 0},
        "discounts": [{"promotion_code": generation.stripe_promotion_code_id}] if generation else [],
        "metadata": {
            orders.PLAN_KEY: catalogue.monthly_price if is_monthly else catalogue.annual_price,
            orders.INTERVAL_KEY: "month" if is_monthly else "year",
        },
    }


def _discount(code: str) -> int:
    return {"LAUNCH50": prices.SETUP_AMOUNT // 2, "TESTCLIENT70": prices.MONTHLY_AMOUNT - 7_000}.get(code, 0)


def _check_codes(
    order: Order, customer: Customer, codes: dict[str, PromoCode], dice: random.Random
) -> list[CodeCheck]:
    """Keep what was entered: the order's own code, and now and then somebody else's try that led to nothing."""
    entered = [(order.code, "", customer)] if order.code else []
    if dice.random() < 0.4:
        text, reason = dice.choice(IDLE_CHECKS)
        entered.append((text, reason, _customer(BUYERS + order.number)))
    return CodeCheck.objects.bulk_create(
        CodeCheck(text=text, promo_code=codes.get(text), customer=who, reason=reason, checked_at=order.at)
        for text, reason, who in entered
    )


def _lead_to_checkout(order: Order, checks: list[CodeCheck], *, buyer: Customer, plan: str) -> None:
    """Keep the links that were followed and the checkouts begun: the buyer's, and every other of those who left."""
    known = [check for check in checks if check.promo_code]
    CodeView.objects.bulk_create(
        CodeView(text=check.text, promo_code=check.promo_code, viewed_at=check.checked_at)
        for check in known
        for _ in range(1 + order.number % 3)
    )
    accepted = [check for check in known if not check.reason]
    bought = [check for check in accepted if check.customer == buyer]
    left = [check for check in accepted if check not in bought and order.number % 2]
    ends_at = order.at + CHECKOUT_LASTS
    CheckoutAttempt.objects.bulk_create(
        CheckoutAttempt(
            customer=check.customer,
            promo_code=check.promo_code,
            plan=plan,
            stripe_session_id=order.session_id if check in bought else f"{order.session_id}_left",
            state=State.COMPLETED if check in bought else State.EXPIRED,
            currency=prices.CURRENCY,
            created_at=order.at,
            expires_at=ends_at,
            settled_at=order.at if check in bought else ends_at,
        )
        for check in [*bought, *left]
    )
