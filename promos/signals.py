"""What follows from a saved row or a changed address, whoever did it. Wired in promos.apps.

A code or offer that differs from what Stripe has waits to be pushed, and the
worker is woken. Saves of the sync's own fields change no terms and are passed over.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from allauth.account.signals import email_changed
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.signals import post_save, pre_save
from django.utils import timezone

from promos import customers, stripe_gateway
from promos.models import Campaign, Offer, PromoCode, StripeCoupon, StripePromotionCode
from promos.sync import terms

#: The channel on which a PostgreSQL worker listens; SQLite has none, there the worker polls.
CHANNEL = "promos_push"
#: A code saved by itself is pushed before the codes of a batch, which have no time; workers' clocks may be behind.
HEAD_START = timedelta(minutes=1)


def connect() -> None:
    post_save.connect(code_saved, sender=PromoCode, dispatch_uid="promos_code_saved")
    post_save.connect(offer_saved, sender=Offer, dispatch_uid="promos_offer_saved")
    pre_save.connect(campaign_changes, sender=Campaign, dispatch_uid="promos_campaign_changes")
    post_save.connect(campaign_saved, sender=Campaign, dispatch_uid="promos_campaign_saved")
    email_changed.connect(address_changed, dispatch_uid="promos_address_changed")


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


def address_changed(user: User, **kwargs: Any) -> None:
    """Let the customer follow their account; what Stripe does not take now is tried again with their next checkout."""
    with suppress(stripe_gateway.StripeError), stripe_gateway.hurried(settings.STRIPE_PAGE_SECONDS):
        customers.follow_account(user)


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


def campaign_changes(instance: Campaign, raw: bool, **kwargs: Any) -> None:
    """Keep the campaign as it is before it is saved, to be compared with afterwards."""
    instance.before = None if raw else Campaign.objects.filter(pk=instance.pk).first()  # type: ignore[attr-defined]


def campaign_saved(instance: Campaign, **kwargs: Any) -> None:
    """Have the codes compared with Stripe again, pending where the campaign lets them work or not any more.

    Customers cannot use a code while it is pending: a new name, or a later end, stops nobody.
    """
    before: Campaign | None = instance.before  # type: ignore[attr-defined]
    if before is None:
        return
    now, open_codes = timezone.now(), instance.promo_codes.not_archived()
    after = Campaign.objects.get(pk=instance.pk)
    if _stands(before, now) != _stands(after, now):
        _mark_pending(open_codes)
    elif (before.starts_at, before.ends_at) != (after.starts_at, after.ends_at):
        open_codes.look_again(now)
    _wake_worker()


def _stands(campaign: Campaign, now: datetime) -> tuple[bool, str]:
    """Return whether a campaign lets its codes work, and in which currency its budget is counted."""
    has_begun = campaign.starts_at is None or campaign.starts_at <= now
    is_over = campaign.ends_at is not None and campaign.ends_at <= now
    is_off = campaign.paused_at is not None or campaign.is_waiting or campaign.is_budget_spent
    return has_begun and not is_over and not is_off, campaign.currency


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
