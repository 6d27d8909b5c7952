"""Random histories with everything that makes figures hard, as facts, and told to the ledger as Stripe tells them.

Several currencies, two codes on an order, coupons without a code, tax, renewals with and
without a discount, refunds in part and in full, disputes lost and won, credit notes, batches
and campaigns, and much of it at midnight. What is told comes in no order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import partial
from random import Random
from typing import Any

from promos import redemptions
from promos.models import Customer, LedgerEntry, PromoCode
from tests.analytics.metrics.naive_metrics import Back, Check, Code, History, Sale
from tests.factories import (
    CampaignFactory,
    CodeBatchFactory,
    CodeCheckFactory,
    OfferFactory,
    PromoCodeFactory,
    SyncedPromoCodeFactory,
)
from tests.promos import stripe_orders

FIRST_DAY = date(2026, 1, 1)
DAYS = 170
CODES = (
    Code("ALONE"),
    Code("SPRING", campaign="Spring"),
    Code("SECOND", campaign="Spring"),
    Code("MOVED", campaign="Summer"),
    Code("B-1", campaign="Summer", batch="B-"),
    Code("B-2", batch="B-"),
    Code("UNUSED", campaign="Summer"),
)
#: Plan: currency, interval and list price.
PLANS = {
    "price_month": ("usd", "month", 10_000),
    "price_year": ("usd", "year", 99_999),
    "price_euro": ("eur", "month", 8_333),
    "price_yen": ("jpy", "month", 1_501),
}
COUNTRIES = ("AT", "DE", "US", "")


@dataclass
class Storyteller:
    """Invents a history; the same dice invent the same one."""

    dice: Random
    zone: tzinfo

    def history(self, customers: int) -> History:
        sales = [sale for number in range(customers) for sale in self._customer(f"cus_{number}")]
        return History(list(CODES), sales, [check for sale in sales for check in self._checks(sale)])

    def moment(self) -> datetime:
        """Return a time, as often as not at a midnight of UTC or of the site, or a second before."""
        day = FIRST_DAY + timedelta(days=self.dice.randrange(DAYS))
        if self.dice.random() < 0.5:
            zone = self.dice.choice((UTC, self.zone))
            at = datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)
            return at - timedelta(seconds=self.dice.randrange(2))
        return datetime.combine(day, time.min, tzinfo=UTC) + timedelta(seconds=self.dice.randrange(86_400))

    def _customer(self, name: str) -> list[Sale]:
        # Most begin on the commonest plan, so that there are enough to compare.
        country = self.dice.choice(COUNTRIES)
        sales: list[Sale] = []
        for number in range(self.dice.choice((1, 1, 1, 2))):
            plan = self.dice.choice((*PLANS, *["price_month"] * 4))
            sales += self._subscription(name, country, f"{name}_{number}", plan)
        taken: set[datetime] = set()
        for sale in sales:
            # Of one second, names would decide which came first.
            while sale.at in taken:
                sale.at += timedelta(seconds=1)
            taken.add(sale.at)
        return sales

    def _subscription(self, customer: str, country: str, key: str, plan: str) -> list[Sale]:
        currency, interval, listed = PLANS[plan]
        sell = partial(
            Sale,
            customer=customer,
            country=country,
            subscription=f"sub_{key}",
            plan=plan,
            interval=interval,
            currency=currency,
            listed=listed,
        )
        at = self.moment()
        sales = [self._priced(sell(at=at))]
        for month in range(1, 1 if interval == "year" else self.dice.randrange(1, 5)):
            later = at + timedelta(days=30 * month, seconds=self.dice.randrange(3))
            renewal = sell(at=later, is_renewal=True)
            if self.dice.random() < 0.4:
                renewal.taken = dict.fromkeys(sales[0].taken, listed // 10)
            sales.append(renewal)
        return [self._paid_back(sale) for sale in sales]

    def _priced(self, sale: Sale) -> Sale:
        # Stripe takes no two codes of one coupon, so none of one batch.
        names = [self.dice.choice(("ALONE", "SPRING", "B-1")), self.dice.choice(("SECOND", "MOVED", "B-2"))]
        if names == ["B-1", "B-2"] or self.dice.random() < 0.5:
            names = ["MOVED", "SPRING"]
        kind = self.dice.randrange(10)
        if kind < 4:
            sale.taken = {names[0]: self.dice.choice((0, 1, sale.listed // 3, sale.listed))}
        elif kind == 4:
            sale.taken = {name: self.dice.choice((0, sale.listed // 5)) for name in names}
        elif kind == 5:
            sale.coupon = sale.listed // 4
        sale.tax = self.dice.choice((0, 0, sale.net // 5))
        return sale

    def _paid_back(self, sale: Sale) -> Sale:
        paid, chance = sale.net + sale.tax, self.dice.random()
        if paid and chance < 0.4:
            kind = self.dice.choice(("refund", "refund", "dispute", "credit_note"))
            amount = paid if chance < 0.15 else self.dice.randrange(1, paid + 1)
            at = sale.at + timedelta(seconds=self.dice.randrange(40 * 86_400))
            sale.backs = [Back(at, kind, amount)]
            if chance > 0.3 and kind != "credit_note":
                # What failed or was won comes back.
                again = at if kind == "refund" else at + timedelta(days=1)
                sale.backs.append(Back(again, kind, -amount))
        return sale

    def _checks(self, sale: Sale) -> list[Check]:
        """Return entries of a code around its redemption: at both ends of the thirty days, and within its second."""
        before = self.dice.choice(
            (
                timedelta(days=30),
                timedelta(days=30) - timedelta(microseconds=1),
                timedelta(microseconds=-999_999),
                timedelta(seconds=-1),
                timedelta(hours=3),
            )
        )
        names = [] if sale.is_renewal else list(sale.taken)[:1]
        checks = [Check(sale.at - before, sale.customer, name, is_accepted=True) for name in names]
        if self.dice.random() < 0.3:
            checks.append(Check(self.moment(), sale.customer, "ALONE", is_accepted=self.dice.random() < 0.5))
        return checks


def tell(history: History, dice: Random) -> None:
    """Tell a history to the ledger in no order; then MOVED leaves the campaign in which it was used."""
    codes = _make_codes(history.codes)
    sales = list(enumerate(history.sales))
    dice.shuffle(sales)
    late = []
    for number, sale in sales:
        accounts = _accounts(sale, number, codes)
        dice.shuffle(accounts)
        for account in accounts:
            account()
        if dice.random() < 0.5:
            _pay_back(sale, number)
        else:
            late.append((sale, number))
    for sale, number in late:
        _pay_back(sale, number)
    for check in history.checks:
        _note(check, codes)
    PromoCode.objects.filter(code="MOVED").update(campaign=codes["UNUSED"].campaign)


def _make_codes(codes: list[Code]) -> dict[str, PromoCode]:
    campaigns = {
        name: CampaignFactory(name=name, fixed_cost_amount=cost, currency="usd")
        for name, cost in (("Spring", 12_345), ("Summer", 0))
    }
    batch = CodeBatchFactory(offer=OfferFactory(), prefix="B-")
    made: dict[str, PromoCode] = {}
    for code in codes:
        # Codes of one offer share Stripe's coupon.
        factory = PromoCodeFactory if code.name == "UNUSED" else SyncedPromoCodeFactory
        made[code.name] = factory(
            code=code.name,
            campaign=campaigns["Spring"] if code.name == "MOVED" else campaigns.get(code.campaign),
            batch=batch if code.batch else None,
        )
    return made


def _accounts(sale: Sale, number: int, codes: dict[str, PromoCode]) -> list[Any]:
    """Return what Stripe says of a sale: its invoice, and, of a checkout, its session."""
    paid = int(sale.at.timestamp())
    invoice = partial(redemptions.record_invoice, _invoice(sale, number, codes), event=None, now=sale.at)
    if sale.is_renewal or len(sale.taken) > 1:
        return [invoice]
    session = {
        "id": f"cs_{number}",
        "created": paid,
        "subscription": sale.subscription,
        "invoice": f"in_{number}",
        "amount_subtotal": sale.listed,
        "amount_total": sale.net + sale.tax,
        "total_details": {"amount_discount": sale.discount, "amount_tax": sale.tax, "amount_shipping": 0},
        "discounts": [{"promotion_code": stripe_orders.promotion_code(codes[name])} for name in sale.taken],
        "customer_details": {"email": "", "address": {"country": sale.country}},
        **_same(sale),
    }
    session |= {"metadata": _plan(sale)}
    return [partial(redemptions.record, stripe_orders.session(**session), event=None, now=sale.at), invoice]


def _invoice(sale: Sale, number: int, codes: dict[str, PromoCode]) -> dict[str, Any]:
    discounts = [
        {
            "id": f"di_{name}",
            "object": "discount",
            "promotion_code": stripe_orders.promotion_code(codes[name]),
        }
        for name in sale.taken
    ]
    amounts = [{"discount": f"di_{name}", "amount": amount} for name, amount in sale.taken.items()]
    if sale.coupon:
        discounts.append({"id": "di_coupon", "object": "discount", "promotion_code": None})
        amounts.append({"discount": "di_coupon", "amount": sale.coupon})
    payment = {"type": "payment_intent", "payment_intent": f"pi_{number}"}
    details = {"subscription": sale.subscription, "metadata": _plan(sale)}
    return stripe_orders.invoice(
        **_same(sale),
        id=f"in_{number}",
        billing_reason="subscription_cycle" if sale.is_renewal else "subscription_create",
        status_transitions={"paid_at": int(sale.at.timestamp())},
        customer_email="",
        customer_address={"country": sale.country},
        subtotal=sale.listed,
        total=sale.net + sale.tax,
        total_excluding_tax=sale.net,
        discounts=discounts,
        total_discount_amounts=amounts,
        parent={"type": "subscription_details", "subscription_details": details},
        payments={"data": [{"payment": payment}]},
    )


def _same(sale: Sale) -> dict[str, Any]:
    return {"customer": sale.customer, "currency": sale.currency}


def _plan(sale: Sale) -> dict[str, str]:
    return {"promodesk_plan": sale.plan, "promodesk_interval": sale.interval}


def _pay_back(sale: Sale, number: int) -> None:
    if not sale.backs:
        return
    order = LedgerEntry.objects.get(stripe_invoice_id=f"in_{number}", order=None)
    went, is_undone = sale.backs[0], len(sale.backs) > 1
    created = int(went.at.timestamp())
    if went.kind == "refund":
        status = "failed" if is_undone else "succeeded"
        told = stripe_orders.refund(went.amount, id=f"re_{number}", status=status, created=created)
        redemptions.record_refund(told, order=order, event=None)
    elif went.kind == "dispute":
        moved = [{"amount": -back.amount, "created": int(back.at.timestamp())} for back in sale.backs]
        told = stripe_orders.dispute(
            id=f"dp_{number}",
            amount=went.amount,
            status="won" if is_undone else "lost",
            balance_transactions=moved,
        )
        redemptions.record_dispute(told, order=order, event=None)
    else:
        untaxed = went.amount - _tax_within(went.amount, sale)
        told = stripe_orders.credit_note(
            went.amount, id=f"cn_{number}", created=created, total_excluding_tax=untaxed
        )
        redemptions.record_credit_note(told, order=order, event=None)


def _tax_within(amount: int, sale: Sale) -> int:
    """Return the tax of a part of a sale as Stripe's credit note tells it."""
    paid = sale.net + sale.tax
    return (2 * amount * sale.tax + paid) // (2 * paid)


def _note(check: Check, codes: dict[str, PromoCode]) -> None:
    CodeCheckFactory(
        text=check.code,
        promo_code=codes[check.code],
        customer=Customer.objects.get(stripe_customer_id=check.customer),
        reason="" if check.is_accepted else "expired",
        checked_at=check.at,
    )
