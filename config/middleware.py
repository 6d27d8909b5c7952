"""Wiring of the content security policy: the admin's pages need a wider one than the customers'."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse


def admin_content_security_policy(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Widen the policy for /admin/ as Unfold needs it; must stand below django-csp's middleware."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.path.startswith("/admin/"):
            response._csp_replace = settings.ADMIN_CONTENT_SECURITY_POLICY  # type: ignore[attr-defined]
        return response

    return middleware
