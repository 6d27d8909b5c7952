"""The account's coupons and promotion codes, those switched off too: old redemptions name them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial

from django.db import OperationalError

from promos import redemptions, stripe_gateway
from promos.backfill.chronology import patiently
from promos.backfill.steps import Step, Steps
from promos.models import StripeCoupon, StripePromotionCode
from promos.sync import pull, terms

logger = logging.getLogger(__name__)


def bring(*, now: datetime, dry_run: bool) -> Steps:
    """Make offers and codes of what nobody here knows; codes before those of the same text that are switched off."""
    is_valid = patiently(lambda: {found["id"]: found["valid"] for found in stripe_gateway.list_coupons()})
    known = set(StripeCoupon.objects.values_list("stripe_coupon_id", flat=True))
    for coupon_id in is_valid:
        task = None if coupon_id in known else partial(pull.coupon, coupon_id, now=now)
        yield _step("coupons", coupon_id, task, dry_run=dry_run)
    known_codes = set(StripePromotionCode.objects.values_list("stripe_promotion_code_id", flat=True))
    for active in (True, False):
        for code_id, coupon_id in patiently(partial(_coupons_of_codes, active=active)).items():
            is_dead = not is_valid[coupon_id] if coupon_id in is_valid else None
            task = partial(pull.promotion_code, code_id, now=now, is_coupon_dead=is_dead)
            yield _step("codes", code_id, None if code_id in known_codes else task, dry_run=dry_run)
    if not dry_run:
        redemptions.link_known(now=now)


def _coupons_of_codes(*, active: bool) -> dict[str, str]:
    found = stripe_gateway.list_promotion_codes(active=active)
    return {each["id"]: terms.coupon_id(each) for each in found}


def _step(name: str, stripe_id: str, pull_it: Callable[[], object] | None, *, dry_run: bool) -> Step:
    """Pull what is not known here; what Stripe refuses to tell or is strange is a failure, silence ends the walk."""
    if pull_it is None or dry_run:
        return Step(name, is_new=pull_it is not None)
    try:
        patiently(pull_it)
    except stripe_gateway.Rejected as error:
        return Step(name, failure=f"{stripe_id}: {error}")
    except (stripe_gateway.StripeError, OperationalError):
        raise
    except Exception as error:
        # One strange object must not keep out all that came after it.
        logger.exception("%s could not be taken over", stripe_id)
        return Step(name, failure=f"{stripe_id}: {type(error).__name__}: {error}")
    return Step(name, is_new=True)
