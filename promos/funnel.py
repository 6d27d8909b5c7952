"""From a link with a code to the payment: what is kept of the steps, and how many took each.

Nobody else learns of it, and nothing is kept of where visitors come from when
the owner (``TRACKING``) or their browser asks not to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db.models import Count, Q, QuerySet

from promos.models import CheckoutAttempt, CodeCheck, CodeView, Customer, Journey, PromoCode

UTM_KEYS = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
LONGEST_VALUE = 200
#: Links that name no code, and journeys that led to no customer.
FORGET_AFTER = timedelta(days=90)

Touch = dict[str, str]
State = CheckoutAttempt.State


@dataclass(frozen=True)
class Steps:
    """How many took each step with a code; ``refused`` by reason."""

    viewed: int
    entered: int
    accepted: int
    refused: dict[str, int]
    checkout_started: int
    paid: int
    expired: int


def touch(parameters: Mapping[str, str], *, referrer: str = "") -> Touch:
    """Return what an address and a referrer say about where a visitor comes from; empty when nothing."""
    given = {key: parameters.get(key, "") for key in UTM_KEYS} | {"referrer": referrer}
    return {key: value.replace("\0", "")[:LONGEST_VALUE] for key, value in given.items() if value}


def arrive(uid: UUID | None, came_from: Touch, *, now: datetime) -> Journey:
    """Return the journey of a visitor, begun when it is not known; a touch becomes its last one."""
    journey = Journey.objects.filter(uid=uid).first() if uid else None
    if journey is None:
        return Journey.objects.create(
            uid=uuid4(), first_touch=came_from, last_touch=came_from, started_at=now, seen_at=now
        )
    if came_from:
        journey.last_touch, journey.seen_at = came_from, now
        journey.save(update_fields=["last_touch", "seen_at"])
    return journey


def claim(uid: UUID, customer: Customer) -> bool:
    """Say whose journey it is, once its visitor has signed in; False when it is somebody else's already."""
    mine = Q(customer=None) | Q(customer=customer)
    return Journey.objects.filter(mine, uid=uid).update(customer=customer) == 1


def view(text: str, *, journey: Journey | None, now: datetime) -> None:
    """Keep that somebody followed a link with this text; the same work whether it names a code or not."""
    for_everybody = PromoCode.objects.not_archived().filter(code=text, customer=None)
    promo_code_id = for_everybody.values_list("pk", flat=True).first()
    CodeView.objects.create(text=text, promo_code_id=promo_code_id, journey=journey, viewed_at=now)


def steps(promo_code: PromoCode, *, start: datetime, end: datetime) -> Steps:
    """Count the steps that were taken with a code from ``start`` until before ``end``."""
    checks = CodeCheck.objects.filter(promo_code=promo_code, checked_at__gte=start, checked_at__lt=end)
    reasons = dict(checks.values_list("reason").annotate(times=Count("pk")).order_by("reason"))
    attempts = CheckoutAttempt.objects.filter(
        promo_code=promo_code, stripe_subscription_id="", created_at__gte=start, created_at__lt=end
    ).aggregate(
        started=Count("pk"),
        paid=Count("pk", filter=Q(state=State.COMPLETED)),
        expired=Count("pk", filter=Q(state=State.EXPIRED)),
    )
    views = CodeView.objects.filter(promo_code=promo_code, viewed_at__gte=start, viewed_at__lt=end)
    return Steps(
        viewed=views.count(),
        entered=sum(reasons.values()),
        accepted=reasons.pop("", 0),
        refused=reasons,
        checkout_started=attempts["started"],
        paid=attempts["paid"],
        expired=attempts["expired"],
    )


def dead_links(now: datetime) -> QuerySet[CodeView]:
    """Return the old views of links that named no code."""
    return CodeView.objects.filter(promo_code=None, viewed_at__lt=now - FORGET_AFTER)


def lost_journeys(now: datetime) -> QuerySet[Journey]:
    """Return the old journeys of visitors who never signed in."""
    return Journey.objects.filter(customer=None, seen_at__lt=now - FORGET_AFTER)
