"""Codes whose text, dates, limits or standing with Stripe contradict themselves. Archived ones are left alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from promos import codes
from promos.doctor.findings import Finding, Repair, Rule, ask
from promos.models import PromoCode, StripePromotionCode

Codes = QuerySet[PromoCode]
State = StripePromotionCode.State

#: What the database can compare; every other text is looked at here.
_PLAIN_TEXT = r"^[A-Z0-9-]+$"


def text_not_allowed(found: Codes) -> Iterator[Finding]:
    """A text that Stripe refuses, or another spelling than the one under which codes are looked up."""
    for code in found.exclude(code__regex=_PLAIN_TEXT):
        plain = codes.normalise(code.code)
        if not codes.is_allowed(plain):
            repair = ask("Archive it and make one of letters A to Z, digits and hyphens.")
        elif PromoCode.objects.not_archived().filter(code=plain).exclude(pk=code.pk).exists():
            repair = ask(f"There is another code {plain}: archive one of them.")
        else:
            repair = Repair(f"Write it {plain}.", {"code": plain}, is_safe=True)
        yield Finding(
            "text_not_allowed", code, f"The text “{code.code}” is not one that Stripe takes.", repair
        )


def ends_before_start(found: Codes) -> Iterator[Finding]:
    for code in found.filter(expires_at__lte=F("starts_at")):
        yield Finding(
            "ends_before_start",
            code,
            f"It ends at {code.expires_at:%Y-%m-%d %H:%M} and starts at {code.starts_at:%Y-%m-%d %H:%M}.",
            ask("Enter when it should start and end."),
        )


def outside_its_campaign(found: Codes) -> Iterator[Finding]:
    """A code that is over before its campaign starts, or starts when that is over: it never works."""
    outside = Q(expires_at__lte=F("campaign__starts_at")) | Q(starts_at__gte=F("campaign__ends_at"))
    for code in found.filter(outside).select_related("campaign"):
        yield Finding(
            "outside_its_campaign",
            code,
            f"It never works: its days lie outside those of the campaign {code.campaign}.",
            ask("Change the days of the code or of the campaign."),
        )


def cap_below_uses(found: Codes) -> Iterator[Finding]:
    """Fewer uses allowed than were made. Payments past a limit are recorded, so this happens by itself."""
    for code in found.filter(max_redemptions__lt=F("used_count")):
        yield Finding(
            "cap_below_uses",
            code,
            f"It allows {code.max_redemptions} uses and was used {code.used_count} times.",
            Repair(
                f"Raise the limit to {code.used_count}; the code stays used up.",
                {"max_redemptions": code.used_count},
                is_safe=True,
            ),
        )


def cap_of_zero(found: Codes) -> Iterator[Finding]:
    for code in found.filter(Q(max_redemptions__lt=1, used_count=0) | Q(max_redemptions_per_customer__lt=1)):
        yield Finding(
            "cap_of_zero",
            code,
            "A limit of its uses is zero.",
            ask("Allow at least one use, leave the limit empty, or pause the code."),
        )


def minimum_without_currency(found: Codes) -> Iterator[Finding]:
    for code in found.filter(minimum_amount__isnull=False, minimum_amount_currency=""):
        offered = code.offer.currency.lower()
        if offered:
            repair = Repair(
                f"Make it {offered.upper()}, as its offer.",
                {"minimum_amount_currency": offered},
                is_safe=True,
            )
        else:
            repair = ask("Choose the currency, or leave the smallest order empty.")
        yield Finding(
            "minimum_without_currency",
            code,
            f"The smallest order of {code.minimum_amount} has no currency.",
            repair,
        )


def minimum_misspelt(found: Codes) -> Iterator[Finding]:
    for code in found.exclude(minimum_amount_currency="").exclude(
        minimum_amount_currency__regex="^[a-z]{3}$"
    ):
        currency = code.minimum_amount_currency.strip().lower()
        yield Finding(
            "minimum_misspelt",
            code,
            "The currency of the smallest order is not in small letters, as Stripe writes it.",
            Repair(
                f"Write it {currency}.", {"minimum_amount_currency": currency}, is_safe=len(currency) == 3
            ),
        )


def not_at_stripe(found: Codes, *, now: datetime) -> Iterator[Finding]:
    """A code called synced of which no promotion code's id is known."""
    known = StripePromotionCode.objects.filter(promo_code=OuterRef("pk"), state=State.CURRENT)
    known = known.exclude(Q(stripe_promotion_code_id=None) | Q(stripe_promotion_code_id=""))
    # Of these Stripe need not have anything.
    dead = [codes.Status.DRAFT, codes.Status.EXPIRED, codes.Status.USED_UP]
    synced = found.filter(~Exists(known), sync_status=PromoCode.SyncStatus.SYNCED)
    for code in synced.with_status(now).exclude(status_now__in=dead):  # type: ignore[attr-defined]
        yield Finding(
            "not_at_stripe",
            code,
            "It counts as synced, but nothing at Stripe is known of it.",
            Repair(
                "Have it pushed again.",
                {"sync_status": PromoCode.SyncStatus.PENDING, "next_try_at": None},
                is_safe=True,
            ),
        )


def generation_without_id(found: QuerySet[StripePromotionCode]) -> Iterator[Finding]:
    nameless = Q(stripe_promotion_code_id=None) | Q(stripe_promotion_code_id="")
    for generation in found.filter(nameless, state=State.CURRENT).select_related("promo_code"):
        yield Finding(
            "generation_without_id",
            generation,
            "Its promotion code counts as made at Stripe, but has no id.",
            Repair("Look it up or make it anew.", {"state": State.CREATING}, is_safe=True),
        )


def of_codes(now: datetime) -> tuple[Rule, ...]:
    """Return the rules for codes."""
    return (
        text_not_allowed,
        ends_before_start,
        outside_its_campaign,
        cap_below_uses,
        cap_of_zero,
        minimum_without_currency,
        minimum_misspelt,
        partial(not_at_stripe, now=now),
    )
