"""Links that carry a code: kept in a signed cookie until their visitor has signed up or in.

Before that the answer is the same, and takes as long, for any text.
"""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote, unquote, urlsplit
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from promos import brake, funnel
from promos.billing import code_checks, even_time, visitors
from promos.models import Customer, Journey

CODE_COOKIE, JOURNEY_COOKIE = "promodesk_code", "promodesk_journey"
KEPT_FOR = timedelta(days=30)


def follow(request: HttpRequest, response: HttpResponse, text: str) -> HttpResponse:
    """Keep the code of a link for its visitor, and count the view unless the brake is on."""
    stopwatch = even_time.Stopwatch()
    text = code_checks.cleaned(text)
    journey = remember(request, response) if is_tracking_welcome(request) else None
    try:
        brake.take(visitors.of_request(request), customer=None, now=timezone.now())
    except brake.Braked:
        pass
    else:
        funnel.view(text, journey=journey, now=timezone.now())
    # A header takes no more than Latin-1, and a link any text.
    _set(response, CODE_COOKIE, quote(text))
    stopwatch.wait_for_full_step()
    return response


def code(request: HttpRequest) -> str:
    """Return the code of the link that the visitor followed; empty when there was none."""
    return unquote(_get(request, CODE_COOKIE))


def drop_code(response: HttpResponse) -> None:
    response.delete_cookie(CODE_COOKIE)


def remember(request: HttpRequest, response: HttpResponse) -> Journey:
    """Keep where the visitor comes from."""
    came_from = funnel.touch(request.GET, referrer=_referrer(request))
    journey = funnel.arrive(_journey_uid(request), came_from, now=timezone.now())
    _set(response, JOURNEY_COOKIE, journey.uid.hex)
    return journey


def claim_journey(request: HttpRequest, response: HttpResponse, customer: Customer) -> None:
    """Say that the journey of this browser is the customer's; somebody else's is left behind."""
    uid = _journey_uid(request)
    if uid and not funnel.claim(uid, customer):
        response.delete_cookie(JOURNEY_COOKIE)


def is_tracking_welcome(request: HttpRequest) -> bool:
    """Say whether the owner keeps where visitors come from, and the visitor's browser does not object."""
    objects = request.headers.get("DNT") == "1" or request.headers.get("Sec-GPC") == "1"
    return bool(settings.TRACKING) and not objects


def _referrer(request: HttpRequest) -> str:
    """Return the site that the visitor came from, without the page; empty for our own."""
    try:
        host = urlsplit(request.headers.get("Referer", "")).hostname or ""
    except ValueError:
        return ""
    return "" if host == request.get_host().partition(":")[0] else host


def _journey_uid(request: HttpRequest) -> UUID | None:
    uid = _get(request, JOURNEY_COOKIE)
    return UUID(uid) if uid else None


def _get(request: HttpRequest, name: str) -> str:
    return str(request.get_signed_cookie(name, default="", max_age=KEPT_FOR))


def _set(response: HttpResponse, name: str, value: str) -> None:
    response.set_signed_cookie(
        name,
        value,
        max_age=KEPT_FOR,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )
