"""Asking before terms are edited that many codes share and that Stripe does not let anybody change in place."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.admin import ModelAdmin
from django.db.models import Q
from django.http import HttpRequest
from django.template.response import TemplateResponse

from promos.models import Offer, StripePromotionCode
from promos.sync import terms

#: Switching the old promotion code off, and making the new one.
REQUESTS_PER_CODE = 2
#: The field with which the question comes back answered.
CONFIRMED = "confirmed"


def question(model_admin: ModelAdmin, request: HttpRequest, object_id: str | None) -> TemplateResponse | None:
    """Return the page that asks, or None when there is nothing to ask: then the form is saved or shown as ever."""
    if request.method != "POST" or CONFIRMED in request.POST or object_id is None:
        return None
    offer = model_admin.get_object(request, object_id)
    if offer is None or not model_admin.has_change_permission(request, offer):
        return None
    # What Stripe does not have yet is not locked.
    at_stripe = Q(stripe_promotion_codes__state=StripePromotionCode.State.CURRENT)
    count = offer.promo_codes.not_archived().filter(at_stripe).count()
    if count < 2 or not _replaces_codes(model_admin, request, offer):
        return None
    context = {
        **model_admin.admin_site.each_context(request),
        "title": f"Replace {count:,} codes in Stripe?",
        "opts": model_admin.opts,
        "media": model_admin.media,
        "count": count,
        "duration": in_words(how_long(count)),
        "rate": settings.STRIPE_REQUESTS_PER_SECOND,
        "posted": [
            (name, value) for name, values in request.POST.lists() for value in values if name != TOKEN
        ],
        "confirmed": CONFIRMED,
    }
    return TemplateResponse(request, "admin/promos/confirm_terms.html", context)


#: Made anew on every page.
TOKEN = "csrfmiddlewaretoken"  # noqa: S105


def how_long(count: int) -> timedelta:
    """Return how long replacing so many promotion codes takes at the pace that we keep towards Stripe."""
    return timedelta(seconds=math.ceil(count * REQUESTS_PER_CODE / settings.STRIPE_REQUESTS_PER_SECOND))


def in_words(duration: timedelta) -> str:
    """Return a duration as people say it: "about 3 minutes"."""
    seconds = duration.total_seconds()
    for unit, length in (("hour", 3600), ("minute", 60)):
        if seconds >= length:
            number = round(seconds / length)
            return f"about {number} {unit}{'' if number == 1 else 's'}"
    return "less than a minute"


def _replaces_codes(model_admin: ModelAdmin, request: HttpRequest, offer: Offer) -> bool:
    """Whether what was posted is right and is more than a coupon at Stripe can take over."""
    before = terms.of_offer(offer)
    form: Any = model_admin.get_form(request, offer, change=True)(request.POST, instance=offer)
    return form.is_valid() and not terms.can_take_over(terms.of_offer(form.instance), before)
