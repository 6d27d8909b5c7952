"""Codes as they stand now, whatever the period: never used, about to expire, about to run out.

There may be a million: each list is counted up to a limit, and read by an index.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, FloatField, Q
from django.db.models.functions import Cast

from analytics import queries
from analytics.formulas import Ratio
from analytics.queries import Issued
from analytics.selection import Selection
from promos.models import CodeBatch, PromoCode, PromoCodeUsage
from promos.models.codes import PromoCodeQuerySet

#: Beyond this a count says "10,000+".
COUNTED_AT_MOST = 10_000
LISTED_AT_MOST = 20
EXPIRES_WITHIN = timedelta(days=30)


@dataclass(frozen=True)
class Stock:
    """Some of the codes of one kind, and how many there are; ``count`` stops at the limit."""

    codes: list[PromoCode]
    count: int

    @property
    def shown_count(self) -> str:
        return f"{COUNTED_AT_MOST:,}+" if self.count > COUNTED_AT_MOST else f"{self.count:,}"


def never_used(selection: Selection) -> Stock:
    """Return the codes that were given out and never redeemed, the oldest first."""
    return _stock(
        _in_use(selection).exclude(PromoCodeUsage.objects.codes_ever_redeemed()), "created_at", "pk"
    )


def expiring(selection: Selection, now: datetime) -> Stock:
    """Return the codes that expire within thirty days, the next first."""
    codes = _in_use(selection).filter(expires_at__gt=now, expires_at__lte=now + EXPIRES_WITHIN)
    return _stock(codes, "expires_at", "pk")


def running_out(selection: Selection) -> Stock:
    """Return the codes of which at least four fifths are used up, not all, the fullest first."""
    fullness = Cast("used_count", FloatField()) / F("max_redemptions")
    codes = _in_use(selection).running_out().annotate(fullness=fullness)
    return _stock(codes, "-fullness", "pk")


@dataclass(frozen=True)
class BatchUse:
    """A batch, its codes that were given out, and those of them redeemed at least once."""

    batch: CodeBatch
    issued: Issued

    @property
    def usage_rate(self) -> Ratio:
        return Ratio(self.issued.used, self.issued.codes)


def batches(selection: Selection) -> list[BatchUse]:
    """Return the newest batches with codes that were given out, the newest first. Two queries."""
    newest = {batch.pk: batch for batch in CodeBatch.objects.order_by("-pk")[:LISTED_AT_MOST]}
    codes: Any = queries.issued_codes(selection.campaign_id).filter(batch__in=newest)
    found = codes.values("batch").annotate(**queries.of_issued()).order_by("-batch")
    return [BatchUse(newest[row["batch"]], Issued(row["codes"], row["used"])) for row in found]


def _in_use(selection: Selection) -> PromoCodeQuerySet:
    return PromoCode.objects.filter(_campaign(selection), archived_at=None, approved_at__isnull=False)


def _campaign(selection: Selection) -> Q:
    return Q(campaign=selection.campaign_id) if selection.campaign_id else Q()


def _stock(codes: PromoCodeQuerySet, *order: str) -> Stock:
    listed = codes.select_related("campaign").order_by(*order)[:LISTED_AT_MOST]
    return Stock(list(listed), codes.order_by()[: COUNTED_AT_MOST + 1].count())
