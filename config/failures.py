"""What is answered to a form that Django's check of its origin refuses."""

from django.http import HttpRequest, HttpResponse
from django.views.csrf import csrf_failure


def form_expired(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Say that the form has expired; a part of a page asked for by htmx, which would show nothing, has it reloaded."""
    response = csrf_failure(request, reason)
    if request.headers.get("HX-Request") == "true":
        response["HX-Refresh"] = "true"
    return response
