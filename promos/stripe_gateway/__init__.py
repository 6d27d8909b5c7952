"""The one door to Stripe: its SDK over HTTP, answers as plain dicts, errors as ours.

Calls go to ``settings.STRIPE_HOST`` (the stand-in or another server that follows
Stripe's API), or to Stripe itself when that is empty. Nothing here retries; the
callers know what a retry needs. Every call may raise:

    Unavailable      no answer, or one that says "later" (``Busy`` is a kind of it)
    NotAuthorised    the key is wrong or lacks a permission
    Rejected         Stripe will not do this, whatever the time (``NotFound`` and ``Conflict`` are kinds of it)
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

from django.utils.crypto import salted_hmac

from promos.stripe_gateway.calling import Pacer as Pacer
from promos.stripe_gateway.calling import Params as Params
from promos.stripe_gateway.calling import StripeObject as StripeObject
from promos.stripe_gateway.calling import call, client, pages
from promos.stripe_gateway.calling import hurried as hurried
from promos.stripe_gateway.calling import paced as paced
from promos.stripe_gateway.calling import point_sdk_at_host as point_sdk_at_host
from promos.stripe_gateway.errors import Busy as Busy
from promos.stripe_gateway.errors import Conflict as Conflict
from promos.stripe_gateway.errors import NotAuthorised as NotAuthorised
from promos.stripe_gateway.errors import NotFound as NotFound
from promos.stripe_gateway.errors import Rejected as Rejected
from promos.stripe_gateway.errors import SignatureInvalid as SignatureInvalid
from promos.stripe_gateway.errors import StripeError as StripeError
from promos.stripe_gateway.errors import Unavailable as Unavailable
from promos.stripe_gateway.signatures import SIGNATURE_TOLERANCE_SECONDS as SIGNATURE_TOLERANCE_SECONDS
from promos.stripe_gateway.signatures import verify as verify


def create_coupon(params: Params, *, idempotency_key: str) -> StripeObject:
    return call(client().v1.coupons.create, params=params, idempotency_key=idempotency_key)


def retrieve_coupon(coupon_id: str) -> StripeObject:
    """Return the coupon with ``applies_to`` and ``currency_options``, which Stripe leaves out otherwise."""
    expand = {"expand": ["applies_to", "currency_options"]}
    return call(client().v1.coupons.retrieve, coupon_id, params=expand)


def update_coupon(coupon_id: str, params: Params) -> StripeObject:
    return call(client().v1.coupons.update, coupon_id, params=params, idempotency_key=_own_key())


def list_coupons(**params: Any) -> Iterator[StripeObject]:
    return pages(client().v1.coupons.list, {"expand": ["data.applies_to", "data.currency_options"], **params})


def create_promotion_code(params: Params, *, idempotency_key: str) -> StripeObject:
    return call(client().v1.promotion_codes.create, params=params, idempotency_key=idempotency_key)


def retrieve_promotion_code(promotion_code_id: str) -> StripeObject:
    expand = {"expand": ["restrictions.currency_options"]}
    return call(client().v1.promotion_codes.retrieve, promotion_code_id, params=expand)


def update_promotion_code(promotion_code_id: str, params: Params) -> StripeObject:
    update = client().v1.promotion_codes.update
    return call(update, promotion_code_id, params=params, idempotency_key=_own_key())


def list_promotion_codes(**params: Any) -> Iterator[StripeObject]:
    """Yield promotion codes; filters as Stripe's: ``code``, ``active``, ``coupon``, ``customer``."""
    expand = {"expand": ["data.restrictions.currency_options"]}
    return pages(client().v1.promotion_codes.list, {**expand, **params})


def create_customer(params: Params, *, idempotency_key: str) -> StripeObject:
    return call(client().v1.customers.create, params=params, idempotency_key=idempotency_key)


def retrieve_customer(customer_id: str) -> StripeObject:
    return call(client().v1.customers.retrieve, customer_id)


def update_customer(customer_id: str, params: Params) -> StripeObject:
    return call(client().v1.customers.update, customer_id, params=params)


def create_checkout_session(params: Params, *, idempotency_key: str) -> StripeObject:
    return call(client().v1.checkout.sessions.create, params=params, idempotency_key=idempotency_key)


def retrieve_checkout_session(session_id: str) -> StripeObject:
    """Return the session with its ``line_items``."""
    return call(client().v1.checkout.sessions.retrieve, session_id, params={"expand": ["line_items"]})


def expire_checkout_session(session_id: str) -> StripeObject:
    return call(client().v1.checkout.sessions.expire, session_id)


