"""The life of a campaign: changed, approved, paused and resumed with all its codes.

Each operation writes only what an owner decides; what the codes gave away is
written by redemptions at the same time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Min, Sum

from promos import approval, budgets
from promos.models import Campaign, CodeDayTotal, PromoCodeUsage

EDITABLE = (
    "name",
    "starts_at",
    "ends_at",
    "currency",
    "budget_amount",
    "fixed_cost_amount",
    "gives_back_on_refund",
)
_APPROVAL = ("needs_approval", "approved_at", "approved_by", "terms_changed_by")


@dataclass(frozen=True)
class Pace:
    """How a budget is used up: minor units a day since it began to be, what is left, and until when it lasts."""

    daily_amount: int
    left_amount: int
    lasts_until: datetime | None


@dataclass(frozen=True)
class Result:
    """What a campaign's codes did in one currency, over all time; amounts in minor units."""

    currency: str
    redemptions: int
    gross_amount: int
    discount_amount: int
    net_amount: int


def pace(campaign: Campaign, *, now: datetime) -> Pace | None:
    """Return how fast the budget goes, by what was given away and promised so far; None without a budget."""
    return paces([campaign], now=now).get(campaign.pk)


def paces(found: Iterable[Campaign], *, now: datetime) -> dict[int, Pace]:
    """Return the same of many campaigns, by their ids; two queries for those that have a budget."""
    left = {each: amount for each in found if (amount := left_amount(each)) is not None}
    used_since = _first_days(left)
    return {each.pk: _pace(each, amount, used_since.get(each.pk), now) for each, amount in left.items()}


def _pace(campaign: Campaign, left: int, first_day: date | None, now: datetime) -> Pace:
    # On its first day a campaign has run for a day.
    days = max((now - _began_at(campaign, first_day)) / timedelta(days=1), 1.0)
    daily = int((campaign.spent_amount + campaign.promised_amount) / days)
    is_lasting = daily == 0 or left <= 0
    return Pace(daily, left, None if is_lasting else now + timedelta(days=min(left / daily, 36_500)))


def left_amount(campaign: Campaign) -> int | None:
    """Return what of the budget is neither given away, promised nor held, in minor units; None without a budget."""
    if campaign.budget_amount is None:
        return None
    return campaign.budget_amount - campaign.spent_amount - campaign.promised_amount - campaign.held_amount


def _began_at(campaign: Campaign, first_day: date | None) -> datetime:
    """Return since when the budget is used: a code that joined later brought what it had given away before."""
    started_at = max(filter(None, (campaign.starts_at, campaign.created_at)))
    is_earlier = first_day is not None and first_day < started_at.astimezone(UTC).date()
    return datetime.combine(first_day, time.min, tzinfo=UTC) if first_day and is_earlier else started_at


def _first_days(found: Collection[Campaign]) -> dict[int, date]:
    """Return on which day of UTC a code of each campaign, or of its batches, was first redeemed.

    By the kept totals: of a code with a million redemptions they are a few hundred rows.
    """
    first: dict[int, date] = {}
    for owner in ("promo_code__campaign", "batch__campaign") if found else ():
        days = CodeDayTotal.objects.filter(**{f"{owner}__in": found}, redemptions__gt=0).values_list(owner)
        for key, day in days.annotate(Min("day")).order_by():
            first[key] = min(day, first.get(key, day))
    return first


def results(campaign: Campaign) -> list[Result]:
    """Return what the campaign's codes did, by currency."""
    usages = PromoCodeUsage.objects.filter(
        promo_code__campaign=campaign,
        status__in=[PromoCodeUsage.Status.SETTLED, PromoCodeUsage.Status.REFUNDED],
    )
    rows = usages.values_list("currency").annotate(
        Count("pk"), Sum("gross_amount"), Sum("discount_amount"), Sum("net_amount")
    )
    return [Result(*row) for row in rows.order_by("currency")]


@transaction.atomic
def save(campaign: Campaign, *, by: User | None) -> Campaign:
    """Save a new or an edited campaign; a changed budget needs its approval anew."""
    if Campaign.objects.filter(pk=campaign.pk).exclude(currency=campaign.currency).exists():
        budgets.wait_for_checkouts(campaign)
    before = Campaign.objects.select_for_update().filter(pk=campaign.pk).first()
    if before is None or approval.terms_of_campaign(before) != approval.terms_of_campaign(campaign):
        campaign.needs_approval = approval.campaign_needs_it(campaign)
        campaign.approved_at = campaign.approved_by = None
        campaign.terms_changed_by = by
    if before is None:
        campaign.save()
        return campaign
    campaign.save(update_fields=[*EDITABLE, *_APPROVAL])
    if before.currency != campaign.currency:
        budgets.recount(campaign)
    return campaign


@transaction.atomic
def approve(campaign: Campaign, *, seen: Collection[str], by: User, now: datetime) -> bool:
    """Let the codes of a waiting campaign work; return False when it does not wait.

    ``seen`` are the fingerprints of the budgets that the person was shown.

    Raises:
        ValidationError: the same person set its budget, or it is not what was shown.
    """
    campaign.refresh_from_db(from_queryset=Campaign.objects.select_for_update())
    if not campaign.is_waiting:
        return False
    approval.refuse_own(campaign, by)
    approval.refuse_unseen(approval.fingerprint_of_campaign(campaign), seen)
    campaign.approved_at, campaign.approved_by = now, by
    campaign.save(update_fields=_APPROVAL)
    return True


def pause(campaign: Campaign, *, now: datetime) -> bool:
    """Pause a campaign and with it all its codes; return False when it is paused."""
    if campaign.paused_at:
        return False
    campaign.paused_at = now
    campaign.save(update_fields=["paused_at"])
    return True


def resume(campaign: Campaign) -> bool:
    """Take back a campaign's pause; return False when it is not paused."""
    if not campaign.paused_at:
        return False
    campaign.paused_at = None
    campaign.save(update_fields=["paused_at"])
    return True
