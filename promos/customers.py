"""Our row for whoever buys, and its customer at Stripe."""

from datetime import datetime

from django.contrib.auth.models import User

from promos import stripe_gateway
from promos.models import Customer


def for_user(user: User) -> Customer:
    """Return the customer of an account, made when it is first needed.

    An address alone never joins an account to an older customer: it may not be
    confirmed, and limits per customer hang on this row.
    """
    customer, _ = Customer.objects.get_or_create(user=user, defaults={"email": user.email})
    return customer


def ensure_at_stripe(customer: Customer) -> Customer:
    """Make the customer at Stripe unless it is there already, and return the row with its Stripe id.

    Two requests at once make one: the idempotency key follows from the row.

    Raises:
        stripe_gateway.StripeError: it could not be made; nothing was stored.
    """
    if customer.stripe_customer_id:
        return customer
    made = stripe_gateway.create_customer(
        {"email": customer.email, "metadata": {"promodesk_customer": str(customer.pk)}},
        idempotency_key=row_key("customer", customer.pk, customer.created_at),
    )
    Customer.objects.filter(pk=customer.pk, stripe_customer_id=None).update(stripe_customer_id=made["id"])
    customer.refresh_from_db()
    return customer


def row_key(kind: str, pk: int, created_at: datetime) -> str:
    """Return an idempotency key for a row: its birth tells it from a row of the same number in another database."""
    return f"promodesk-{kind}-{pk}-{created_at:%Y%m%dT%H%M%S%f}"
