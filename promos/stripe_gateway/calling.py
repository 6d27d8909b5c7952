"""How a request is sent: by which client, how fast, and for how long it may take."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import urlsplit

import stripe
from django.conf import settings

from promos.stripe_gateway.errors import Unavailable, as_ours

#: A Stripe object or the parameters of a request, as JSON would hold it.
StripeObject = dict[str, Any]
Params = Mapping[str, Any]

#: How long a connection may take while somebody waits for a page.
HURRIED_CONNECT_SECONDS = 1.5
#: With less left no request is begun.
LEAST_SECONDS = 0.25

_pacer: ContextVar[Pacer | None] = ContextVar("pacer", default=None)
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


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


def point_sdk_at_host() -> None:
    """Point the SDK's module-wide address, which dj-stripe uses, where our own client goes."""
    if settings.STRIPE_HOST:
        stripe.api_base = settings.STRIPE_HOST
    stripe.api_version = settings.STRIPE_API_VERSION


def client() -> stripe.StripeClient:
    return _client_of(settings.STRIPE_SECRET_KEY, settings.STRIPE_HOST, timeout())


def timeout() -> float | tuple[float, float]:
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


def call(
    operation: Callable[..., Any], *path: str, params: Params | None = None, idempotency_key: str = ""
) -> StripeObject:
    options = {"idempotency_key": idempotency_key} if idempotency_key else {}
    with as_ours():
        answer: StripeObject = _plain(operation(*path, params=params or {}, options=options))
    return answer


def pages(operation: Callable[..., Any], params: Params) -> Iterator[StripeObject]:
    """Yield every object of a list, asking for a hundred at a time."""
    with as_ours():
        for found in operation(params={"limit": 100, **params}).auto_paging_iter():
            yield _plain(found)


def _plain(value: Any) -> Any:
    """Return an answer as JSON would hold it; the SDK's own conversion leaves the objects in a dict of them.

    A promotion code with a smallest order has such a dict: its amounts by currency.
    """
    if isinstance(value, stripe.StripeObject):
        value = value.to_dict(for_json=True)
    if isinstance(value, dict):
        return {key: _plain(child) for key, child in value.items()}
    return [_plain(child) for child in value] if isinstance(value, list) else value


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
