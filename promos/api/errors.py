"""One shape for every error: ``{"error": {"code", "message", "fields"}}``.

``code`` is for programs: a reason of promos.eligibility, or one of those here.
``fields`` has, by field, a list of ``{"code", "message"}``; it is empty when no
field is to blame.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as DomainError
from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import exception_handler as of_rest_framework

Fields = dict[str, list[dict[str, str]]]


class Refused(exceptions.APIException):
    """The domain said no; ``code`` is a reason of promos.eligibility."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY


class Braked(exceptions.APIException):
    """Too many codes were tried; after ``wait`` seconds one may go on."""

    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_code = "throttled"

    def __init__(self, message: str, *, wait: int) -> None:
        super().__init__(message)
        self.wait = wait


class TooLarge(exceptions.APIException):
    """The body is larger than anything that this API takes."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = gettext_lazy("The request is too large.")
    default_code = "too_large"


class Unavailable(exceptions.APIException):
    """Stripe could not be asked."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE


def handle(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Turn an exception of a view into an answer; None lets an unexpected one be a 500."""
    if isinstance(error, DomainError):
        return _answer("invalid", _("Some fields are not right."), _of_domain(error))
    if isinstance(error, RequestDataTooBig):
        error = TooLarge()
    answer = of_rest_framework(error, context)
    if answer is None:
        return None
    code, message, fields = _told(error)
    answer.data = _body(code, message, fields)
    return answer


def _told(error: Exception) -> tuple[str, str, Fields]:
    if isinstance(error, Http404):
        return "not_found", _("There is nothing here."), {}
    if isinstance(error, PermissionDenied):
        return "permission_denied", _("You may not do this."), {}
    if isinstance(error, exceptions.ValidationError):
        return "invalid", _("Some fields are not right."), _flat(error.get_full_details())
    assert isinstance(error, exceptions.APIException)
    return str(error.get_codes()), str(error.detail), {}


def _answer(code: str, message: str, fields: Fields) -> Response:
    return Response(_body(code, message, fields), status=status.HTTP_400_BAD_REQUEST)


def _body(code: str, message: str, fields: Fields) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "fields": fields}}


def _of_domain(error: DomainError) -> Fields:
    by_field = error.error_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.error_list}
    return {
        name: [{"code": each.code or "invalid", "message": text} for each in errors for text in each.messages]
        for name, errors in by_field.items()
    }


def _flat(details: Any, path: str = "") -> Fields:
    """Name nested fields with dots: ``product_ids.0``."""
    if isinstance(details, Mapping) and "message" in details and "code" in details:
        return {
            path or NON_FIELD_ERRORS: [{"code": str(details["code"]), "message": str(details["message"])}]
        }
    items = details.items() if isinstance(details, Mapping) else ((path, each) for each in details)
    found: Fields = {}
    for name, inner in items:
        inner_path = f"{path}.{name}" if path and isinstance(details, Mapping) else str(name)
        for field, errors in _flat(inner, inner_path).items():
            found.setdefault(field, []).extend(errors)
    return found
