"""What an order belongs to here: its customer, its entry, its code."""

from __future__ import annotations

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from promos import statements
from promos.models import CheckoutAttempt, Customer, LedgerEntry, PromoCode, PromoCodeUsage
from promos.models.customers import email_key
from promos.orders import Order

_OF_CUSTOMER = statements.columns(Customer, "id", "email", "email_key", "country")
_CUSTOMER = f"SELECT {', '.join(_OF_CUSTOMER)} FROM promos_customer WHERE"  # noqa: S608 - our names
_OF_STRIPE = "stripe_customer_id = %s"
_GUEST = "stripe_customer_id IS NULL AND email_key = %s ORDER BY id LIMIT 1"
_LEARN = """
UPDATE promos_customer SET email = %s, email_key = %s, country = %s
WHERE id = %s AND erased_at IS NULL
"""


def locked_customer(order: Order) -> Customer | None:
    """Return the buyer, made if need be, locked, so that the orders of one buyer are recorded one after the other."""
    if order.stripe_customer_id:
        known: dict[str, str | None] = {"stripe_customer_id": order.stripe_customer_id}
    elif order.email:
        known = {"stripe_customer_id": None, "email_key": email_key(order.email)}
    else:
        return None
    customer = _locked(**known)
    if customer is None:
        Customer.objects.get_or_create(**known, defaults={"email": order.email, "country": order.country})
        customer = _locked(**known)
    if customer is not None:
        _learn(customer, order)
    return customer


def _locked(*, stripe_customer_id: str | None, email_key: str | None = None) -> Customer | None:
    """Return the customer of Stripe's, or the first guest with an address, locked."""
    which, value = (_OF_STRIPE, stripe_customer_id) if stripe_customer_id else (_GUEST, email_key)
    lock = connection.ops.for_update_sql() if connection.features.has_select_for_update else ""
    found = statements.row(f"{_CUSTOMER} {which} {lock}", [value])
    return statements.made(Customer, _OF_CUSTOMER, iter(found)) if found else None


def _learn(customer: Customer, order: Order) -> None:
    """Keep what an order tells of a buyer who is not erased: the address, where none is known yet, and the country."""
    # Without an address it was made when a subscription or a refund came first, which do not tell it.
    email, country = customer.email or order.email, order.country or customer.country
    if (email, country) == (customer.email, customer.country):
        return
    key = email_key(email)
    if statements.change(_LEARN, [email, key, country, customer.pk]):
        customer.email, customer.email_key, customer.country = email, key, country


def entry(order: Order) -> LedgerEntry | None:
    """Return the entry of an order recorded before, be it from its other account."""
    same = Q(kind=order.kind, stripe_object_id=order.object_id)
    if not order.subscription_id:
        # A session without a subscription and its invoice share no name, but know of each other or of one payment.
        for name in ("stripe_invoice_id", "stripe_payment_intent_id"):
            value = getattr(order, name.removeprefix("stripe_"))
            same |= Q(kind=order.kind, **{name: value}) if value else Q()
    return LedgerEntry.objects.filter(same).select_related("customer", "usage__promo_code").first()


def code(entry: LedgerEntry, attempt: CheckoutAttempt | None) -> tuple[PromoCode | None, bool]:
    """Return the code of an entry, of whichever generation, and whether its redemption is known already."""
    generation = entry.stripe_promotion_code_id
    if not generation:
        return None, False
    if attempt is not None and attempt.promo_code is not None:
        # Our sessions are opened with one code and take no other.
        return attempt.promo_code, bool(getattr(attempt, "is_redeemed", False))
    codes = PromoCode.objects.select_related("campaign")
    codes = codes.annotate(is_redeemed=Exists(_redeemed(entry.redemption_key, OuterRef("pk"))))
    found = codes.filter(stripe_promotion_codes__stripe_promotion_code_id=generation).first()
    return found, bool(found and found.is_redeemed)


def _redeemed(key: str, promo_code: OuterRef) -> QuerySet[PromoCodeUsage]:
    return PromoCodeUsage.objects.filter(redemption_key=key, promo_code=promo_code)
