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
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import uuid4

import stripe
from django.conf import settings
from django.utils.crypto import salted_hmac

#: A Stripe object or the parameters of a request, as JSON would hold it.
StripeObject = dict[str, Any]
Params = Mapping[str, Any]

SIGNATURE_TOLERANCE_SECONDS = 300

#: How long a connection may take while somebody waits for a page.
HURRIED_CONNECT_SECONDS = 1.5
#: With less left no request is begun.
LEAST_SECONDS = 0.25

_pacer: ContextVar[Pacer | None] = ContextVar("pacer", default=None)
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


class StripeError(Exception):
    """Something went wrong with Stripe; ``str()`` says what in Stripe's words."""


class Unavailable(StripeError):
    """Stripe did not answer or asked to come back later.

    ``needs_new_key`` is true after a definite 5xx: Stripe replays that answer
    for the same idempotency key. After a time-out or a 429 the key is kept.
    """

    def __init__(self, message: str, *, needs_new_key: bool = False) -> None:
        super().__init__(message)
        self.needs_new_key = needs_new_key


class Busy(Unavailable):
    """Stripe still works on the same request, or gets too many: with the same key it may be asked again at once."""


class NotAuthorised(StripeError):
    """The key is wrong, or is a restricted one that lacks a permission."""


class Rejected(StripeError):
    """Stripe refused the request for good."""

    def __init__(self, message: str, *, code: str = "", param: str = "") -> None:
        super().__init__(message)
        self.message, self.code, self.param = message, code, param


class NotFound(Rejected):
    """There is no such object."""


class Conflict(Rejected):
    """The id is taken, or the idempotency key was used for another request."""


class SignatureInvalid(StripeError):
    """A webhook's signature is missing, wrong, too old or from the future."""


def create_coupon(params: Params, *, idempotency_key: str) -> StripeObject:
    return _call(_client().v1.coupons.create, params=params, idempotency_key=idempotency_key)


def retrieve_coupon(coupon_id: str) -> StripeObject:
    """Return the coupon with ``applies_to`` and ``currency_options``, which Stripe leaves out otherwise."""
    expand = {"expand": ["applies_to", "currency_options"]}
    return _call(_client().v1.coupons.retrieve, coupon_id, params=expand)


def update_coupon(coupon_id: str, params: Params) -> StripeObject:
    return _call(_client().v1.coupons.update, coupon_id, params=params, idempotency_key=_own_key())


def list_coupons(**params: Any) -> Iterator[StripeObject]:
    return _pages(
        _client().v1.coupons.list, {"expand": ["data.applies_to", "data.currency_options"], **params}
    )


def create_promotion_code(params: Params, *, idempotency_key: str) -> StripeObject:
    return _call(_client().v1.promotion_codes.create, params=params, idempotency_key=idempotency_key)


def retrieve_promotion_code(promotion_code_id: str) -> StripeObject:
    expand = {"expand": ["restrictions.currency_options"]}
    return _call(_client().v1.promotion_codes.retrieve, promotion_code_id, params=expand)


def update_promotion_code(promotion_code_id: str, params: Params) -> StripeObject:
    update = _client().v1.promotion_codes.update
    return _call(update, promotion_code_id, params=params, idempotency_key=_own_key())


def list_promotion_codes(**params: Any) -> Iterator[StripeObject]:
    """Yield promotion codes; filters as Stripe's: ``code``, ``active``, ``coupon``, ``customer``."""
    return _pages(_client().v1.promotion_codes.list, params)


def create_customer(params: Params, *, idempotency_key: str) -> StripeObject:
    return _call(_client().v1.customers.create, params=params, idempotency_key=idempotency_key)


def retrieve_customer(customer_id: str) -> StripeObject:
    return _call(_client().v1.customers.retrieve, customer_id)


def update_customer(customer_id: str, params: Params) -> StripeObject:
    return _call(_client().v1.customers.update, customer_id, params=params)


def create_checkout_session(params: Params, *, idempotency_key: str) -> StripeObject:
    return _call(_client().v1.checkout.sessions.create, params=params, idempotency_key=idempotency_key)


def retrieve_checkout_session(session_id: str) -> StripeObject:
    """Return the session with its ``line_items``."""
    return _call(_client().v1.checkout.sessions.retrieve, session_id, params={"expand": ["line_items"]})


def expire_checkout_session(session_id: str) -> StripeObject:
    return _call(_client().v1.checkout.sessions.expire, session_id)


def list_checkout_sessions(**params: Any) -> Iterator[StripeObject]:
    return _pages(_client().v1.checkout.sessions.list, params)


def retrieve_invoice(invoice_id: str) -> StripeObject:
    """Return the invoice with its discounts, which name their promotion codes, and its payments."""
    expand = {"expand": ["discounts", "lines.data.discounts", "payments"]}
    return _call(_client().v1.invoices.retrieve, invoice_id, params=expand)


