"""Wiring of the content security policy: the admin's pages need a wider one than the customers'."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse


def refuse_large_uploads(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Refuse a body that no form of ours sends before anything reads it; must stand above what reads forms."""

    def middleware(request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdecimal() and int(length) > settings.UPLOAD_LIMIT_BYTES:
            limit = settings.UPLOAD_LIMIT_BYTES // 2**20
            return HttpResponse(
                f"The upload is larger than {limit} MiB.", status=413, content_type="text/plain"
            )
        return get_response(request)

    return middleware


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
