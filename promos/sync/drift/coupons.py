"""Coupons that only one side has, or whose terms changed in Stripe without our hearing of it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from promos import stripe_gateway
from promos.models import PromoCode, StripeCoupon
from promos.stripe_gateway import StripeObject
from promos.sync import marks, merge, pull, terms, wording
from promos.sync.drift.survey import Death, Difference, Kind, Survey, pages

LIVE = StripeCoupon.State.LIVE


def differences(survey: Survey) -> Iterator[Difference]:
    """Compare every coupon at Stripe with our row of it, and look for those that are gone."""
    seen: set[int] = set()
    for page in survey.pages(stripe_gateway.list_coupons()):
        ids = [found["id"] for found in page]
        rows = StripeCoupon.objects.filter(stripe_coupon_id__in=ids).select_related("offer")
        ours = {row.stripe_coupon_id: row for row in rows}
        seen |= {row.pk for row in ours.values()}
        for found in page:
            if not found["valid"]:
                survey.dead_coupons[found["id"]] = _death(found, survey)
            row = ours.get(found["id"])
            if row is None:
                yield _unknown(found, survey)
            elif row.state == LIVE and not row.creation:
                yield from _edited(row, found, survey)
    yield from _deleted(seen, survey)


def _death(found: StripeObject, survey: Survey) -> Death:
    redeem_by = terms.moment(found.get("redeem_by"))
    is_expired = redeem_by is not None and redeem_by <= survey.now + pull.LEEWAY
    return Death.EXPIRED if is_expired else Death.USED_UP


def _unknown(found: StripeObject, survey: Survey) -> Difference:
    name = terms.of_coupon(found)["name"]
    repair = partial(pull.coupon, found["id"], now=survey.now)
    if marks.OFFER_KEY in (found.get("metadata") or {}):
        sentence = f"Stripe has the coupon {name}, which bears our mark, but no offer here knows it."
        return Difference(Kind.GHOST_COUPON, sentence, stripe_id=found["id"], repair=repair)
    sentence = f"Stripe has the coupon {name}, which is not here."
    return Difference(Kind.MISSING_HERE, sentence, stripe_id=found["id"], repair=repair)


def _edited(row: StripeCoupon, found: StripeObject, survey: Survey) -> Iterator[Difference]:
    changed = _changed(row, found)
    if not changed:
        return
    theirs = terms.of_coupon(found)
    edits = "; ".join(
        f"{wording.LABELS[key]} {wording.value(key, row.synced_terms)} → {wording.value(key, theirs)}"
        for key in wording.LABELS
        if key in changed
    )
    yield Difference(
        _kind(changed),
        f"The terms of {row.offer} were changed in Stripe: {edits}.",
        offer=row.offer,
        stripe_id=row.stripe_coupon_id,
        look=partial(_is_still_edited, row),
        repair=partial(pull.coupon, row.stripe_coupon_id, now=survey.now),
    )


def _changed(row: StripeCoupon, found: StripeObject) -> frozenset[str]:
    """Return the terms that somebody changed in Stripe; those that clash are named once, then wait for the owner."""
    outcome = merge.compare(terms.of_offer(row.offer), terms.of_coupon(found), row.synced_terms)
    is_for_owner = bool(outcome.clashing) and not _is_noted(row)
    return outcome.taken | outcome.agreed | (outcome.clashing if is_for_owner else frozenset())


def _is_noted(row: StripeCoupon) -> bool:
    return pull.codes_on(row).filter(sync_status=PromoCode.SyncStatus.CONFLICT).exists()


def _kind(changed: frozenset[str]) -> Kind:
    if "products" in changed:
        return Kind.PRODUCTS_CHANGED
    return Kind.CURRENCIES_CHANGED if "amounts" in changed else Kind.EDITED_THERE


def _is_still_edited(row: StripeCoupon) -> bool:
    try:
        found = stripe_gateway.retrieve_coupon(row.stripe_coupon_id)
    except stripe_gateway.NotFound:
        return True
    row.refresh_from_db()
    return bool(_changed(row, found))


def _deleted(seen: set[int], survey: Survey) -> Iterator[Difference]:
    live = StripeCoupon.objects.filter(state=LIVE).values_list("pk", flat=True)
    for keys in pages(key for key in list(live) if key not in seen):
        for row in StripeCoupon.objects.filter(pk__in=keys).select_related("offer"):
            survey.dead_coupons[row.stripe_coupon_id] = Death.DELETED
            count = pull.codes_on(row).count()
            codes = f"{count} code{'' if count == 1 else 's'}"
            yield Difference(
                Kind.COUPON_DELETED,
                f"The coupon of {row.offer}, on which {codes} here depend{'s' if count == 1 else ''}, "
                "was deleted in Stripe.",
                offer=row.offer,
                stripe_id=row.stripe_coupon_id,
                look=partial(_is_deleted, row),
                repair=partial(pull.coupon, row.stripe_coupon_id, now=survey.now),
            )


def _is_deleted(row: StripeCoupon) -> bool:
    try:
        return bool(stripe_gateway.retrieve_coupon(row.stripe_coupon_id).get("deleted"))
    except stripe_gateway.NotFound:
        return True
