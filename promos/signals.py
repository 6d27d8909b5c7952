"""A saved code or offer that differs from what Stripe has waits to be pushed, and the worker is woken.

Whatever saved the row: a form, a command, an import. Saves of the sync's own
fields change no terms and are passed over. Wired in promos.apps.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.signals import post_save
from django.utils import timezone

from promos.models import Campaign, Offer, PromoCode, StripeCoupon, StripePromotionCode
from promos.sync import terms

#: The channel on which a PostgreSQL worker listens; SQLite has none, there the worker polls.
CHANNEL = "promos_push"
#: A code saved by itself is pushed before the codes of a batch, which have no time; workers' clocks may be behind.
HEAD_START = timedelta(minutes=1)


def connect() -> None:
    post_save.connect(code_saved, sender=PromoCode, dispatch_uid="promos_code_saved")
    post_save.connect(offer_saved, sender=Offer, dispatch_uid="promos_offer_saved")
    post_save.connect(campaign_saved, sender=Campaign, dispatch_uid="promos_campaign_saved")


def code_saved(
    instance: PromoCode, created: bool, update_fields: frozenset[str] | None, raw: bool, **kwargs: Any
) -> None:
    if raw or (update_fields is not None and update_fields <= set(PromoCode.SYNC_FIELDS)):
        return
    row, now = PromoCode.objects.filter(pk=instance.pk), timezone.now()
    is_new = created and instance.sync_status == PromoCode.SyncStatus.PENDING
    # An older row's own word that it is pending may be out of date: the worker may just have pushed it.
    if is_new or not terms.is_agreed(instance, now=now):
        instance.sync_status, instance.next_try_at = PromoCode.SyncStatus.PENDING, now - HEAD_START
        _mark_pending(row, next_try_at=instance.next_try_at)
    elif at := terms.next_change_at(instance, now):
        row.look_again(at)
    _wake_worker()


def offer_saved(instance: Offer, created: bool, raw: bool, **kwargs: Any) -> None:
    if created or raw:
        return
    wanted = terms.of_offer(instance)
    if any(terms.differences(wanted, coupon.synced_terms) for coupon in _coupons_of(instance)):
        _mark_pending(instance.promo_codes.not_archived())
        _wake_worker()


def _coupons_of(offer: Offer) -> Sequence[StripeCoupon]:
    """Return the newest coupon and those that codes hang on: terms that came back may have left some behind."""
    hanging = StripePromotionCode.objects.filter(
        stripe_coupon=OuterRef("pk"), state=StripePromotionCode.State.CURRENT
    )
    coupons = offer.stripe_coupons.annotate(is_used=Exists(hanging)).order_by("-version")
    return [coupon for position, coupon in enumerate(coupons) if coupon.is_used or position == 0]


def campaign_saved(instance: Campaign, created: bool, raw: bool, **kwargs: Any) -> None:
    """Schedule and pause of a campaign are its codes'; comparing them again costs nothing where they agree."""
    if not created and not raw:
        _mark_pending(instance.promo_codes.not_archived())
        _wake_worker()


def _mark_pending(queryset: QuerySet[PromoCode], *, next_try_at: datetime | None = None) -> None:
    """Set pending in one UPDATE; conflicts wait for the owner's word."""
    queryset.exclude(sync_status=PromoCode.SyncStatus.CONFLICT).update(
        sync_status=PromoCode.SyncStatus.PENDING, sync_error="", next_try_at=next_try_at
    )


def _wake_worker() -> None:
    if connection.vendor == "postgresql":
        transaction.on_commit(_notify)


def _notify() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"NOTIFY {CHANNEL}")
