"""What Stripe says of an order, in our words. Pure; every figure is Stripe's own.

An order is a checkout session or an invoice. The session that starts a
subscription and the subscription's first invoice are two accounts of one order.
Our checkouts carry what a webhook would otherwise have to fetch in their metadata.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from promos.models import CheckoutAttempt, LedgerEntry
from promos.plans import Plan

#: A checkout session or an invoice as Stripe sends it.
Session = Mapping[str, Any]
Invoice = Mapping[str, Any]

ATTEMPT_KEY = "promodesk_attempt"
PLAN_KEY = "promodesk_plan"
INTERVAL_KEY = "promodesk_interval"

SETTLED = frozenset({"paid", "no_payment_required"})
#: The mode of a session that sells nothing, of which Stripe says ``no_payment_required`` as well.
_SAVES_CARD = "setup"
#: Why Stripe wrote the first invoice of a subscription; later ones have other reasons.
_FIRST = "subscription_create"
#: As many digits as any database keeps.
_ROW_ID = re.compile(r"[0-9]{1,18}")
#: ISO 4217, as Stripe writes it.
_CURRENCY = re.compile("[a-z]{3}")
#: ISO 3166-1 alpha-2.
_COUNTRY = re.compile("[A-Z]{2}")


@dataclass(frozen=True)
class Order:
    """One account of an order; amounts in minor units of ``currency``, tax apart.

    ``net_amount`` is what was charged before tax, ``discount_amount`` Stripe's
    figure, and gross the sum of the two, whether prices include tax or not. The
    first of several codes has the net; the others only what each took off.
    """

    session_id: str
    invoice_id: str
    payment_intent_id: str
    subscription_id: str
    is_renewal: bool
    attempt_id: int | None
    stripe_customer_id: str
    email: str
    country: str
    stripe_promotion_code_id: str
    plan: str
    interval: str
    currency: str
    net_amount: int
    discount_amount: int
    tax_amount: int
    is_settled: bool
    #: What further codes took off, by promotion code; ``discount_amount`` is without it.
    shares: tuple[tuple[str, int], ...] = ()
    opened_at: datetime | None = None
    paid_at: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse to count an order by figures that are none: its event is kept, and says why.

        Raises:
            ValueError: a settled order lacks a whole amount or its currency.
        """
        amounts = (self.net_amount, self.discount_amount, self.tax_amount)
        is_countable = all(type(amount) is int for amount in amounts) and _CURRENCY.fullmatch(self.currency)
        if self.is_settled and not is_countable:
            raise ValueError(f"The order {self.object_id} lacks a whole amount or its currency.")

    @property
    def gross_amount(self) -> int:
        return self.net_amount + self.discount_amount

    @property
    def redemption_key(self) -> str:
        return self.subscription_id or self.session_id or self.invoice_id

    @property
    def kind(self) -> str:
        return LedgerEntry.Kind.INVOICE if self.is_renewal else LedgerEntry.Kind.CHECKOUT

    @property
    def object_id(self) -> str:
        return self.invoice_id if self.is_renewal else self.redemption_key


def metadata(attempt: CheckoutAttempt, plan: Plan) -> dict[str, str]:
    """Return what a checkout session of ours carries, so that its events need no look-up."""
    return {ATTEMPT_KEY: str(attempt.pk), PLAN_KEY: plan.price_id, INTERVAL_KEY: plan.interval}


def of_session(session: Session) -> Order:
    """Return the order of a checkout session as its events carry it, or one not opened here with its ``line_items``."""
    totals = session.get("total_details") or {}
    ours = session.get("metadata") or {}
    details = session.get("customer_details") or {}
    tax = totals.get("amount_tax") or 0
    bought = _bought(session)
    return Order(
        session_id=session["id"],
        invoice_id=id_of(session.get("invoice")),
        payment_intent_id=id_of(session.get("payment_intent")),
        subscription_id=id_of(session.get("subscription")),
        is_renewal=False,
        attempt_id=_attempt_id(ours),
        stripe_customer_id=id_of(session.get("customer")),
        email=details.get("email") or "",
        country=_country(details.get("address")),
        # A checkout takes one discount.
        stripe_promotion_code_id=next(iter(_promotion_codes(session.get("discounts"))), ""),
        plan=ours.get(PLAN_KEY) or bought.get("id", ""),
        interval=ours.get(INTERVAL_KEY) or (bought.get("recurring") or {}).get("interval", ""),
        currency=session.get("currency") or "",
        net_amount=(session["amount_total"] or 0) - tax - (totals.get("amount_shipping") or 0),
        discount_amount=totals.get("amount_discount") or 0,
        tax_amount=tax,
        is_settled=session.get("payment_status") in SETTLED and session.get("mode") != _SAVES_CARD,
        opened_at=moment(session.get("created")),
    )


