"""The version of the API, asked for and told in a header; without one it is the newest."""

from __future__ import annotations

from typing import Any

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

HEADER = "API-Version"
NEWEST = "1"
KNOWN = (NEWEST,)


class UnknownVersion(APIException):
    status_code = 400
    default_code = "unknown_version"
    default_detail = format_lazy(
        _("{header} must be one of: {versions}."), header=HEADER, versions=", ".join(KNOWN)
    )


class Versioned:
    """For views: refuses a version that it does not know, and names in every answer the one it follows."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        if request.headers.get(HEADER, NEWEST) not in KNOWN:
            raise UnknownVersion

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        answer: Response = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]
        answer[HEADER] = NEWEST
        return answer