def list_invoices(**params: Any) -> Iterator[StripeObject]:
    """Yield invoices as ``retrieve_invoice`` returns them; filters as Stripe's."""
    return _pages(
        _client().v1.invoices.list,
        {"expand": ["data.discounts", "data.lines.data.discounts", "data.payments"], **params},
    )


def list_invoice_payments(**params: Any) -> Iterator[StripeObject]:
    return _pages(_client().v1.invoice_payments.list, params)


def retrieve_subscription(subscription_id: str) -> StripeObject:
    """Return the subscription with its discounts, which name their promotion codes and their ends."""
    return _call(_client().v1.subscriptions.retrieve, subscription_id, params={"expand": ["discounts"]})


def update_subscription(subscription_id: str, params: Params) -> StripeObject:
    update = _client().v1.subscriptions.update
    return _call(update, subscription_id, params=params, idempotency_key=_own_key())


def create_portal_session(params: Params) -> StripeObject:
    """Open Stripe's customer portal; ``url`` of the answer is where the customer goes."""
    return _call(_client().v1.billing_portal.sessions.create, params=params)


def list_subscriptions(**params: Any) -> Iterator[StripeObject]:
    """Yield subscriptions as ``retrieve_subscription`` returns them; ``status="all"`` with the ended ones."""
    return _pages(_client().v1.subscriptions.list, {"expand": ["data.discounts"], **params})


def retrieve_refund(refund_id: str) -> StripeObject:
    return _call(_client().v1.refunds.retrieve, refund_id)


def list_refunds(**params: Any) -> Iterator[StripeObject]:
    return _pages(_client().v1.refunds.list, params)


def retrieve_dispute(dispute_id: str) -> StripeObject:
    return _call(_client().v1.disputes.retrieve, dispute_id)


def list_disputes(**params: Any) -> Iterator[StripeObject]:
    return _pages(_client().v1.disputes.list, params)


def retrieve_credit_note(note_id: str) -> StripeObject:
    return _call(_client().v1.credit_notes.retrieve, note_id)


def list_credit_notes(**params: Any) -> Iterator[StripeObject]:
    return _pages(_client().v1.credit_notes.list, params)


def create_product(params: Params, *, idempotency_key: str) -> StripeObject:
    return _call(_client().v1.products.create, params=params, idempotency_key=idempotency_key)


def retrieve_product(product_id: str) -> StripeObject:
    return _call(_client().v1.products.retrieve, product_id)


def list_products(**params: Any) -> Iterator[StripeObject]:
    return _pages(_client().v1.products.list, params)


def create_price(params: Params, *, idempotency_key: str) -> StripeObject:
    return _call(_client().v1.prices.create, params=params, idempotency_key=idempotency_key)


def retrieve_price(price_id: str) -> StripeObject:
    return _call(_client().v1.prices.retrieve, price_id)


def list_prices(**params: Any) -> Iterator[StripeObject]:
    return _pages(_client().v1.prices.list, params)


def list_events(**params: Any) -> Iterator[StripeObject]:
    return _pages(_client().v1.events.list, params)


def retrieve_account() -> StripeObject:
    """Return the account of the key in use."""
    return _call(_client().v1.accounts.retrieve_current)


def create_webhook_endpoint(params: Params, *, idempotency_key: str) -> StripeObject:
    """Create an endpoint; this answer alone carries its ``secret``."""
    return _call(_client().v1.webhook_endpoints.create, params=params, idempotency_key=idempotency_key)


def update_webhook_endpoint(endpoint_id: str, params: Params) -> StripeObject:
    return _call(_client().v1.webhook_endpoints.update, endpoint_id, params=params)


def list_webhook_endpoints(**params: Any) -> Iterator[StripeObject]:
    return _pages(_client().v1.webhook_endpoints.list, params)


def verify(payload: bytes, header: str, secrets: Iterable[str], *, now: datetime) -> None:
    """Check a webhook's signature over its raw body against each secret, and its age on both sides.

    Raises:
        SignatureInvalid: no secret fits, or the timestamp is over five minutes away from ``now``.
    """
    if not any(_is_signed(payload, header, secret) for secret in secrets):
        raise SignatureInvalid("The signature is missing or wrong.")
    signed_at = stripe.WebhookSignature._get_timestamp_and_signatures(header, "v1")[0]
    if abs(now.timestamp() - signed_at) > SIGNATURE_TOLERANCE_SECONDS:
        raise SignatureInvalid("The signature is too old or from the future.")


class Pacer(Protocol):
    """Paces requests; see promos.sync.limiter."""

    def wait(self, endpoint: str) -> None: ...

    def slow_down(self) -> None: ...


@contextmanager
def paced(pacer: Pacer) -> Iterator[None]:
    """Pace every request that this thread sends inside the block."""
    token = _pacer.set(pacer)
    try:
        yield
    finally:
        _pacer.reset(token)


