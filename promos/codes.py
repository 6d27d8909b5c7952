"""What a code is: its text, and the status that follows from its row. Pure; time is passed in."""

from __future__ import annotations

import base64
import os
import re
import unicodedata
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from promos.models import PromoCode

#: What Stripe takes in a promotion code, after upper-casing.
ALLOWED_TEXT = re.compile(r"[A-Z0-9-]{1,255}")
#: What comes along when a code is copied out of a sentence.
AROUND = "\"'.,;:!?()[]\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb\u2039\u203a"
MINUS = "\u2212"


class Status(models.TextChoices):
    """What a code is now; the first that applies, in this order (``ACTIVE`` when none of them does)."""

    ARCHIVED = "archived", "Archived"
    DRAFT = "draft", "Draft"
    WAITING = "waiting", "Waiting for approval"
    EXPIRED = "expired", "Expired"
    USED_UP = "used_up", "Used up"
    PAUSED = "paused", "Paused"
    SCHEDULED = "scheduled", "Scheduled"
    ACTIVE = "active", "Active"


def normalise(text: str) -> str:
    """Return the one spelling under which codes are stored and compared. Idempotent.

    Only plain letters are upper-cased: a sharp s or a dotless i would otherwise become letters of codes.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    return plain.upper() if plain.isascii() else plain


def meant(text: str) -> str:
    """Return the code that somebody meant who typed or pasted a text; the normalised text when it makes none.

    Keyboards add spaces, mails invisible characters and long dashes, sentences
    quotes and stops; none of these is ever part of a code. No letter becomes another.
    """
    plain = normalise(text)
    shown = "".join(
        _dashed(sign) for sign in plain if not sign.isspace() and unicodedata.category(sign) != "Cf"
    )
    tidy = normalise(shown.strip(AROUND))
    return tidy if is_allowed(tidy) else plain


def is_allowed(text: str) -> bool:
    """Say whether a normalised text may be a code: letters A to Z, digits and hyphens."""
    return ALLOWED_TEXT.fullmatch(text) is not None


def _dashed(sign: str) -> str:
    return "-" if unicodedata.category(sign) == "Pd" or sign == MINUS else sign


def generate(length: int = 10) -> str:
    """Return a random text of ``length`` letters and digits 2-7 (5 bits each; 10 make 50 bits)."""
    raw = base64.b32encode(os.urandom((length * 5 + 7) // 8))
    return raw.decode("ascii")[:length]


def status(code: PromoCode, now: datetime) -> Status:
    """Return the status of a code at ``now`` (its campaign is read too).

    ``PromoCodeQuerySet.with_status`` is the same rule in SQL; a test holds the two together.
    """
    start, end = starts_at(code), ends_at(code)
    tests = (
        (code.archived_at is not None, Status.ARCHIVED),
        (code.submitted_at is None, Status.DRAFT),
        (is_waiting(code), Status.WAITING),
        (end is not None and end <= now, Status.EXPIRED),
        (code.max_redemptions is not None and code.used_count >= code.max_redemptions, Status.USED_UP),
        (pause_reason(code) != "", Status.PAUSED),
        (start is not None and start > now, Status.SCHEDULED),
    )
    return next((found for applies, found in tests if applies), Status.ACTIVE)


def is_waiting(code: PromoCode) -> bool:
    """Say whether somebody must approve the code, or its campaign's budget, before it works."""
    return code.approved_at is None or (code.campaign is not None and code.campaign.is_waiting)


def pause_reason(code: PromoCode) -> str:
    """Say why the code is paused, in words; empty when it is not."""
    campaign = code.campaign
    if code.paused_at is not None:
        return "Paused by hand"
    if campaign is not None and campaign.paused_at is not None:
        return f"The campaign {campaign.name} is paused"
    if campaign is not None and campaign.is_budget_spent:
        return f"The budget of {campaign.name} is spent"
    return ""


def starts_at(code: PromoCode) -> datetime | None:
    """Return when the code starts: the later of its own and its campaign's start."""
    campaign_start = code.campaign.starts_at if code.campaign else None
    return max((start for start in (code.starts_at, campaign_start) if start), default=None)


def ends_at(code: PromoCode) -> datetime | None:
    """Return when the code ends: the earlier of its own and its campaign's end."""
    campaign_end = code.campaign.ends_at if code.campaign else None
    return min((end for end in (code.expires_at, campaign_end) if end), default=None)
