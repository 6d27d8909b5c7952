"""The generations of a code at Stripe, newest first: each from when, with what, and why it ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from promos.admin.base import dashboard_link
from promos.models import PromoCode, StripePromotionCode
from promos.sync import wording

#: Nobody edits a code more often; a loop would.
SHOWN_AT_MOST = 50


@dataclass(frozen=True)
class Generation:
    """One promotion code of the timeline."""

    number: int
    link: SafeString | str
    coupon_link: SafeString | str
    since: datetime
    state: str
    reason: str
    limit: str
    times_redeemed: int


def render(code: PromoCode) -> SafeString | str:
    """Return the timeline as a table; empty before the first push."""
    rows = code.stripe_promotion_codes.select_related("stripe_coupon").order_by("-generation")
    generations = [_generation(row) for row in rows[:SHOWN_AT_MOST]]
    context = {"generations": generations}
    return render_to_string("admin/promos/generations.html", context) if generations else ""


def _generation(row: StripePromotionCode) -> Generation:
    return Generation(
        number=row.generation,
        link=dashboard_link("promotion_codes", row.stripe_promotion_code_id) or "no id yet",
        coupon_link=dashboard_link("coupons", row.stripe_coupon.stripe_coupon_id),
        since=row.created_at,
        state=row.get_state_display(),
        reason=row.retired_reason,
        limit=wording.value("max_redemptions", row.synced_terms) if row.synced_terms else "–",
        times_redeemed=row.times_redeemed,
    )
