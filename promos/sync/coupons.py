"""The coupon at Stripe that carries an offer's terms: made, renamed, or replaced by its next version.

Codes that share an offer share its coupon, so several workers may be here at
once. The row is chosen under a lock on the offer; each row has one id and one
request for good, so whoever sends it makes the same coupon. The threads of one
worker take turns, so that a batch begins with one such request and not with many.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from promos import stripe_gateway
from promos.models import Offer, StripeCoupon
from promos.stripe_gateway import StripeObject
from promos.sync import creation, marks, pull, refusals, terms
from promos.sync.run import Run

State = StripeCoupon.State

#: Looking up, giving up, making the next version, renaming: more only when the offer is edited meanwhile.
MOST_STEPS = 6

_turns = [threading.Lock() for _ in range(64)]


def ready(offer: Offer) -> StripeCoupon | None:
    """Return the live coupon that carries the offer's terms; None while it has to be made or brought to them."""
    newest = _newest(offer)
    return newest if newest is not None and _is_ready(newest, offer) else None


def ensure(run: Run) -> None:
    """Make a live coupon that carries the terms of the code's offer, or bring the one there is to them.

    Raises:
        stripe_gateway.StripeError: Stripe could not or would not.
        leases.Lost: another worker has the code.
        refusals.Refused: the terms are Stripe's own, and their coupon is gone.
    """
    with _turn(run.code.offer_id):
        for _ in range(MOST_STEPS):
            offer, coupon = _chosen(run.code.offer_id)
            if _is_ready(coupon, offer):
                return
            if coupon.state == State.CREATING:
                _make(run, coupon, offer)
            else:
                update(run, coupon, offer)
    raise stripe_gateway.Unavailable("The terms were changed again and again while they were pushed.")


@contextmanager
def _turn(offer_id: int) -> Iterator[None]:
    """Wait while another thread of this process sees to the offer's coupon, but no longer than an answer may take.

    Whoever goes on too early merely asks for the same.
    """
    lock = _turns[offer_id % len(_turns)]
    is_held = lock.acquire(timeout=settings.STRIPE_TIMEOUT_SECONDS)
    try:
        yield
    finally:
        if is_held:
            lock.release()


def _chosen(offer_id: int) -> tuple[Offer, StripeCoupon]:
    """Return the offer as it is now and the coupon to bring to its terms, a new version if Stripe needs one."""
    offer = Offer.objects.get(pk=offer_id)
    newest = _newest(offer)
    if newest is None or not _can_serve(newest, offer):
        with transaction.atomic():
            offer = Offer.objects.select_for_update().get(pk=offer_id)
            newest = _newest(offer)
            if newest is None or not _can_serve(newest, offer):
                newest = _next_version(offer, newest)
    return offer, newest


def _newest(offer: Offer) -> StripeCoupon | None:
    return offer.stripe_coupons.exclude(state=State.DELETED).order_by("-version").first()


def _is_ready(coupon: StripeCoupon, offer: Offer) -> bool:
    is_agreed = not coupon.creation and not terms.differences(terms.of_offer(offer), coupon.synced_terms)
    return coupon.state == State.LIVE and is_agreed


def _can_serve(coupon: StripeCoupon, offer: Offer) -> bool:
    if coupon.state == State.LIVE:
        return terms.can_take_over(terms.of_offer(offer), coupon.synced_terms)
    return coupon.state == State.CREATING


def _next_version(offer: Offer, before: StripeCoupon | None) -> StripeCoupon:
    if offer.kind == Offer.Kind.OTHER:
        raise refusals.Refused("Its terms were made in Stripe, where their coupon is gone.")
    if before is not None:
        before.state = State.RETIRED
        before.save(update_fields=["state"])
    version = (offer.stripe_coupons.aggregate(last=Max("version"))["last"] or 0) + 1
    coupon_id = f"pd_{offer.uid}_v{version}"
    return StripeCoupon.objects.create(
        offer=offer,
        version=version,
        stripe_coupon_id=coupon_id,
        creation=creation.planned(terms.of_offer(offer), _params(coupon_id, offer)),
    )


def _params(coupon_id: str, offer: Offer) -> dict[str, Any]:
    wanted = terms.coupon_params(terms.of_offer(offer))
    return {"id": coupon_id, "metadata": marks.of_offer(offer), **wanted}


def _make(run: Run, coupon: StripeCoupon, offer: Offer) -> None:
    """Bring a coupon into being, or find that it is; one whose terms were edited before it was is given up."""
    found = _find(coupon) if creation.was_sent(coupon) else None
    if found is not None:
        # Its name may have been edited there since: that is for the pull to see.
        _mark_live(coupon, terms.of_coupon(found) | {"name": coupon.creation["terms"]["name"]})
    elif coupon.creation["terms"] != terms.of_offer(offer):
        _give_up(coupon)
    else:
        _create(run, coupon)


def _create(run: Run, coupon: StripeCoupon) -> None:
    creation.note_sending(run, coupon)
    try:
        creation.send(run, coupon, stripe_gateway.create_coupon, key=coupon.stripe_coupon_id)
    except stripe_gateway.Conflict as error:
        if error.code != "resource_already_exists":
            raise
        # Made by another worker or a lost try: the next step looks it up.
    else:
        _mark_live(coupon, coupon.creation["terms"])


def _find(coupon: StripeCoupon) -> StripeObject | None:
    try:
        return stripe_gateway.retrieve_coupon(coupon.stripe_coupon_id)
    except stripe_gateway.NotFound:
        return None


def update(run: Run, coupon: StripeCoupon, offer: Offer) -> None:
    """Rename a coupon that can take over the offer's terms and give it further currencies: all that Stripe allows.

    It need not be the offer's newest: terms that came back may find codes still on the coupon they had then.
    """
    wanted, agreed = terms.of_offer(offer), coupon.synced_terms["amounts"]
    added = {key: {"amount_off": amount} for key, amount in wanted["amounts"].items() if key not in agreed}
    params = {"name": wanted["name"]} | ({"currency_options": added} if added else {})
    existing = StripeCoupon.objects.filter(pk=coupon.pk).exclude(state=State.DELETED)
    with run.saving():
        existing.update(creation={"params": params})
    try:
        stripe_gateway.update_coupon(coupon.stripe_coupon_id, params)
    except stripe_gateway.NotFound:
        pull.coupon_deleted(coupon.stripe_coupon_id)
    else:
        existing.update(synced_terms=coupon.synced_terms | wanted, creation={})


def _mark_live(coupon: StripeCoupon, agreed: terms.Terms) -> None:
    """Save that the coupon exists, unless another worker has saved it and perhaps gone on."""
    making = StripeCoupon.objects.filter(pk=coupon.pk, state=State.CREATING)
    making.update(state=State.LIVE, synced_terms=agreed, creation={})


def _give_up(coupon: StripeCoupon) -> None:
    StripeCoupon.objects.filter(pk=coupon.pk, state=State.CREATING).update(state=State.RETIRED)
