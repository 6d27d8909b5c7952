"""The stand-in's API with a witness, or with permissions taken away, in front of it."""

from __future__ import annotations

import json

from promos.standin.messages import Request, Response


class Recorder:
    """Passes every request on and remembers it; refuses, as a restricted key is refused, what is in ``forbidden``."""

    def __init__(self, standin) -> None:
        self.api = standin.api
        self.requests: list[tuple[str, str]] = []
        self.forbidden: dict[tuple[str, str], str] = {}
        standin.api = self

    def handle(self, request: Request) -> Response:
        self.requests.append((request.method, request.path))
        for (method, path), permission in self.forbidden.items():
            if request.method == method and request.path.startswith(path):
                return _lacks(permission)
        return self.api.handle(request)

    def writes(self) -> list[str]:
        return [path for method, path in self.requests if method != "GET"]


def _lacks(permission: str) -> Response:
    message = (
        "The provided key 'rk_test_*********************0000' does not have the required permissions for this endpoint "
        f"on account 'acct_1'. Having the '{permission}' permission would allow this request to continue."
    )
    error = {"error": {"message": message, "type": "invalid_request_error"}}
    return Response(403, json.dumps(error), {"Content-Type": "application/json"})
