"""Promotion codes that only one side has, that were switched in Stripe, or that Stripe has ended by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from promos import codes, history, stripe_gateway
from promos.models import Offer, PromoCode, PromoCodeUsage, StripeCoupon, StripePromotionCode
from promos.stripe_gateway import StripeObject
from promos.sync import marks, pull, terms, wording
from promos.sync.drift.survey import Death, Difference, Gap, Kind, Survey, pages

State = StripePromotionCode.State
Status = codes.Status
SyncStatus = PromoCode.SyncStatus
_ALIVE = (Status.ACTIVE, Status.PAUSED, Status.SCHEDULED)


@dataclass(frozen=True)
class _Pair:
    """A promotion code as a list showed it, our row of it, and the uses recorded on it."""

    found: StripeObject
    row: StripePromotionCode
    recorded: int

    @property
    def code(self) -> PromoCode:
        return self.row.promo_code


def differences(survey: Survey) -> Iterator[Difference]:
    """Compare every promotion code at Stripe with our row of it, and look for those that are gone or never made."""
    seen: set[int] = set()
    for page in survey.pages(stripe_gateway.list_promotion_codes()):
        ids = [found["id"] for found in page]
        rows = {row.stripe_promotion_code_id: row for row in _rows().filter(stripe_promotion_code_id__in=ids)}
        seen |= {row.pk for row in rows.values()}
        recorded = _recorded(list(rows.values()))
        for found in page:
            row = rows.get(found["id"])
            if row is None:
                yield from _unknown(found, survey)
            else:
                yield from _known(_Pair(found, row, recorded.get(found["id"], 0)), survey)
    yield from _gone(seen, survey)
    yield from _never_made(survey)


def _rows() -> QuerySet[StripePromotionCode]:
    related = ("promo_code__offer", "promo_code__campaign", "promo_code__customer", "stripe_coupon__offer")
    return StripePromotionCode.objects.select_related(*related)


def _recorded(rows: list[StripePromotionCode]) -> dict[str, int]:
    usages = PromoCodeUsage.objects.filter(promo_code__in={row.promo_code_id for row in rows})
    counted = usages.values_list("stripe_promotion_code_id").annotate(number=Count("pk"))
    return dict(counted.order_by("stripe_promotion_code_id"))


def _unknown(found: StripeObject, survey: Survey) -> Iterator[Difference]:
    marked = marks.marked(found)
    repair = partial(pull.promotion_code, found["id"], now=survey.now)
    if marked is not None and marked.state != State.CREATING:
        sentence = (
            f"Stripe has a second promotion code that was made for {marked.promo_code}: an answer was lost."
        )
        code = marked.promo_code
        yield Difference(Kind.DUPLICATE, sentence, code, stripe_id=found["id"], repair=repair)
    elif marked is None and found["active"]:
        sentence = f"Stripe has the code {found['code']}, which is not here."
        yield Difference(Kind.MISSING_HERE, sentence, stripe_id=found["id"], repair=repair)


def _known(pair: _Pair, survey: Survey) -> Iterator[Difference]:
    if pair.row.state == State.RETIRED:
        yield from _left_active(pair, survey)
    elif pair.row.state == State.CURRENT and _is_settled(pair.row, survey.now):
        missing = pair.found["times_redeemed"] - pair.recorded - pair.code.held_count
        if missing > 0:
            survey.gaps.append(Gap(pair.row, missing))
        yield from _compared(pair, survey)


def _is_settled(row: StripePromotionCode, now: datetime) -> bool:
    """Whether nothing is under way: what waits for the worker or for the owner is no difference of its own."""
    code = row.promo_code
    is_leased = code.lease_until is not None and code.lease_until > now
    is_due = code.next_try_at is not None and code.next_try_at <= now
    return code.sync_status == SyncStatus.SYNCED and not (row.creation or is_leased or is_due)


def _left_active(pair: _Pair, survey: Survey) -> Iterator[Difference]:
    if not pair.found["active"] or pair.row.is_left_active:
        return
    sentence = (
        f"An earlier promotion code of {pair.code}, which has been replaced, is active in Stripe again."
    )
    repair = partial(pull.promotion_code, pair.found["id"], now=survey.now)
    yield Difference(Kind.DUPLICATE, sentence, pair.code, stripe_id=pair.found["id"], repair=repair)


def _compared(pair: _Pair, survey: Survey) -> Iterator[Difference]:
    changed = _changed(pair.found, pair.row, survey)
    if changed:
        yield Difference(
            _kind(changed, pair.found),
            _sentence(changed, pair),
            pair.code,
            stripe_id=pair.found["id"],
            look=partial(_is_still_changed, pair, survey),
            repair=partial(_pull_known, pair.row, survey),
        )
    elif not pair.found["active"] and pair.row.synced_terms["active"]:
        yield from _ended(pair, survey)
    elif _is_unpushed(pair.row, survey.now):
        sentence = f"{pair.code} was changed here, and nothing has told Stripe."
        yield _unpushed(pair.code, sentence, survey.now)


def _changed(found: StripeObject, row: StripePromotionCode, survey: Survey) -> frozenset[str]:
    """Return the terms that somebody changed in Stripe; what Stripe ended by itself nobody did."""
    theirs = terms.of_promotion_code(found)
    if pull.is_ended(found, now=survey.now) or theirs["coupon"] in survey.dead_coupons:
        theirs["active"] = row.synced_terms["active"]
    if row.stripe_coupon.state == StripeCoupon.State.DELETED:
        theirs["active"] = row.synced_terms["active"]
    return terms.differences(theirs, row.synced_terms)


def _kind(changed: frozenset[str], found: StripeObject) -> Kind:
    if "active" not in changed:
        return Kind.EDITED_THERE
    return Kind.REACTIVATED_THERE if found["active"] else Kind.DEACTIVATED_THERE


def _sentence(changed: frozenset[str], pair: _Pair) -> str:
    if "active" in changed:
        return f"{pair.code} was switched {'on' if pair.found['active'] else 'off'} in Stripe."
    return f"{pair.code} was changed in Stripe: {wording.names(changed)}."


def _is_still_changed(pair: _Pair, survey: Survey) -> bool:
    """Ask Stripe once more, and compare with our row as it is afterwards."""
    row = _rows().get(pk=pair.row.pk)
    try:
        found = stripe_gateway.retrieve_promotion_code(pair.found["id"])
    except stripe_gateway.NotFound:
        return True
    is_same = _rows().get(pk=row.pk).synced_terms == row.synced_terms
    return is_same and _is_settled(row, survey.now) and bool(_changed(found, row, survey))


def _pull_known(row: StripePromotionCode, survey: Survey) -> bool:
    """Pull a promotion code whose coupon the survey has seen."""
    is_dead = row.stripe_coupon.stripe_coupon_id in survey.dead_coupons
    assert row.stripe_promotion_code_id
    return pull.promotion_code(row.stripe_promotion_code_id, now=survey.now, is_coupon_dead=is_dead)


def _ended(pair: _Pair, survey: Survey) -> Iterator[Difference]:
    """Compare a promotion code that Stripe has ended with what we think of the code."""
    code, found = pair.code, pair.found
    if codes.status(code, survey.now) not in _ALIVE:
        return
    expires_at, cap = terms.moment(found.get("expires_at")), found.get("max_redemptions")
    death = survey.dead_coupons.get(terms.coupon_id(found))
    if death == Death.EXPIRED or (expires_at and expires_at <= survey.now):
        sentence = f"{code} has expired in Stripe, which tells nobody."
        repair = partial(_note_expiry, code, min(expires_at or survey.now, survey.now))
        yield Difference(Kind.SILENTLY_EXPIRED, sentence, code, stripe_id=found["id"], repair=repair)
    elif death == Death.USED_UP:
        sentence = f"{code} is used up in Stripe: its coupon there has a limit of its own."
        yield Difference(Kind.USED_UP, sentence, code, stripe_id=found["id"])
    elif cap is not None and pair.recorded >= cap:
        sentence = f"{code} is used up in Stripe, though uses are left: some were given back."
        repair = partial(_mark_pending, code)
        yield Difference(Kind.USED_UP, sentence, code, stripe_id=found["id"], repair=repair)


@transaction.atomic
def _note_expiry(code: PromoCode, expired_at: datetime) -> bool:
    same = PromoCode.objects.filter(pk=code.pk)
    is_there = bool(same.update(expires_at=expired_at))
    with history.because("Expired in Stripe"):
        history.note(same)
    return is_there


def _mark_pending(code: PromoCode) -> bool:
    synced = PromoCode.objects.filter(pk=code.pk, sync_status=SyncStatus.SYNCED)
    return bool(synced.update(sync_status=SyncStatus.PENDING, next_try_at=None))


def _is_unpushed(row: StripePromotionCode, now: datetime) -> bool:
    """Whether a code that claims to be in step wants something else; without counting its uses."""
    code = row.promo_code
    if code.offer.kind == Offer.Kind.OTHER:
        return False
    wanted = terms.differences(terms.of_code(code, row, now=now), row.synced_terms)
    if codes.status(code, now) in terms.DEAD:
        return "active" in wanted
    return bool(wanted | terms.outstanding_of_coupon(code, row.stripe_coupon))


def _unpushed(code: PromoCode, sentence: str, now: datetime, kind: Kind = Kind.NOT_PUSHED) -> Difference:
    return Difference(
        kind,
        sentence,
        code,
        look=partial(_is_out_of_step, code, now),
        repair=lambda: _is_out_of_step(code, now) and _mark_pending(code),
    )


def _is_out_of_step(code: PromoCode, now: datetime) -> bool:
    fresh = PromoCode.objects.select_related("offer", "campaign", "customer").get(pk=code.pk)
    return fresh.sync_status == SyncStatus.SYNCED and not terms.is_agreed(fresh, now=now)


def _gone(seen: set[int], survey: Survey) -> Iterator[Difference]:
    current = StripePromotionCode.objects.filter(state=State.CURRENT, promo_code__archived_at=None)
    at_stripe = current.exclude(stripe_coupon__state=StripeCoupon.State.DELETED)
    keys = list(at_stripe.values_list("pk", flat=True))
    for page in pages(key for key in keys if key not in seen):
        for row in _rows().filter(pk__in=page):
            if _is_settled(row, survey.now):
                yield Difference(
                    Kind.MISSING_THERE,
                    f"The promotion code of {row.promo_code} is gone from Stripe.",
                    row.promo_code,
                    stripe_id=row.stripe_promotion_code_id or "",
                    look=partial(_is_gone, row),
                    repair=partial(_pull_known, row, survey),
                )


def _is_gone(row: StripePromotionCode) -> bool:
    assert row.stripe_promotion_code_id
    try:
        stripe_gateway.retrieve_promotion_code(row.stripe_promotion_code_id)
    except stripe_gateway.NotFound:
        return True
    return False


def _never_made(survey: Survey) -> Iterator[Difference]:
    made = StripePromotionCode.objects.filter(promo_code=OuterRef("pk"), state=State.CURRENT)
    synced = PromoCode.objects.with_status(survey.now).filter(~Exists(made), sync_status=SyncStatus.SYNCED)
    for code in synced.filter(Q(status_now__in=_ALIVE)).exclude(offer__kind=Offer.Kind.OTHER):
        yield _unpushed(code, f"{code} was never made in Stripe.", survey.now, Kind.MISSING_THERE)