@contextmanager
def hurried(seconds: float) -> Iterator[None]:
    """Let the calls inside the block take about so long in all: somebody waits for the page.

    No call takes more than half of it, and none is begun when the time is up.
    """
    token = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


def is_own_update(event: Mapping[str, Any]) -> bool:
    """Say whether an event only reports what this installation itself wrote to a coupon or promotion code."""
    key = (event.get("request") or {}).get("idempotency_key") or ""
    return key.startswith(_own_mark())


def point_sdk_at_host() -> None:
    """Point the SDK's module-wide address, which dj-stripe uses, where our own client goes."""
    if settings.STRIPE_HOST:
        stripe.api_base = settings.STRIPE_HOST
    stripe.api_version = settings.STRIPE_API_VERSION


class _PacedClient(stripe.RequestsClient):
    """The SDK's HTTP client, which asks the thread's pacer, if there is one, before each request."""

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> tuple[Any, int, Mapping[str, str]]:
        pacer = _pacer.get()
        if pacer is None:
            return super().request(method, url, *args, **kwargs)
        pacer.wait(f"{method} {urlsplit(url).path.split('/')[2]}")
        answer = super().request(method, url, *args, **kwargs)
        if answer[1] == HTTPStatus.TOO_MANY_REQUESTS:
            pacer.slow_down()
        return answer


def _own_key() -> str:
    return f"{_own_mark()}{uuid4().hex}"


@functools.cache
def _own_mark() -> str:
    # Another installation may share the account.
    return f"promodesk-{salted_hmac('promos.stripe_gateway', 'own').hexdigest()[:12]}-"


def _is_signed(payload: bytes, header: str, secret: str) -> bool:
    try:
        stripe.WebhookSignature.verify_header(payload, header, secret)
    except (stripe.SignatureVerificationError, UnicodeDecodeError, TypeError):
        # TypeError: the SDK compares a header with letters beyond ASCII as it is.
        return False
    return True


def _client() -> stripe.StripeClient:
    return _client_of(settings.STRIPE_SECRET_KEY, settings.STRIPE_HOST, _timeout())


def _timeout() -> float | tuple[float, float]:
    """Return how long a call may take, or connecting and answering when somebody waits for a page.

    Raises:
        Unavailable: there is no time left.
    """
    deadline = _deadline.get()
    if deadline is None:
        return float(settings.STRIPE_TIMEOUT_SECONDS)
    left = deadline - time.monotonic()
    if left < LEAST_SECONDS:
        raise Unavailable("Stripe took too long.")
    # In steps, since there is one client for each time-out.
    answer = max(LEAST_SECONDS, round(min(left, settings.STRIPE_PAGE_SECONDS / 2) * 4) / 4)
    return min(answer, HURRIED_CONNECT_SECONDS), answer


@functools.lru_cache(maxsize=32)
def _client_of(key: str, host: str, timeout: float | tuple[float, float]) -> stripe.StripeClient:
    return stripe.StripeClient(
        key,
        stripe_version=settings.STRIPE_API_VERSION,
        base_addresses={"api": host} if host else {},
        http_client=_PacedClient(timeout=timeout),
        max_network_retries=0,
    )


def _call(
    operation: Callable[..., Any], *path: str, params: Params | None = None, idempotency_key: str = ""
) -> StripeObject:
    options = {"idempotency_key": idempotency_key} if idempotency_key else {}
    with _our_errors():
        answer: StripeObject = operation(*path, params=params or {}, options=options).to_dict(for_json=True)
    return answer


def _pages(operation: Callable[..., Any], params: Params) -> Iterator[StripeObject]:
    """Yield every object of a list, asking for a hundred at a time."""
    with _our_errors():
        for found in operation(params={"limit": 100, **params}).auto_paging_iter():
            yield found.to_dict(for_json=True)


@contextmanager
def _our_errors() -> Iterator[None]:
    try:
        yield
    except stripe.StripeError as error:
        raise _translated(error) from error


def _translated(error: stripe.StripeError) -> StripeError:
    message = error.user_message or str(error)
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        return NotAuthorised(message)
    if isinstance(error, stripe.APIConnectionError):
        return Unavailable("Stripe could not be reached.")
    status = error.http_status or 0
    if status in {409, 429}:
        return Busy(message)
    if status >= 500 or not status:
        return Unavailable(message, needs_new_key=True)
    return _refused(error, message)


def _refused(error: stripe.StripeError, message: str) -> Rejected:
    details = error.error
    code = (details and details.code) or ""
    param = (details and details.param) or ""
    if code == "resource_missing" and error.http_status == 404:
        return NotFound(message, code=code, param=param)
    if code == "resource_already_exists" or isinstance(error, stripe.IdempotencyError):
        return Conflict(message, code=code, param=param)
    return Rejected(message, code=code, param=param)
