"""What can go wrong with Stripe, and the SDK's errors as ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import stripe


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


@contextmanager
def as_ours() -> Iterator[None]:
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
