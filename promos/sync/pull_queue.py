"""Pulls that an owner asked for: noted on the code's promotion code, made by the worker.

A pull is taken up by moving its time into the future, so that of many workers
one makes it, and one that died or found Stripe down leaves it to be made then.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import OperationalError

from promos import stripe_gateway
from promos.models import PromoCode, StripePromotionCode
from promos.sync import pull

logger = logging.getLogger(__name__)

BATCH_SIZE = 20
AGAIN_AFTER = timedelta(minutes=1)


def ask(code: PromoCode, *, now: datetime) -> bool:
    """Have the worker pull a code; return False when Stripe does not have it."""
    current = code.stripe_promotion_codes.filter(state=StripePromotionCode.State.CURRENT)
    return bool(current.exclude(stripe_promotion_code_id=None).update(pull_at=now))


def work(now: datetime, *, limit: int = BATCH_SIZE) -> int:
    """Make up to ``limit`` pulls that were asked for, and return how many were taken up.

    Raises:
        stripe_gateway.StripeError: Stripe could not be asked; the pulls are due again in a minute.
    """
    due = StripePromotionCode.objects.filter(pull_at__lte=now).order_by("pull_at", "pk")
    rows = [row for row in due.select_related("stripe_coupon")[:limit] if _claim(row, now)]
    # A batch shares one coupon.
    for coupon_id in sorted({row.stripe_coupon.stripe_coupon_id for row in rows}):
        _pull_coupon(coupon_id, now)
    for row in rows:
        _pull(row, now)
    return len(rows)


def _claim(row: StripePromotionCode, now: datetime) -> bool:
    mine = StripePromotionCode.objects.filter(pk=row.pk, pull_at=row.pull_at)
    row.pull_at = now + AGAIN_AFTER
    return mine.update(pull_at=row.pull_at) == 1


def _pull_coupon(coupon_id: str, now: datetime) -> None:
    try:
        pull.coupon(coupon_id, now=now)
    except pull.InMotion:
        logger.info("The coupon %s is being pushed, which compares it as well", coupon_id)
    except stripe_gateway.Rejected as error:
        logger.warning("The coupon %s cannot be pulled: %s", coupon_id, error)
    except (stripe_gateway.StripeError, OperationalError):
        raise
    except Exception:
        # One strange coupon must not stop the others, which wait behind it.
        logger.exception("The coupon %s cannot be pulled", coupon_id)


def _pull(row: StripePromotionCode, now: datetime) -> None:
    try:
        pull.promotion_code(row.stripe_promotion_code_id or "", now=now)
    except pull.InMotion:
        return
    except stripe_gateway.Rejected as error:
        logger.warning("%s cannot be pulled: %s", row, error)
    except (stripe_gateway.StripeError, OperationalError):
        raise
    except Exception:
        logger.exception("%s cannot be pulled", row)
    # Asked for once more meanwhile, it has another time and is made again.
    StripePromotionCode.objects.filter(pk=row.pk, pull_at=row.pull_at).update(pull_at=None)
