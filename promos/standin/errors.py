"""Refusals in Stripe's shape."""

from typing import Any

DASHBOARD = "https://dashboard.stripe.com/acct_standin/test/logs"


class StripeError(Exception):
    """An answer other than 200.

    `executed` is False while parameters are still being read: such a refusal is not kept for its idempotency key.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        executed: bool = True,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.kind = kind
        self.code = code
        self.param = param
        self.executed = executed

    def body(self, request_id: str) -> dict[str, Any]:
        """Return `{"error": …}` without the fields Stripe would leave out."""
        error = {
            "code": self.code,
            "message": self.message,
            "param": self.param,
            "request_log_url": f"{DASHBOARD}/{request_id}",
            "type": self.kind,
        }
        return {"error": {name: value for name, value in error.items() if value is not None}}


def missing_parameter(name: str) -> StripeError:
    """Say that a required parameter was not sent."""
    return StripeError(
        f"Missing required param: {name}.", code="parameter_missing", param=name, executed=False
    )


def unknown_parameter(name: str) -> StripeError:
    """Say that the endpoint has no such parameter."""
    return StripeError(
        f"Received unknown parameter: {name}", code="parameter_unknown", param=name, executed=False
    )


def invalid(message: str, name: str, code: str | None = None) -> StripeError:
    """Say what is wrong with the value of one parameter."""
    return StripeError(message, code=code, param=name, executed=False)


def declined(message: str = "Your card was declined.") -> StripeError:
    """Say that a card was refused."""
    return StripeError(message, status=402, kind="card_error", code="card_declined")


def no_such(kind: str, identifier: str, *, param: str = "id", status: int = 400) -> StripeError:
    """Say that an object does not exist: 404 when it is the address, 400 when it is a parameter."""
    return StripeError(f"No such {kind}: '{identifier}'", status=status, code="resource_missing", param=param)