def of_invoice(invoice: Invoice) -> Order:
    """Return the order of an invoice whose discounts are expanded, its own and those of its lines."""
    details = (invoice.get("parent") or {}).get("subscription_details") or {}
    ours = details.get("metadata") or {}
    subscription_id = id_of(details.get("subscription"))
    plan = _price(invoice) or ours.get(PLAN_KEY, "")
    discount_amount = sum(each["amount"] for each in invoice.get("total_discount_amounts") or [])
    codes = _promotion_codes(_discounts(invoice))
    taken = _amounts_by_code(invoice) if len(codes) > 1 else Counter()
    # A code that took nothing off is not the one whose order it is, if another did.
    promotion_code_id, *others = sorted(codes, key=lambda code: not taken[code]) or [""]
    shares = tuple((other, taken[other]) for other in others if taken[other])
    return Order(
        session_id="",
        invoice_id=invoice["id"],
        payment_intent_id=_payment_intent(invoice),
        subscription_id=subscription_id,
        is_renewal=bool(subscription_id) and invoice.get("billing_reason") != _FIRST,
        attempt_id=_attempt_id(ours),
        stripe_customer_id=id_of(invoice.get("customer")),
        email=invoice.get("customer_email") or "",
        country=_country(invoice.get("customer_address")),
        stripe_promotion_code_id=promotion_code_id,
        plan=plan,
        interval=ours.get(INTERVAL_KEY, "") if plan == ours.get(PLAN_KEY) else "",
        currency=invoice.get("currency") or "",
        net_amount=_net_amount(invoice),
        discount_amount=discount_amount - sum(amount for _, amount in shares),
        tax_amount=(invoice["total"] or 0) - _net_amount(invoice),
        is_settled=invoice.get("status") == "paid",
        shares=shares,
        paid_at=moment((invoice.get("status_transitions") or {}).get("paid_at")),
    )


def needs_expanding(invoice: Invoice) -> bool:
    """Say whether an invoice names its discounts by id only, as in every event, so that their codes are unknown."""
    return any(isinstance(discount, str) for discount in _discounts(invoice))


def id_of(reference: str | Mapping[str, Any] | None) -> str:
    """Return the id of a reference that may be expanded or null."""
    return str(reference["id"]) if isinstance(reference, Mapping) else reference or ""


def moment(epoch: int | None) -> datetime | None:
    """Return Stripe's epoch seconds as a time."""
    return datetime.fromtimestamp(epoch, UTC) if epoch else None


def _country(address: Mapping[str, Any] | None) -> str:
    """Return the country of an address, two capital letters; nothing where it is anything else."""
    country = (address or {}).get("country") or ""
    return country if _COUNTRY.fullmatch(country) else ""


def _attempt_id(ours: Mapping[str, str]) -> int | None:
    attempt = ours.get(ATTEMPT_KEY, "")
    return int(attempt) if _ROW_ID.fullmatch(attempt) else None


def _promotion_codes(discounts: Iterable[Any] | None) -> list[str]:
    """Return the promotion codes of discounts, each once; a bare coupon has none."""
    expanded = (discount for discount in discounts or [] if isinstance(discount, Mapping))
    found = (id_of(discount.get("promotion_code")) for discount in expanded)
    return list(dict.fromkeys(filter(None, found)))


def _amounts_by_code(invoice: Invoice) -> Counter[str]:
    """Return what each promotion code took off an invoice; what a bare coupon did is under the empty text."""
    expanded = (discount for discount in _discounts(invoice) if isinstance(discount, Mapping))
    codes = {discount["id"]: id_of(discount.get("promotion_code")) for discount in expanded}
    amounts: Counter[str] = Counter()
    for each in invoice.get("total_discount_amounts") or []:
        amounts[codes.get(id_of(each["discount"]), "")] += each["amount"]
    return amounts


def _bought(session: Session) -> Mapping[str, Any]:
    """Return the price that a session sold, a recurring one first; nothing unless its ``line_items`` are expanded."""
    items = (session.get("line_items") or {}).get("data", [])
    prices = [item["price"] for item in items if item.get("price")]
    return next((price for price in prices if price.get("recurring")), prices[0] if prices else {})


def _discounts(invoice: Invoice) -> list[Any]:
    """Return the discounts of an invoice, then those of single lines."""
    lines = (invoice.get("lines") or {}).get("data", [])
    of_lines = [discount for line in lines for discount in line.get("discounts") or []]
    return [*(invoice.get("discounts") or []), *of_lines]


def _net_amount(invoice: Invoice) -> int:
    net = invoice.get("total_excluding_tax")
    return net if net is not None else invoice["total"] or 0


def _price(invoice: Invoice) -> str:
    """Return the price of the subscription's own line; prorations and one-time lines stand beside it."""
    for line in (invoice.get("lines") or {}).get("data", []):
        item = (line.get("parent") or {}).get("subscription_item_details") or {}
        if item and not item.get("proration"):
            return id_of(((line.get("pricing") or {}).get("price_details") or {}).get("price"))
    return ""


def _payment_intent(invoice: Invoice) -> str:
    payments = (invoice.get("payments") or {}).get("data", [])
    found = (id_of((payment.get("payment") or {}).get("payment_intent")) for payment in payments)
    return next((payment_intent_id for payment_intent_id in found if payment_intent_id), "")
