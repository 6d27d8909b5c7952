"""Wiring of what stands before every page: known hosts, what a body may be, second factor, content security policy."""

from collections.abc import Callable

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.urls import Resolver404, resolve
from django.utils import translation
from django.utils.log import log_response

FORM = "application/x-www-form-urlencoded"
#: Where staff see and do what customers do not.
STAFF_PATHS = ("/admin/", "/api/promo-codes/")
WEBHOOKS_PATH = "/api/webhooks/"
#: The longest name that DNS knows; no longer one fills the log.
LONGEST_HOST = 253


def refuse_unknown_hosts(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Refuse a host outside ``ALLOWED_HOSTS`` with a line in the log; must stand first.

    Django itself would log an error with its traceback for each request of a scanner.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        try:
            request.get_host()
        except DisallowedHost:
            response = HttpResponseBadRequest("This host is not served here.", content_type="text/plain")
            told = request.META.get("HTTP_HOST", "")[:LONGEST_HOST]
            message = "Refused the host '%s', which is not in ALLOWED_HOSTS."
            log_response(message, told, response=response, request=request)
            return response
        return get_response(request)

    return middleware


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


def refuse_other_charsets(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Refuse a form that is not in UTF-8 before anything reads it.

    Django refuses it as well, but anew in each page that says so, the error page included: a failure for the log.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.content_type == FORM and (request.encoding or "utf-8").lower() != "utf-8":
            return HttpResponse("A form must be in UTF-8.", status=415, content_type="text/plain")
        return get_response(request)

    return middleware


def answer_webhooks_first(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Answer Stripe's events before what only people need; must stand above the session, below what is for all.

    Session, language, messages and content policy are a tenth of what an event costs.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(WEBHOOKS_PATH):
            return get_response(request)
        try:
            view, args, kwargs = resolve(request.path_info)
        except Resolver404:
            return get_response(request)
        # This thread may still speak the language of its last visitor.
        translation.deactivate()
        response: HttpResponse = view(request, *args, **kwargs)
        return response

    return middleware


def staff_second_factor(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Send staff without a second factor to where they set one up, if ``REQUIRE_STAFF_MFA`` asks for it.

    Who has one is asked for it by the login itself; a session never begins without.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        is_guarded = settings.REQUIRE_STAFF_MFA and request.path.startswith(STAFF_PATHS)
        user = request.user
        if is_guarded and user.is_authenticated and user.is_staff and not is_mfa_enabled(user):
            if request.path.startswith("/admin/"):
                return redirect("mfa_activate_totp")
            return HttpResponse("Set up a second factor first.", status=403, content_type="text/plain")
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
