"""What an order belongs to here: its customer, the checkout it was opened with, its entry, its code."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet

from promos.models import CheckoutAttempt, Customer, LedgerEntry, PromoCode, PromoCodeUsage
from promos.models.customers import email_key
from promos.orders import Order
from promos.redemptions import limits

#: What recording needs of a checkout, its code and its campaign: a third of their columns, which costs a third.
_NEEDED = (
    "customer",
    "stripe_session_id",
    "held_amount",
    "promised_amount",
    "promo_code__campaign",
    "promo_code__batch",
    "promo_code__max_redemptions",
    "promo_code__max_redemptions_per_customer",
    "promo_code__first_time_only",
    "promo_code__campaign__currency",
    "promo_code__campaign__budget_amount",
    "promo_code__campaign__gives_back_on_refund",
)


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


def attempt(order: Order) -> CheckoutAttempt | None:
    """Return the checkout of ours that an order is; ``code`` reads off it whether its redemption is known."""
    if order.is_renewal:
        return given(order, order.stripe_promotion_code_id)
    if not (order.attempt_id or order.session_id):
        return None
    mine = Q(pk=order.attempt_id) if order.attempt_id else Q(stripe_session_id=order.session_id)
    found = next(iter(_attempts(order).filter(mine)), None)
    if found is None or found.stripe_session_id == order.session_id:
        return found
    # The session's id may not have been saved yet, and an invoice does not tell it. But the number in its
    # metadata may be another installation's on the same account.
    is_other = bool(order.session_id and found.stripe_session_id)
    return None if is_other or found.customer.stripe_customer_id != order.stripe_customer_id else found


def given(order: Order, stripe_promotion_code_id: str) -> CheckoutAttempt | None:
    """Return what holds the use of a code that was given to the order's subscription after it began."""
    if not stripe_promotion_code_id:
        return None
    generation = {"promo_code__stripe_promotion_codes__stripe_promotion_code_id": stripe_promotion_code_id}
    mine = _attempts(order).filter(stripe_subscription_id=order.subscription_id, **generation)
    return mine.filter(state__in=limits.UNSETTLED).order_by("pk").first()


def _attempts(order: Order) -> QuerySet[CheckoutAttempt]:
    redeemed = _redeemed(order.redemption_key, OuterRef("promo_code"))
    attempts = CheckoutAttempt.objects.select_related("promo_code__campaign").only(*_NEEDED)
    return attempts.annotate(is_redeemed=Exists(redeemed))


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
