"""From a figure to the rows behind it, in the admin."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Model
from django.urls import reverse

from analytics.measures.units import Unit
from analytics.models import AlertMessage
from analytics.needs import MESSAGES_SHOWN
from analytics.periods import Period
from analytics.queries import SETTLED
from analytics.selection import Segment, Selection
from promos.codes import Status
from promos.models import CodeBatch, CodeCheck, LedgerEntry, PromoCode, PromoCodeUsage

#: Codes that ``queries.issued`` counts as used.
_USED = {"uses": "ever", "approved_at__isnull": "False"}


def rows(model: type[Model], **lookups: str) -> str:
    """Return the address of the admin's list of a model, narrowed by lookups."""
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{address}?{urlencode(lookups)}" if lookups else address


def row(model: type[Model], pk: int) -> str:
    """Return the address of one row's page in the admin."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[pk])


def unit(unit: Unit) -> str:
    """Return the address of a code's page, or of a batch's."""
    return row(CodeBatch, unit.batch_id) if unit.batch_id else row(PromoCode, unit.promo_code_id)


def redemptions(period: Period, **lookups: str) -> str:
    settled = {"status__in": ",".join(SETTLED)}
    return rows(PromoCodeUsage, **settled, **within(period, "redeemed_at"), **lookups)


def entries(period: Period, **lookups: str) -> str:
    """Return the ledger entries of orders with a code."""
    return rows(LedgerEntry, usage__isnull="False", **within(period, "occurred_at"), **lookups)


def selected_redemptions(selection: Selection, **lookups: str) -> str:
    """Return the redemptions that ``selection.usages()`` counts."""
    narrowed = _narrowed(selection, campaign="promo_code__campaign", segment="is_new_customer")
    return redemptions(selection.period, **narrowed, **lookups)


def selected_entries(selection: Selection, **lookups: str) -> str:
    """Return the ledger entries that ``selection.entries()`` sums."""
    narrowed = _narrowed(selection, campaign="usage__promo_code__campaign", segment="usage__is_new_customer")
    return entries(selection.period, **narrowed, **lookups)


def selected_checks(selection: Selection, **lookups: str) -> str:
    """Return the entries of codes that ``selection.checks()`` counts; none where the list has no such filter."""
    if selection.currency or selection.segment:
        return ""
    narrowed = _narrowed(selection, campaign="promo_code__campaign", segment="")
    return rows(CodeCheck, **within(selection.period, "checked_at"), **narrowed, **lookups)


def _narrowed(selection: Selection, *, campaign: str, segment: str) -> dict[str, str]:
    chosen = {
        "currency": selection.currency,
        "plan": selection.plan,
        f"{campaign}__exact": str(selection.campaign_id or ""),
        f"{segment}__exact": str(int(selection.segment == Segment.NEW)) if selection.segment else "",
        "customer__country__exact": selection.country,
    }
    return {name: value for name, value in chosen.items() if value}


def campaign_redemptions(campaign_id: int, currency: str) -> str:
    """Return the settled redemptions of a campaign's codes in a currency, over all time."""
    campaign = {"promo_code__campaign__exact": str(campaign_id)}
    return rows(PromoCodeUsage, status__in=",".join(SETTLED), currency=currency, **campaign)


def running_discounts(selection: Selection, currency: str) -> str:
    """Return the redemptions that ``running.usages()`` counts; none for a plan, since it may not be the first."""
    if selection.plan:
        return ""
    campaign = {"promo_code__campaign__exact": str(selection.campaign_id)} if selection.campaign_id else {}
    return rows(PromoCodeUsage, discount="running", currency=currency, **campaign)


def open_codes(selection: Selection) -> str:
    """Return the codes that can be redeemed now."""
    campaign = {"campaign__id__exact": str(selection.campaign_id)} if selection.campaign_id else {}
    return rows(PromoCode, status=Status.ACTIVE, **campaign)


def accepted_checks(period: Period) -> str:
    return rows(CodeCheck, outcome="accepted", **within(period, "checked_at"))


def used_codes(campaign_id: int | None = None) -> str:
    """Return the codes that ``queries.issued(campaign_id)`` counts as used."""
    campaign = {"campaign__id__exact": str(campaign_id)} if campaign_id else {}
    return rows(PromoCode, **_USED, **campaign)


def used_codes_of_batch(batch_id: int) -> str:
    return rows(PromoCode, **_USED, batch__id__exact=str(batch_id))


def expiring_codes(now: datetime) -> str:
    """Return the codes that ``needs.expiring(now)`` counts."""
    return rows(
        PromoCode,
        archived_at__isnull="True",
        approved_at__isnull="False",
        expires_at__gt=now.isoformat(),
        expires_at__lte=(now + timedelta(days=settings.ALERT_EXPIRES_DAYS)).isoformat(),
    )


def undelivered_messages(now: datetime) -> str:
    """Return the messages that ``needs.undelivered_messages(now)`` counts."""
    since = (now - MESSAGES_SHOWN).isoformat()
    return rows(AlertMessage, sent_at__isnull="True", error__gt="", created_at__gt=since)


def within(period: Period, name: str) -> dict[str, str]:
    """Return the lookups of a time within a period."""
    return {f"{name}__gte": period.start.isoformat(), f"{name}__lt": period.end.isoformat()}
