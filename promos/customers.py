"""Our row for whoever buys, and its customer at Stripe."""

import logging
import secrets
from contextlib import suppress
from datetime import datetime

from django.contrib.auth.models import User

from promos import stripe_gateway
from promos.models import Customer
from promos.models.customers import email_key

logger = logging.getLogger(__name__)


def for_user(user: User) -> Customer:
    """Return the customer of an account, made when it is first needed.

    An address alone never joins an account to an older customer: it may not be
    confirmed, and limits per customer hang on this row.
    """
    customer, _ = Customer.objects.get_or_create(user=user, defaults={"email": user.email})
    return customer


def follow_account(user: User) -> None:
    """Take over an address that somebody changed in their account, at Stripe first, where receipts come from.

    Raises:
        stripe_gateway.StripeError: Stripe was not told, and nothing changed; the next checkout tries again.
    """
    customer = Customer.objects.filter(user=user, erased_at=None).exclude(email=user.email).first()
    if customer is None or not user.email:
        return
    if customer.stripe_customer_id:
        # One that was deleted there is made anew with its next checkout.
        with suppress(stripe_gateway.NotFound):
            stripe_gateway.update_customer(customer.stripe_customer_id, {"email": user.email})
    # Whoever was erased while Stripe was told stays so.
    unerased = Customer.objects.filter(pk=customer.pk, erased_at=None)
    unerased.update(email=user.email, email_key=email_key(user.email))


def ensure_at_stripe(customer: Customer) -> Customer:
    """Make the customer at Stripe unless it is there already, and return the row with its Stripe id.

    Two requests at once make one: the idempotency key follows from the row.

    Raises:
        stripe_gateway.StripeError: it could not be made; nothing was stored.
    """
    if customer.user and customer.email != customer.user.email:
        try:
            follow_account(customer.user)
        except stripe_gateway.Rejected as error:
            # Their purchase does not hang on an address that Stripe dislikes.
            logger.warning("Stripe did not take the new address of customer %s: %s", customer.pk, error)
        customer.refresh_from_db()
    if customer.stripe_customer_id:
        return customer
    made = _create_at_stripe(customer)
    Customer.objects.filter(pk=customer.pk, stripe_customer_id=None).update(stripe_customer_id=made["id"])
    customer.refresh_from_db()
    return customer


def is_gone(error: stripe_gateway.StripeError) -> bool:
    """Say whether Stripe refused a request because it no longer has the customer."""
    return (
        isinstance(error, stripe_gateway.Rejected)
        and error.code == "resource_missing"
        and error.param == "customer"
    )


def replace_at_stripe(customer: Customer) -> None:
    """Make a new customer at Stripe, after somebody deleted the old one there.

    Raises:
        stripe_gateway.StripeError: it could not be made; the row still names the old one.
    """
    made = stripe_gateway.create_customer(_params(customer), idempotency_key=_fresh_key(customer))
    Customer.objects.filter(pk=customer.pk).update(stripe_customer_id=made["id"])


def row_key(kind: str, pk: int, created_at: datetime) -> str:
    """Return an idempotency key for a row: its birth tells it from a row of the same number in another database."""
    return f"promodesk-{kind}-{pk}-{created_at:%Y%m%dT%H%M%S%f}"


def _create_at_stripe(customer: Customer) -> stripe_gateway.StripeObject:
    key = row_key("customer", customer.pk, customer.created_at)
    try:
        return stripe_gateway.create_customer(_params(customer), idempotency_key=key)
    except stripe_gateway.Unavailable as error:
        if not error.needs_new_key:
            raise
    except stripe_gateway.Conflict:
        # The key was used with another address, whose answer was lost.
        pass
    # Stripe repeats a failure to its key for a day. A spare customer there harms nobody, a day without checkout would.
    return stripe_gateway.create_customer(_params(customer), idempotency_key=_fresh_key(customer))


def _params(customer: Customer) -> dict[str, object]:
    return {"email": customer.email, "metadata": {"promodesk_customer": str(customer.pk)}}


def _fresh_key(customer: Customer) -> str:
    return f"{row_key('customer', customer.pk, customer.created_at)}-{secrets.token_hex(8)}"