def list_checkout_sessions(**params: Any) -> Iterator[StripeObject]:
    return pages(client().v1.checkout.sessions.list, params)


def retrieve_invoice(invoice_id: str) -> StripeObject:
    """Return the invoice with its discounts, which name their promotion codes, and its payments."""
    expand = {"expand": ["discounts", "lines.data.discounts", "payments"]}
    return call(client().v1.invoices.retrieve, invoice_id, params=expand)


def list_invoices(**params: Any) -> Iterator[StripeObject]:
    """Yield invoices as ``retrieve_invoice`` returns them; filters as Stripe's."""
    return pages(
        client().v1.invoices.list,
        {"expand": ["data.discounts", "data.lines.data.discounts", "data.payments"], **params},
    )


def list_invoice_payments(**params: Any) -> Iterator[StripeObject]:
    return pages(client().v1.invoice_payments.list, params)


def retrieve_subscription(subscription_id: str) -> StripeObject:
    """Return the subscription with its discounts, which name their promotion codes and their ends."""
    return call(client().v1.subscriptions.retrieve, subscription_id, params={"expand": ["discounts"]})


def update_subscription(subscription_id: str, params: Params, *, idempotency_key: str) -> StripeObject:
    update = client().v1.subscriptions.update
    return call(update, subscription_id, params=params, idempotency_key=idempotency_key)


def create_portal_session(params: Params) -> StripeObject:
    """Open Stripe's customer portal; ``url`` of the answer is where the customer goes."""
    return call(client().v1.billing_portal.sessions.create, params=params)


def list_subscriptions(**params: Any) -> Iterator[StripeObject]:
    """Yield subscriptions as ``retrieve_subscription`` returns them; ``status="all"`` with the ended ones."""
    return pages(client().v1.subscriptions.list, {"expand": ["data.discounts"], **params})


def retrieve_refund(refund_id: str) -> StripeObject:
    return call(client().v1.refunds.retrieve, refund_id)


def list_refunds(**params: Any) -> Iterator[StripeObject]:
    return pages(client().v1.refunds.list, params)


def retrieve_dispute(dispute_id: str) -> StripeObject:
    return call(client().v1.disputes.retrieve, dispute_id)


def list_disputes(**params: Any) -> Iterator[StripeObject]:
    return pages(client().v1.disputes.list, params)


def retrieve_credit_note(note_id: str) -> StripeObject:
    return call(client().v1.credit_notes.retrieve, note_id)


def list_credit_notes(**params: Any) -> Iterator[StripeObject]:
    return pages(client().v1.credit_notes.list, params)


def create_product(params: Params, *, idempotency_key: str) -> StripeObject:
    return call(client().v1.products.create, params=params, idempotency_key=idempotency_key)


def retrieve_product(product_id: str) -> StripeObject:
    return call(client().v1.products.retrieve, product_id)


def list_products(**params: Any) -> Iterator[StripeObject]:
    return pages(client().v1.products.list, params)


def create_price(params: Params, *, idempotency_key: str) -> StripeObject:
    return call(client().v1.prices.create, params=params, idempotency_key=idempotency_key)


def retrieve_price(price_id: str) -> StripeObject:
    return call(client().v1.prices.retrieve, price_id)


def list_prices(**params: Any) -> Iterator[StripeObject]:
    return pages(client().v1.prices.list, params)


def list_events(**params: Any) -> Iterator[StripeObject]:
    return pages(client().v1.events.list, params)


def retrieve_account() -> StripeObject:
    """Return the account of the key in use."""
    return call(client().v1.accounts.retrieve_current)


def create_webhook_endpoint(params: Params, *, idempotency_key: str) -> StripeObject:
    """Create an endpoint; this answer alone carries its ``secret``."""
    return call(client().v1.webhook_endpoints.create, params=params, idempotency_key=idempotency_key)


def update_webhook_endpoint(endpoint_id: str, params: Params) -> StripeObject:
    return call(client().v1.webhook_endpoints.update, endpoint_id, params=params)


def list_webhook_endpoints(**params: Any) -> Iterator[StripeObject]:
    return pages(client().v1.webhook_endpoints.list, params)


def is_own_update(event: Mapping[str, Any]) -> bool:
    """Say whether an event only reports what this installation itself wrote to a coupon or promotion code."""
    key = (event.get("request") or {}).get("idempotency_key") or ""
    return key.startswith(_own_mark())


def _own_key() -> str:
    return f"{_own_mark()}{uuid4().hex}"


@functools.cache
def _own_mark() -> str:
    # Another installation may share the account.
    return f"promodesk-{salted_hmac('promos.stripe_gateway', 'own').hexdigest()[:12]}-"
