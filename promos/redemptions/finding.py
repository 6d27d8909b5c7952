"""What an order belongs to here: its customer, its entry, its code."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet

from promos.models import CheckoutAttempt, Customer, LedgerEntry, PromoCode, PromoCodeUsage
from promos.models.customers import email_key
from promos.orders import Order


def locked_customer(order: Order) -> Customer | None:
    """Return the buyer, made if need be, locked, so that the orders of one buyer are recorded one after the other."""
    if order.stripe_customer_id:
        known: dict[str, str | None] = {"stripe_customer_id": order.stripe_customer_id}
    elif order.email:
        known = {"stripe_customer_id": None, "email_key": email_key(order.email)}
    else:
        return None
    locked = Customer.objects.select_for_update().filter(**known)
    # Of several guests with one address the first; else the id says which, and no order need be made.
    locked = locked if order.stripe_customer_id else locked.order_by("pk")
    customer = next(iter(locked[:1]), None)
    if customer is None:
        Customer.objects.get_or_create(**known, defaults={"email": order.email, "country": order.country})
        customer = locked[:1].get()
    if not customer.erased_at:
        _learn(customer, order)
    return customer


def _learn(customer: Customer, order: Order) -> None:
    """Keep what an order tells of its buyer: the address, where none is known yet, and the country."""
    # Without an address it was made when a subscription or a refund came first, which do not tell it.
    email, country = customer.email or order.email, order.country or customer.country
    if (email, country) != (customer.email, customer.country):
        customer.email, customer.country = email, country
        customer.save(update_fields=["email", "email_key", "country"])


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
