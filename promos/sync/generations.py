"""A code's promotion codes at Stripe, one generation after the other: made, switched, retired.

Each step brings rows and Stripe nearer to what the code wants and leaves rows
from which the next step goes on, in this run or another. The promotion code that
it made is saved in the transaction that decides what comes next. Before a
promotion code is changed it is looked at, so that what was done to it in the
dashboard meanwhile is taken over and not undone.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from promos import customers, remaining, stripe_gateway
from promos.models import StripeCoupon, StripePromotionCode
from promos.stripe_gateway import StripeObject
from promos.sync import coupons, creation, marks, pull, refusals, terms, wording
from promos.sync.run import Run

State = StripePromotionCode.State


class ChangedThere(Exception):
    """The promotion code was switched in the dashboard: that has to be taken over first."""

    def __init__(self, generation: StripePromotionCode) -> None:
        super().__init__("It was switched in Stripe.")
        self.promotion_code_id = _id(generation)


@dataclass(frozen=True)
class Made:
    """A promotion code that Stripe has and that its row does not name yet."""

    generation: StripePromotionCode
    found: StripeObject

    def save(self) -> None:
        """Save that the promotion code exists, in the caller's transaction and under the code's lock."""
        row = self.generation
        agreed = row.creation["terms"]
        row.stripe_promotion_code_id, row.stripe_customer_id = self.found["id"], agreed["customer"]
        row.synced_terms, row.creation = agreed, {}
        row.state, row.times_redeemed = State.CURRENT, self.found["times_redeemed"]
        row.save()

    def leave(self) -> None:
        """Leave it to whoever has the code now, who may have made another."""
        marks.generation_of(self.found)


#: One thing to ask or tell Stripe, outside of any transaction.
Step = Callable[[], Made | None]


def switch_off(run: Run, generation: StripePromotionCode) -> None:
    """End a retired promotion code that is still active at Stripe."""
    run.keep_lease()
    # Gone is off, too.
    with suppress(stripe_gateway.NotFound):
        stripe_gateway.update_promotion_code(_id(generation), {"active": False})
    _save_active(run, generation, is_active=False)


def begin(run: Run, number: int) -> Step:
    """Return the step that makes the code's next promotion code, whose row this saves under the code's lock.

    While its coupon or its customer is missing, that is made first.
    """
    code = run.code
    coupon = coupons.ready(code.offer)
    if coupon is None or (code.customer is not None and not code.customer.stripe_customer_id):
        return partial(_prepare, run)
    generation = StripePromotionCode(
        promo_code=code, generation=number, stripe_coupon=coupon, used_before=remaining.taken(code)
    )
    generation.creation = _planned(run, generation)
    generation.save()
    return partial(_create, run, generation)


def finish(run: Run, generation: StripePromotionCode) -> Made | None:
    """Make the promotion code of a row, or take over the one that a lost try made.

    A row whose code was edited, ended or used before it was made is given up. One that
    lost its id and has no request is looked up by the terms that it had.
    """
    if not generation.creation:
        generation.creation = _planned(run, generation)
    found = _find(generation) if creation.was_sent(generation) else None
    if found is not None:
        return Made(generation, found)
    if _is_outdated(run, generation):
        _retire(run, generation, "Never made: the code was changed before")
        return None
    creation.note_sending(run, generation)
    return _create(run, generation)


def change(run: Run, generation: StripePromotionCode) -> None:
    """Switch the promotion code in place if that is all; else retire it, which makes room for a successor.

    Raises:
        ChangedThere: the dashboard switched it meanwhile, against what we want.
    """
    changed = terms.outstanding(run.code, generation, now=run.now)
    is_to_go_off = "active" in changed and generation.synced_terms["active"]
    # Off first: neither a refused coupon nor a slow one may keep a paused code alive.
    if not is_to_go_off:
        if "coupon" in changed:
            _prepare(run)
        elif "name" in changed:
            coupons.update(run, generation.stripe_coupon, run.code.offer)
    if changed <= {"name"}:
        return
    found = _look(run, generation)
    if found is None:
        return
    if is_to_go_off or changed <= terms.MUTABLE_OF_PROMOTION_CODE | {"name"}:
        _switch(run, generation, found)
    elif _is_switched_there(run, generation, found):
        raise ChangedThere(generation)
    else:
        generation.synced_terms |= {"active": found["active"]}
        _retire(run, generation, wording.edits(run.code, generation, changed))


def _look(run: Run, generation: StripePromotionCode) -> StripeObject | None:
    """Return the promotion code as Stripe has it; None when there is nothing left to compare with."""
    try:
        found = stripe_gateway.retrieve_promotion_code(_id(generation))
    except stripe_gateway.NotFound:
        generation.synced_terms |= {"active": False}
        _retire(run, generation, "It was gone from Stripe")
        return None
    if generation.creation:
        # Our own last switch, arrived or not: whichever it is, nobody here has to be told.
        _save_active(run, generation, is_active=found["active"])
        return None
    return found


def _switch(run: Run, generation: StripePromotionCode, found: StripeObject) -> None:
    """Switch the promotion code to what we want, unless it is so already or can never be again."""
    is_wanted = not generation.synced_terms["active"]
    if found["active"] == is_wanted:
        _save_active(run, generation, is_active=is_wanted)
    elif is_wanted and pull.is_ended(found, now=run.now):
        _retire(run, generation, "Stripe could not switch it on again")
    else:
        try:
            _send_active(run, generation, is_active=is_wanted)
        except stripe_gateway.Rejected as error:
            raise refusals.of_text(run.code, error) from error


def _is_switched_there(run: Run, generation: StripePromotionCode, found: StripeObject) -> bool:
    """Whether somebody switched it in the dashboard; its expiry, its cap and its coupon's end are nobody's doing."""
    if found["active"] == generation.synced_terms["active"] or pull.is_ended(found, now=run.now):
        return False
    return bool(found["active"]) or _is_alive(generation.stripe_coupon)


def _is_alive(coupon: StripeCoupon) -> bool:
    try:
        return bool(stripe_gateway.retrieve_coupon(coupon.stripe_coupon_id)["valid"])
    except stripe_gateway.NotFound:
        return False


def _send_active(run: Run, generation: StripePromotionCode, *, is_active: bool) -> None:
    with run.saving():
        # Should the answer be lost, the next run looks before it believes ``synced_terms``.
        generation.creation = {"params": {"active": is_active}}
        generation.save(update_fields=["creation"])
    stripe_gateway.update_promotion_code(_id(generation), {"active": is_active})
    _save_active(run, generation, is_active=is_active)


def _save_active(run: Run, generation: StripePromotionCode, *, is_active: bool) -> None:
    with run.saving():
        generation.synced_terms |= {"active": is_active}
        generation.creation = {}
        generation.save(update_fields=["synced_terms", "creation"])


def _retire(run: Run, generation: StripePromotionCode, reason: str) -> None:
    with run.saving():
        generation.state, generation.retired_reason = State.RETIRED, reason
        generation.save(update_fields=["state", "retired_reason", "synced_terms"])


def _prepare(run: Run) -> None:
    """Make sure of the coupon and the customer that the promotion code needs."""
    coupons.ensure(run)
    if run.code.customer is not None:
        customers.ensure_at_stripe(run.code.customer)


def _planned(run: Run, generation: StripePromotionCode) -> dict[str, Any]:
    wanted = generation.synced_terms or terms.of_code(run.code, generation, now=run.now)
    metadata = marks.of_generation(generation.promo_code_id, generation.generation)
    params = terms.promotion_code_params(wanted) | {"metadata": metadata}
    return creation.planned(wanted, params, sent_at=run.now)


def _is_outdated(run: Run, generation: StripePromotionCode) -> bool:
    """Whether the request of a row that was not made yet is no longer what the code wants."""
    code, planned = run.code, generation.creation["terms"]
    return (
        not terms.is_wanted(code, now=run.now)
        or generation.used_before != remaining.taken(code)
        or bool(terms.differences(terms.of_code(code, generation, now=run.now), planned))
        or "coupon" in terms.outstanding_of_coupon(code, generation.stripe_coupon)
    )


def _find(generation: StripePromotionCode) -> StripeObject | None:
    """Return the promotion code that a lost try made, ours by its metadata."""
    sent = generation.creation["terms"]
    ours = marks.of_generation(generation.promo_code_id, generation.generation)
    found = stripe_gateway.list_promotion_codes(code=sent["code"], coupon=sent["coupon"])
    return next((each for each in found if marks.are_on(each, ours)), None)


def _create(run: Run, generation: StripePromotionCode) -> Made | None:
    key = f"{generation.stripe_coupon.offer.uid}-{generation.promo_code_id}-{generation.generation}"
    try:
        return Made(generation, creation.send(run, generation, stripe_gateway.create_promotion_code, key=key))
    except stripe_gateway.Conflict:
        raise
    except stripe_gateway.Rejected as error:
        _repair_or_raise(run, generation, error)
        return None


def _repair_or_raise(run: Run, generation: StripePromotionCode, error: stripe_gateway.Rejected) -> None:
    """Replace a customer or a coupon that somebody deleted at Stripe; raise every other refusal."""
    if customers.is_gone(error) and run.code.customer is not None:
        customers.replace_at_stripe(run.code.customer)
    elif error.code == "resource_missing" and error.param.startswith("promotion"):
        pull.coupon_deleted(generation.stripe_coupon.stripe_coupon_id)
    else:
        raise refusals.of_text(run.code, error) from error


def _id(generation: StripePromotionCode) -> str:
    assert generation.stripe_promotion_code_id, "only rows without an id are still being made"
    return generation.stripe_promotion_code_id
